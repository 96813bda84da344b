"""A journal of a domain with today's console whose xenconsoled reports nothing, made by hand, for tests of views. It begins with both
rings in use, near their ends."""

import json

HEADER = {"format": "ringside journal", "version": 4, "made_by": "test", "mode": "live", "controller": "xcs", "slots": 8, "quirks": [],
          "domains": [{"id": 1, "layout": "sring", "name": "new", "byte_rings": {
              "in": {"cons": 1020, "prod": 1022, "bytes": b"ls".hex()},
              "out": {"cons": 2040, "prod": 2045, "bytes": b"login".hex()}}}]}
GUEST = {"actor": "dom1", "domain": 1}
STEPS = [
    {"kind": "bytes_passed", "peer": "dom1.tty", "bytes": b"ls".hex()},
    {"kind": "byte_index_moved", "index": "in_cons", "from": 1020, "to": 1022},
    {"kind": "bytes_passed", "actor": "dom1.tty", "peer": "dom1", "bytes": b"hello\r\n".hex()},
    {"kind": "bytes_written", "ring": "out", "at": 2045, "bytes": b"hello\r\n".hex()},
    {"kind": "byte_index_moved", "index": "out_prod", "from": 2045, "to": 2052},
    {"kind": "byte_index_found", "index": "out_cons", "from": 2040, "to": 2050},
    {"kind": "bytes_passed", "actor": "client", "peer": "xenconsoled", "bytes": b"q".hex()},
    {"kind": "byte_index_found", "index": "in_prod", "from": 1022, "to": 1025},
    {"kind": "bytes_found", "ring": "in", "at": 1022, "bytes": b"q!\t".hex()},
    {"kind": "bytes_passed", "actor": "client", "peer": "user", "bytes": b"login".hex()},
    # An index that no honest xenconsoled writes, and the refusal.
    {"kind": "byte_index_found", "index": "out_cons", "from": 2050, "to": 3000},
    {"kind": "refused", "peer": "dom0", "is": "impossible_indices", "text": "impossible indices"},
    {"kind": "byte_index_found", "index": "out_cons", "from": 3000, "to": 2051},
]
# After each step: the bytes that wait in `in` and in `out`, or how many if they are not known yet; None: impossible.
WAITING = [("ls", "login"), ("", "login"), ("", "login"), ("", "login"), ("", "loginhello\r\n"), ("", "\r\n"), ("", "\r\n"), (3, "\r\n"),
           ("q!\t", "\r\n"), ("q!\t", "\r\n"), ("q!\t", None), ("q!\t", None), ("q!\t", "\n")]
# In the end: 12 printed, of which 5 were shown, 1 waits, and 6 were taken; 5 typed, of which 2 have arrived, and 3 wait.
ENDING = ["Printed by dom1: through the byte ring out; 5 of 12 bytes were shown, 6 are unknown: a program that reports nothing took them; "
          "1 is still in the ring out.",
          "Typed to dom1: through the byte ring in; 2 of 5 bytes arrived; 3 are still in the ring in."]


def write(path):
    with open(path, "w") as file:
        for line in [HEADER] + [{"step": at + 1, "time_ns": 1000 * at, **GUEST, **step} for at, step in enumerate(STEPS)]:
            file.write(json.dumps(line) + "\n")
