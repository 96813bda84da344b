#!/usr/bin/env python3
"""`ringside play` by HTTP: runs, errors, limits; who may ask it; which files it reads; what it leaves behind.

usage: play_test.py     RINGSIDE names the program (default: build/ringside)
"""

import http.client
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile
import unittest
import urllib.parse

from machine.support import PATIENCE_S, eventually

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
SCENARIOS = TEST.parent / "scenarios"
DOES_NOT_PARSE, COULD_NOT_RUN = 2, 3
HELLO = 'scenario "Hello"\nxen boots dom1\nuser connects to dom1\ndom1 prints "hello\\n"\nexpect user sees "hello"\n'
# Its run takes some 20 s.
LONG = ('scenario "Long"\nxen boots dom1\nuser connects to dom1\nrepeat 100\n  dom1 prints 1MiB bytes of "a"\n'
        '  expect user sees 1MiB bytes of "a" within 1000s\nend\n')


class Play:
    """`ringside play` while the body runs, and its address."""

    def __init__(self, folder, *words, **how):
        self.process = subprocess.Popen([PROGRAM, "play", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, **how)
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(PATIENCE_S)
        self.complaints = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()

    def connect(self):
        where = urllib.parse.urlsplit(self.address)
        return http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE_S)

    def begin(self, method, path, body=None, length=None, **fields):
        """A connection with a request, whose answer has not been read."""
        connection = self.connect()
        connection.putrequest(method, path, skip_host=True)
        for name, value in {"Host": urllib.parse.urlsplit(self.address).netloc, **fields}.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body) if length is None else length))
        connection.endheaders(body)
        return connection

    def ask(self, *words, **more):
        """The status, the header and the text of an answer."""
        connection = self.begin(*words, **more)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def path(self, name=""):
        return urllib.parse.urlsplit(self.address).path + name

    def begin_run(self, text, seed="", run=""):
        return self.begin("POST", self.path("run"), f"{seed}\n{run}\n{text}".encode())

    @staticmethod
    def end_run(connection):
        """The object, and the page."""
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        first, _, page = answer.read().decode().partition("\n")
        connection.close()
        return json.loads(first), page

    def run(self, text, seed="", run=""):
        return self.end_run(self.begin_run(text, seed, run))

    def hold(self):
        """The connection of a run that does not end by itself, and its process."""
        connection = self.begin_run(LONG)
        player, = eventually("it runs", self.players)
        os.kill(player, signal.SIGSTOP)
        return connection, player

    def players(self):
        """The process ids of its runs that have begun."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        def is_player(pid):
            try:
                return b"\0player\0" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:  # it has ended
                return False

        return [int(pid) for pid in children if is_player(pid)]


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


class PlayTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        keeper = tempfile.TemporaryDirectory()
        self.addCleanup(keeper.cleanup)
        self.folder = pathlib.Path(keeper.name)

    def play(self, *words, **how):
        return Play(self.folder, *words, **how)

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))

    # -- runs

    def test_the_page_has_the_text_of_the_file(self):
        (self.folder / "hello.scn").write_text(HELLO + "# </script> \u00e9\n")
        with self.play("hello.scn") as play:
            status, fields, page = play.ask("GET", play.path())
        self.assertEqual((status, play.status, play.complaints), (200, 0, ""))
        data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
        self.assertEqual(data, {"text": HELLO + "# </script> \u00e9\n", "name": "hello.scn"})
        self.assertIn("default-src 'none'", fields["Content-Security-Policy"])
        self.assertIn("frame-ancestors 'none'", fields["Content-Security-Policy"])
        self.assertEqual(re.findall(r'(?:src|href)="(?!data:)[^"]*"', page), [], "nothing is loaded")

    def test_without_a_file_it_begins_with_an_example_that_passes(self):
        with self.play() as play:
            page = play.ask("GET", play.path())[2]
            text = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])["text"]
            answer, run = play.run(text)
        self.assertEqual((answer["outcome"], answer["runs"], answer["notes"]), ("passed", ["scenario"], ""))
        self.assertIn("The replay page of ringside", run)

    def test_a_run_gives_its_verdict_and_the_page_that_run_makes(self):
        (self.folder / "hello.scn").write_text(HELLO)
        subprocess.run([PROGRAM, "run", "hello.scn", "--seed", "7", "--html", "page.html"], cwd=self.folder, check=True, capture_output=True)
        with self.play("hello.scn") as play:
            answer, page = play.run(HELLO, seed="7")
        self.assertEqual(page, (self.folder / "page.html").read_text())
        self.assertRegex(answer.pop("time"), r"^\d+\.\d+ms$")
        self.assertEqual(answer, {"outcome": "passed", "report": "", "problems": [], "failures": [], "notes": "", "runs": ["hello"],
                                  "at": 0, "seed": 7, "judged": 1})

    def test_errors_are_those_of_check_scn(self):
        wrong = 'scenario "Wrong"\nxen bots dom1\ndom1 prints "\u00e9" 7\nlet A = 1\n'
        (self.folder / "wrong.scn").write_text(wrong)
        checked = subprocess.run([PROGRAM, "check-scn", "wrong.scn"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(checked.returncode, DOES_NOT_PARSE)
        with self.play("wrong.scn") as play:
            answer, page = play.run(wrong)
        self.assertEqual("\n".join(each["text"] for each in answer["problems"]), checked.stderr)
        places = [f"{each['line']}:{each['column']}" for each in answer["problems"]]
        self.assertEqual(places, re.findall(r"--> wrong\.scn:(\d+:\d+)", checked.stderr))
        self.assertGreater(len(places), 1)
        self.assertEqual((answer["outcome"], page), ("not run", ""))

    def test_a_failed_run_has_its_report_its_places_and_its_page(self):
        text = HELLO.replace('sees "hello"', 'sees "bye"')
        (self.folder / "fails.scn").write_text(text)
        done = subprocess.run([PROGRAM, "run", "fails.scn"], cwd=self.folder, capture_output=True, text=True)
        with self.play("fails.scn") as play:
            answer, page = play.run(text)
        self.assertEqual(answer["outcome"], "failed")
        self.assertEqual(answer["failures"], [{"line": 5, "column": 8, "text": 'the next bytes are "hello\\n"'}])
        self.assertIn("--> fails.scn:5:8", answer["report"])
        for line in answer["report"].splitlines():
            self.assertIn(line, done.stdout)
        self.assertIn('"verdict":{', page)

    def test_a_run_is_chosen_by_its_name(self):
        text = (SCENARIOS / "20-quirk-xcs-drop-when-full.scn").read_text()
        with self.play() as play:
            first, page = play.run(text)
            names = first["runs"]
            self.assertEqual((first["at"], len(names)), (0, 6))
            self.assertIn("scenario[BYTES=1000,LOSS=off]", names)
            answer, other = play.run(text, run="scenario[BYTES=1000,LOSS=off]")
            self.assertEqual(answer["at"], names.index("scenario[BYTES=1000,LOSS=off]"))
            self.assertNotEqual(page, other)
            self.assertEqual(play.run(text, run="renamed[BYTES=1]")[0]["at"], 0)

    def test_a_wrong_seed_and_a_scenario_for_processes_are_refused(self):
        with self.play() as play:
            for seed in ("x", "-1", "1..5", "1" * 19):
                answer, page = play.run(HELLO, seed=seed)
                self.assertEqual((answer["outcome"], answer["report"], page), ("not run", "A seed is a number from 0 to 999999999999999999.", ""))
            self.assertEqual(play.run(HELLO, seed="9" * 18)[0]["seed"], int("9" * 18))
            answer, page = play.run(HELLO.replace("xen", "mode real\nxen", 1))
            self.assertEqual((answer["outcome"], page), ("not run", ""))
            self.assertIn("ringside run --mode real", answer["report"])
            # `mode both` is simulated.
            self.assertEqual(play.run(HELLO.replace("xen", "mode both\nxen", 1))[0]["outcome"], "passed")
            self.assertIn("is not compared", play.run(HELLO.replace("xen", "golden\nxen", 1))[0]["notes"])

    # -- limits

    def test_an_endless_scenario_is_ended_with_a_message(self):
        with self.play("--timeout", "0.2") as play:
            answer, _ = play.run(LONG)
            self.assertEqual(answer["outcome"], "could not run")
            self.assertIn("it took too long (--timeout allows more)", answer["report"])
            self.assertEqual(play.run(HELLO)[0]["outcome"], "passed")

    def test_a_process_that_does_not_end_is_ended(self):
        with self.play("--timeout", "0.1") as play:
            endless, _ = play.hold()
            answer, page = play.end_run(endless)
            self.assertEqual((answer["outcome"], page), ("not run", ""))
            self.assertEqual(answer["report"], "It did not end in 20.1 s, and was stopped: --timeout allows more.")
            self.assertEqual(play.run(HELLO)[0]["outcome"], "passed")

    def test_a_run_without_memory_is_ended_with_a_message(self):
        # 200 lines of 10,000 runs, each of which is expanded before the first one runs.
        rows = "".join(f"  {number}\n" for number in range(10_000))
        text = f'scenario "Many"\ncases A\n{rows}xen boots dom1\nrepeat 1000\n' + '  dom1 prints "{A}"\n' * 199 + "end\n"
        few = 256 << 20  # a process inherits a limit that is lower than its own
        with self.play("--timeout", "600", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (few, few))) as play:
            answer, page = play.run(text)
            self.assertEqual((answer["outcome"], page), ("not run", ""))
            self.assertEqual(answer["report"], "The run needs more memory than it may have. Fewer bytes, fewer repeats?")
            self.assertEqual(play.run(HELLO)[0]["outcome"], "passed")

    def test_one_run_at_a_time_and_a_request_that_leaves_ends_its_run(self):
        with self.play("--timeout", "600") as play:
            endless, player = play.hold()
            waiting = play.begin_run(HELLO)
            self.assertEqual(play.ask("GET", play.path())[0], 200, "the page comes at once")
            self.assertEqual(play.players(), [player])
            endless.close()
            self.assertEqual(play.end_run(waiting)[0]["outcome"], "passed")
            eventually("the run has ended", lambda: not alive(player))
            # A request that leaves before its turn.
            endless, player = play.hold()
            gone = play.begin_run(HELLO)
            gone.close()
            endless.close()
            eventually("all have ended", lambda: not play.players())

    def test_a_run_that_is_killed_is_reported(self):
        with self.play("--timeout", "600") as play:
            endless, player = play.hold()
            os.kill(player, signal.SIGKILL)
            answer, _ = play.end_run(endless)
            self.assertIn("has ended with status 137", answer["report"])
            self.assertEqual(play.run(HELLO)[0]["outcome"], "passed")

    # -- access

    def test_only_its_own_page_is_answered(self):
        with self.play() as play:
            own = urllib.parse.urlsplit(play.address).netloc
            body = f"\n\n{HELLO}".encode()

            def status(method, path, **more):
                return play.ask(method, path, **more)[0]
            port = own.rpartition(":")[2]
            self.assertEqual(status("GET", play.path(), Host=f"localhost:{port}"), 200)
            self.assertEqual(status("POST", play.path("run"), body=body, Origin=f"http://{own}"), 200)
            for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1:{int(port) - 1}", "127.0.0.1"):
                self.assertEqual(status("GET", play.path(), Host=host), 403, host)
                self.assertEqual(status("POST", play.path("run"), body=body, Host=host), 403, host)
            for origin in ("http://evil.example", "null", f"https://{own}", f"http://localhost:{port}", "http://127.0.0.1"):
                self.assertEqual(status("POST", play.path("run"), body=body, Origin=origin), 403, origin)
            for path in ("/", "/run", play.path("x"), play.path()[:-1], "/" + "0" * 32 + "/", play.path("../"), play.path("steps")):
                self.assertEqual(status("GET", path), 404, path)
            self.assertEqual(status("GET", play.path("run")), 404)
            self.assertEqual(status("POST", play.path(), body=body), 404)
            self.assertEqual(status("PUT", play.path("run"), body=body), 404)
            self.assertEqual(status("POST", play.path("run"), body=b"", length=2_000_000), 413)
            self.assertEqual(status("POST", play.path("run"), body=b""), 413)
            self.assertEqual(status("GET", play.path("?" + "x" * 9000)), 431)
            self.assertEqual(status("GET", play.path(), Field="x" * 9000), 431)
            # Without its lines a request is an empty scenario.
            self.assertIn("E029", play.end_run(play.begin("POST", play.path("run"), b"x"))[0]["problems"][0]["text"])
            # The longest text.
            self.assertEqual(play.run(HELLO + "#\n" * ((2 ** 20 - len(HELLO)) // 2))[0]["outcome"], "passed")
            self.assertEqual(play.run(HELLO)[0]["outcome"], "passed")
        self.assertEqual((play.status, play.complaints), (0, ""))

    def test_silent_connections_do_not_keep_others_out(self):
        with self.play() as play:
            silent = [play.connect() for _ in range(60)]
            for each in silent:
                each.connect()
            self.assertEqual(play.run(HELLO)[0]["outcome"], "passed")
            for each in silent:
                each.close()

    def test_it_listens_on_this_machine_only_and_on_the_chosen_port(self):
        with self.play() as play:
            port = urllib.parse.urlsplit(play.address).port
            rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
            self.assertIn(f"0100007F:{port:04X}", [row[1] for row in rows if row[3] == "0A"])
            other = subprocess.run([PROGRAM, "play", "--port", str(port)], capture_output=True, text=True)
            self.assertEqual((other.returncode, other.stdout), (COULD_NOT_RUN, ""))
            self.assertRegex(other.stderr, rf"^ringside: cannot listen: 127\.0\.0\.1 port {port}: Address already in use\n$")
        with self.play("--port", str(port)) as play:
            self.assertEqual(urllib.parse.urlsplit(play.address).port, port)

    # -- files

    def test_a_scenario_reads_only_below_its_folder(self):
        secret = self.folder / "secret.scn"
        secret.write_text('secret "of the user"\n')
        lessons = self.folder / "lessons"
        (lessons / "parts").mkdir(parents=True)
        (lessons / "hello.scn").write_text(HELLO)
        (lessons / "parts" / "boot.inc").write_text("xen boots dom1\n")
        (lessons / "words.csv").write_text("WORD\none\ntwo\n")
        (lessons / "link.inc").symlink_to(secret)
        (lessons / "loop.inc").symlink_to("loop.inc")
        os.mkfifo(lessons / "fifo.inc")
        good = ('scenario "Good"\ncases WORD from "words.csv"\ninclude "parts/boot.inc"\nuser connects to dom1\ndom1 prints "{WORD}"\n'
                'expect user sees "{WORD}"\n')
        bad = ("../secret.scn", "parts/../../secret.scn", str(secret), "link.inc", "/etc/passwd", "/etc/no-such-file", "../no-such-file", "/dev/zero")
        for file, where in (("lessons/hello.scn", self.folder), ("hello.scn", lessons), (str(lessons / "hello.scn"), "/")):
            with Play(where, file) as play:
                answer, _ = play.run(good)
                self.assertEqual((answer["outcome"], answer["runs"]), ("passed", ["hello[WORD=one]", "hello[WORD=two]"]))
                for name in bad:
                    for line in (f'include "{name}"', f'cases A from "{name}"'):
                        answer, page = play.run(f'scenario "Bad"\n{line}\n')
                        said = answer["problems"][0]["text"]
                        self.assertIn("it is not in the folder of the scenario", said, name)
                        self.assertNotIn("of the user", json.dumps(answer))
                        self.assertEqual(page, "")
                self.assertIn("no such file", play.run('scenario "Bad"\ninclude "none.inc"\n')[0]["problems"][0]["text"])
                self.assertIn("it is not a file", play.run('scenario "Bad"\ninclude "fifo.inc"\n')[0]["problems"][0]["text"])
                self.assertEqual(play.run('scenario "Bad"\ninclude "loop.inc"\n')[0]["outcome"], "not run")
        with Play(lessons) as play:
            answer, _ = play.run('scenario "Bad"\ninclude "parts/boot.inc"\n')
            self.assertIn("this scenario is in no folder", answer["problems"][0]["text"])

    def test_it_writes_no_files(self):
        (self.folder / "hello.scn").write_text(HELLO)
        environment = {**os.environ, "TMPDIR": str(self.folder), "HOME": str(self.folder)}
        with self.play("hello.scn", env=environment) as play:
            play.run(HELLO)
            play.run(HELLO.replace('sees "hello"', 'sees "bye"'))
            play.run("wrong")
        self.assertEqual(self.files(), ["hello.scn"])
        self.assertEqual((self.folder / "hello.scn").read_text(), HELLO)

    def test_what_it_begins_with(self):
        def refused(*words, **how):
            done = subprocess.run([PROGRAM, "play", *words], cwd=self.folder, capture_output=True, text=True, **how)
            self.assertEqual((done.returncode, done.stdout), (COULD_NOT_RUN, ""))
            return done.stderr
        self.assertEqual(refused("none.scn"), "ringside: cannot read a scenario: none.scn: no such file\n")
        self.assertIn("it is a folder", refused("."))
        (self.folder / "long.scn").write_text("#" * (2 ** 20 + 1))
        self.assertIn("it is longer than 1048576 bytes", refused("long.scn"))
        (self.folder / "latin.scn").write_bytes(HELLO.encode() + b"# \xe9\n")
        self.assertEqual(refused("latin.scn"), f"ringside: cannot edit a scenario: latin.scn: its byte {len(HELLO) + 3} is not UTF-8\n")
        with open("/dev/zero", "rb") as endless:
            self.assertIn("it is longer than 1048576 bytes", refused("-", stdin=endless))
        self.assertIn("it has no text", refused("http://127.0.0.1:1/x/"))
        # A link: its text is in the address, which the browser does not send.
        with self.play("http://127.0.0.1:1/" + "0" * 32 + "/#seed=7&scn=AAAA") as play:
            self.assertTrue(play.address.endswith(play.path() + "#seed=7&scn=AAAA"))
            self.assertEqual(play.ask("GET", play.path())[0], 200)
        (self.folder / "hello.scn").write_text(HELLO)
        with (self.folder / "hello.scn").open() as text, self.play("-", stdin=text) as play:
            self.assertIn(json.dumps(HELLO), play.ask("GET", play.path())[2])

    # -- the end

    def test_signals_end_it_and_its_run(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.play("--timeout", "600") as play:
                endless, player = play.hold()
                play.process.send_signal(number)
                self.assertEqual(play.process.wait(PATIENCE_S), 0)
                self.assertFalse(alive(player), number)
                endless.close()
            self.assertEqual(play.complaints, "")

    def test_a_run_does_not_outlive_a_killed_server(self):
        with self.play("--timeout", "600") as play:
            endless, player = play.hold()
            play.process.kill()
            eventually("the run has ended", lambda: not alive(player))
            endless.close()


if __name__ == "__main__":
    unittest.main()
