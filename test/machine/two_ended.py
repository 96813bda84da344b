"""One end of a conversation in which every byte is checked. Run as a program, it is the end inside a domain.

Both ends draw from generators with one seed, which is sent first, in a line of its own. Each end sends batches of 0 to
4095 random bytes, each after a letter, and answers every checked batch with another letter. At most `WINDOW` batches
are unanswered, so that the bytes in flight fit into a console's buffers.
"""
import os
import queue
import random
import threading

BATCH = b"D"
ACKNOWLEDGED = b"A"
WINDOW = 4


class Mismatch(Exception):
    pass


class Stream:
    """The batches that one end sends, for that end and for the one that checks them."""

    def __init__(self, seed, end):
        self.random = random.Random(f"{seed} {end}")

    def next_batch(self):
        return self.random.randbytes(self.random.randrange(4096))


class End:
    """`read(n)` returns 1..n bytes, or b"" at the end; `write(bytes)` writes all; `finish()` is called when nothing
    more will be read."""

    def __init__(self, read, write, seed, name, other, bytes_each_way, finish=lambda: None):
        self.read, self.write, self.finish = read, write, finish
        self.sent, self.expected = Stream(seed, name), Stream(seed, other)
        self.name = name
        self.bytes_each_way = bytes_each_way
        self.outgoing = queue.Queue()  # None is the end
        self.window = threading.Semaphore(WINDOW)
        self.sent_batches = 0
        self.produced = False
        self.received_bytes = 0
        self.failure = None

    def run(self):
        """Runs until both directions are done; raises any error."""
        workers = [threading.Thread(target=self.guard, args=(work,), daemon=True)
                   for work in (self.produce, self.send, self.receive)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if self.failure:
            raise self.failure

    def guard(self, work):
        try:
            work()
        except Exception as failure:  # run() raises it
            self.failure = self.failure or failure
            self.outgoing.put(None)
            self.window.release()

    def produce(self):
        sent_bytes = 0
        while sent_bytes < self.bytes_each_way:
            self.window.acquire()
            if self.failure:
                return
            batch = self.sent.next_batch()
            sent_bytes += len(batch)
            self.sent_batches += 1
            self.produced = sent_bytes >= self.bytes_each_way
            self.outgoing.put(BATCH + batch)

    def send(self):
        while (piece := self.outgoing.get()) is not None:
            self.write(piece)

    def receive(self):
        try:
            self.receive_all()
        finally:
            self.finish()
        self.outgoing.put(None)

    def receive_all(self):
        answers = 0
        while not (self.received_bytes >= self.bytes_each_way and self.produced and answers == self.sent_batches):
            letter = self.take(1)
            if letter == ACKNOWLEDGED:
                answers += 1
                self.window.release()
            elif letter == BATCH:
                self.check_batch()
                self.outgoing.put(ACKNOWLEDGED)
            else:
                raise Mismatch(f"{self.name}: {letter!r} where a batch or an answer begins, after "
                               f"{self.received_bytes} bytes")

    def check_batch(self):
        wanted = self.expected.next_batch()
        got = self.take(len(wanted))
        if got != wanted:
            at = next(place for place in range(len(wanted)) if got[place] != wanted[place])
            raise Mismatch(f"{self.name}: from byte {self.received_bytes + at} on came {got[at:at + 20].hex()}, "
                           f"not {wanted[at:at + 20].hex()}")
        self.received_bytes += len(got)

    def take(self, count):
        taken = b""
        while len(taken) < count:
            piece = self.read(count - len(taken))
            if not piece:
                raise Mismatch(f"{self.name}: the other end closed after {self.received_bytes} bytes")
            taken += piece
        return taken


class Echoed:
    """The other end echoes every byte, so the sent bytes must come back. Runs like an End."""

    CHUNK = 4096

    def __init__(self, read, write, seed, bytes_in_all, finish):
        self.read, self.write, self.finish = read, write, finish
        self.sent, self.expected = random.Random(seed), random.Random(seed)
        self.chunks = bytes_in_all // self.CHUNK
        self.window = threading.Semaphore(WINDOW)
        self.failure = None

    def run(self):
        sender = threading.Thread(target=self.send, daemon=True)
        sender.start()
        try:
            self.receive_all()
        finally:
            self.finish()
        sender.join()
        if self.failure:
            raise self.failure

    def receive_all(self):
        for number in range(self.chunks):
            wanted = self.expected.randbytes(self.CHUNK)
            got = b""
            while len(got) < self.CHUNK:
                piece = self.read(self.CHUNK - len(got))
                if not piece:
                    raise Mismatch(f"the console closed in chunk {number}")
                got += piece
            if got != wanted:
                at = next(place for place in range(self.CHUNK) if got[place] != wanted[place])
                raise Mismatch(f"byte {at} of chunk {number} is wrong: {got[at:at + 20].hex()}, not "
                               f"{wanted[at:at + 20].hex()}")
            self.window.release()

    def send(self):
        try:
            for _ in range(self.chunks):
                self.window.acquire()
                self.write(self.sent.randbytes(self.CHUNK))
        except Exception as failure:  # run() raises it
            self.failure = failure


def read_line(read):
    line = b""
    while not line.endswith(b"\n"):
        piece = read(1)
        if not piece:
            raise Mismatch("closed before the seed came")
        line += piece
    return line


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def main():
    def read(count):
        return os.read(0, count)

    def write(data):
        write_all(1, data)

    seed, bytes_each_way = read_line(read).split()
    End(read, write, seed.decode(), "guest", "viewer", int(bytes_each_way)).run()
    read_line(read)  # the viewer has read everything; a console that ends earlier loses unread bytes


if __name__ == "__main__":
    main()
