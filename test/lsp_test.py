#!/usr/bin/env python3
"""`ringside lsp`, driven over pipes as an editor does it, and by a real Neovim.

usage: lsp_test.py     RINGSIDE names the program (default: build/ringside)
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import urllib.parse

from lsp_editor import PROGRAM, ROOT, Editor, framed, messages_in
from needed import needed

TEST = pathlib.Path(__file__).resolve().parent
GOOD, LEFT_EARLY, _, COULD_NOT_RUN = range(4)
NOT_JSON, NO_MESSAGE, NO_METHOD, BAD_PARAMS, NOT_INITIALIZED, FAILED = -32700, -32600, -32601, -32602, -32002, -32803
MISTAKES_MIN = 100
GOOD_LINES = 'xen boots dom1\nuser connects to dom1\ndom1 prints "x"\nexpect user sees "x"\n'
WITHOUT_MISTAKES = f'scenario "a"\n{GOOD_LINES}'
MESSAGE_BYTES_MAX = 16 << 20


def column(line, units):
    """The column in characters, from 1, of a place in UTF-16 units."""
    return len(line.encode("utf-16-le")[:2 * units].decode("utf-16-le")) + 1


def said_by_check(text, folder):
    """(file, severity, code, line, column) of each error and warning in the output of check-scn."""
    found = set()
    for severity, code, path, line, at in re.findall(r"^(error|warning)\[(\w+)\]: .*\n *--> (.+?):(\d+):(\d+)", text, re.MULTILINE):
        found.add((os.path.normpath(folder / path), 1 if severity == "error" else 2, code, int(line), int(at)))
    return found


class LanguageServer(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory(prefix="rs lsp é-")
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)
        self.editor = None

    def tearDown(self):
        if self.editor:
            self.assertEqual(self.editor.leave(), (GOOD, ""))

    def begin(self, text=None):
        """A session, with an open document."""
        self.editor = Editor()
        if text is not None:
            self.editor.open(self.uri("a.scn"), text)
        return self.editor

    def uri(self, name):
        return (self.folder / name).as_uri()

    def run_server(self, sent):
        done = subprocess.run([PROGRAM, "lsp"], input=sent, capture_output=True, timeout=120)
        return done.returncode, messages_in(done.stdout), done.stderr.decode()

    # -- diagnostics

    def shown_by(self, editor, scenario):
        editor.open(scenario.as_uri(), scenario.read_text())
        found = set()
        for uri, listed in editor.diagnostics().items():
            path = pathlib.Path(urllib.parse.unquote(uri.removeprefix("file://")))
            lines = path.read_text().splitlines() + [""]
            for each in listed:
                self.assertEqual(each["source"], "ringside")
                self.assertTrue(each["message"])
                start = each["range"]["start"]
                found.add((str(path), each["severity"], each["code"], start["line"] + 1, column(lines[start["line"]], start["character"])))
        editor.close(scenario.as_uri())
        self.assertEqual(editor.diagnostics(), {})
        return found

    def test_mistakes_are_those_of_check_scn(self):
        editor = self.begin()
        scenarios = sorted((TEST / "must_fail").glob("*.scn"))
        self.assertGreater(len(scenarios), MISTAKES_MIN)
        for scenario in scenarios:
            with self.subTest(scenario.name):
                expected = said_by_check(scenario.with_suffix(".txt").read_text(), scenario.parent)
                self.assertTrue(expected)
                self.assertEqual(self.shown_by(editor, scenario), expected)

    def test_the_library_has_no_mistakes(self):
        editor = self.begin()
        scenarios = sorted((ROOT / "scenarios").glob("*.scn"))
        self.assertGreater(len(scenarios), 50)
        for scenario in scenarios:
            with self.subTest(scenario.name):
                self.assertEqual(self.shown_by(editor, scenario), set())

    def test_the_text_is_that_of_the_editor(self):
        (self.folder / "a.scn").write_text("not a scenario")
        editor = self.begin(WITHOUT_MISTAKES)
        self.assertEqual(editor.diagnostics(), {})
        editor.change(self.uri("a.scn"), 'scenario "a"\nxen bots dom1\n')
        (found,), = editor.diagnostics().values()
        self.assertEqual((found["code"], found["severity"]), ("E012", 1))
        self.assertEqual(found["range"], {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 8}})
        self.assertIn('xen cannot "bots"\ndid you mean "boots"?', found["message"])
        editor.change(self.uri("a.scn"), WITHOUT_MISTAKES)
        self.assertEqual(editor.diagnostics(), {})

    def test_a_mistake_in_an_included_file_is_shown_there(self):
        part, other = self.uri("part.inc"), self.uri("a.scn")
        (self.folder / "part.inc").write_text("xen bots dom1\n")
        editor = self.begin('scenario "a"\n\n  include "./part.inc"\n')
        self.assertEqual([(uri, each["code"]) for uri, found in editor.diagnostics().items() for each in found], [(part, "E012")])
        # The text of an open document comes before the file.
        editor.open(part, GOOD_LINES)
        self.assertEqual(editor.diagnostics(), {})
        editor.change(part, GOOD_LINES + 'dom2 prints "x"\n')
        self.assertEqual([(uri, each["code"]) for uri, found in editor.diagnostics().items() for each in found], [(part, "E030")])
        editor.close(part)
        self.assertEqual([each["code"] for each in editor.diagnostics()[part]], ["E012"])
        # Two scenarios that include it have the same error there: it is shown once.
        editor.open(self.uri("b.scn"), 'scenario "b"\ninclude "part.inc"\n')
        self.assertEqual([each["code"] for each in editor.diagnostics()[part]], ["E012"])
        editor.close(self.uri("b.scn"))
        # Alone it is no scenario.
        editor.close(other)
        self.assertEqual(editor.diagnostics(), {})
        editor.open(part, GOOD_LINES)
        self.assertEqual([each["code"] for each in editor.diagnostics()[part]], ["E029"])

    def test_files_that_include_each_other_have_errors(self):
        editor = self.begin()
        for name, other in (("a.inc", "b.inc"), ("b.inc", "a.inc")):
            (self.folder / name).write_text(f'include "{other}"\n')
            editor.open(self.uri(name), f'include "{other}"\n')
        self.assertEqual({uri: [each["code"] for each in found] for uri, found in editor.diagnostics().items()},
                         {self.uri(name): ["E020"] for name in ("a.inc", "b.inc")})

    def test_an_include_does_not_read_the_session(self):
        # All is sent at once: a server that reads the rest of it as a scenario ends early.
        for path in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "missing.inc"):
            for uri in (self.uri("a.scn"), "untitled:Untitled-1", "other://host//a.scn"):
                with self.subTest(path=path, uri=uri):
                    document = {"uri": uri, "text": f'scenario "a"\ninclude "{path}"\n'}
                    status, messages, said = self.run_server(
                        framed({"id": 1, "method": "initialize"}) + framed({"method": "textDocument/didOpen", "params": {"textDocument": document}}) +
                        framed({"id": 2, "method": "shutdown"}) + framed({"method": "exit"}))
                    self.assertEqual((status, said), (GOOD, ""))
                    found = [(each["params"]["uri"], its["code"], its["range"]["start"]["line"])
                             for each in messages if "params" in each for its in each["params"]["diagnostics"]]
                    self.assertEqual(found, [(uri, "E020", 1)])

    # -- places

    def test_places_are_counted_in_utf16(self):
        before = 'dom1 prints "\U0001f600\U0001f600ä" '  # 12 + 7 units, and more bytes
        editor = self.begin(f'scenario "a"\nxen boots dom1\n{before}oops\n')
        units = len(before.encode("utf-16-le")) // 2
        start = editor.diagnostics()[self.uri("a.scn")][0]["range"]["start"]
        self.assertEqual(start, {"line": 2, "character": units})
        text = 'scenario "\U0001f600" # x\nuser connects to dom1\nuser types "\U0001f600" at pty\n'
        editor.change(self.uri("a.scn"), text)
        line = text.splitlines()[2]
        at = len(line[:line.index("at")].encode("utf-16-le")) // 2
        self.assertEqual(editor.at("hover", self.uri("a.scn"), 2, at)["range"],
                         {"start": {"line": 2, "character": at}, "end": {"line": 2, "character": at + 2}})
        self.assertIsNone(editor.at("hover", self.uri("a.scn"), 2, at - 1))
        self.assertIn("at", self.words(editor, 2, at + 1))
        edit = editor.at("completion", self.uri("a.scn"), 2, at + 1)[0]["textEdit"]["range"]
        self.assertEqual((edit["start"]["character"], edit["end"]["character"]), (at, at + 1))
        self.assertEqual(editor.at("completion", self.uri("a.scn"), 2, 13), [])  # within the pair, in the text

    def test_a_place_beyond_the_end_is_the_end(self):
        editor = self.begin('scenario "a"\nxen ')
        self.assertIn("boots", self.words(editor, 1, 4))
        self.assertEqual(self.words(editor, 1, 10**15), self.words(editor, 1, 4))
        self.assertIsNone(editor.at("hover", self.uri("a.scn"), 1, 10**15))
        for line in (2, 10**15):
            self.assertIn("expect", self.words(editor, line, 0))
            self.assertIsNone(editor.at("hover", self.uri("a.scn"), line, 0))

    # -- words

    def words(self, editor, line, character):
        return {each["label"] for each in editor.at("completion", self.uri("a.scn"), line, character)}

    def test_completion_offers_what_can_follow(self):
        editor = self.begin()
        document = ('scenario "a"\nxen boots dom1\nrepeat 2 as N\n', "\nend\n")
        # (what is written of a line; some of the words that follow; some that do not)
        for before, offered, others in [
                ("", "xen dom1 user expect never fault repeat end after mode quirk", "boots to dom2 xcs-fd2 sim console"),
                ("xen ", "creates boots destroys", "prints types to xen expect"),
                ("xen boots ", "dom1", "dom0 xen running shell"),
                ("xen boots dom1 ", "running", "shell to by"),
                ("xen boots dom1 ru", "running", "shell"),
                ("xen boots dom1, ", "dom1", "running"),
                ("at 5ms ", "dom1 expect user", "to"),
                ("dom1 ", "prints logs ends stops writes", "types boots reads receives"),
                ("expect dom1 ", "reads receives refuses", "prints boots"),
                ("expect ", "dom1 user event quirk no bytes pty xcs.dropped dom1.strays dom1.tx", "boots expect xcs.strays"),
                ("expect dom7.", "dom7.strays dom7.tx xcs.dropped", "dom1.strays dom1.tx"),
                ("expect xcs.", "xcs.dropped xcs.cut_off", "xcs.strays xend.twice"),
                ("expect xcs.dropped ", "settles changes of is", "at dom1"),
                ("expect xcs.dropped settles ", "at", "settles"),
                ("expect dom1.tx ", "settles req_prod rsp_cons", "id"),
                ("expect quirk ", "xcs-drop-when-full leaky-response", "bites on"),
                ("expect quirk xcs-fd2 ", "bites", "on off"),
                ("quirk ", "xcs-drop-when-full", "on"),
                ("quirk xcs-fd2 ", "on off", "bites"),
                ("mode ", "sim real both", "flat xcs"),
                ("abi ", "sring flat", "sim"),
                ("answer ", "xend xcs", "xen user"),
                ("user connects ", "to", "dom1 by"),
                ("user[anna] connects to dom1 by ", "tcp unix", "at"),
                ("user connects to {N} ", "", "by"),
                ("client binds virq ", "console timer", "netif-be any"),
                ("client sends request ", "console shutdown type", "dom-exc to"),
                ("client sends request shutdown subtype ", "poweroff suspend", "console off"),
                ("expect client receives ", "ok badsession request virq end", "poweroff"),
                ("dom1 sets ", "tx.req_prod rx.rsp_prod out.out_prod in.in_cons", "tx req_prod tx.req_cons out out.in_prod"),
                ("expect dom1.out ", "out_prod out_cons settles", "in_prod req_prod"),
                ("expect xenconsoled writes ", "dom1.in", "dom1.out in dom1.in.in_prod"),
                ("fault ", "drops delays heals", "events all"),
                ("fault drops next 3 ", "events messages", "dom1"),
                ("expect xcs forwards {N} ", "real stale messages", "bytes"),
                ("dom1 prints {N} ", "bytes", "to"),
                ("dom{N} ", "prints logs", "types"),
                ("user connects to dom{N} by ", "tcp unix", "at"),
                ('dom1 prints "{', "", "at"),
                ("xen boots dom1 when ", "", "is"),
                ('user types "x" ', "at in", "one"),
                ('user types "x', "", "at in xen"),
                ("xen # ", "", "boots"),
                ("## ", "", "xen"),
                ("tag ", "", "xen sim"),
                ("user[", "", "xen"),
                ("nonsense ", "", "xen to")]:
            with self.subTest(before):
                editor.open(self.uri("a.scn"), document[0] + before + document[1])
                words = self.words(editor, 3, len(before))
                self.assertEqual(set(offered.split()) - words, set(), "not offered")
                self.assertEqual(set(others.split()) & words, set(), "offered")
                self.assertEqual(bool(words), bool(offered))

    def test_completion_offers_each_word_of_the_library_at_its_place(self):
        known = {line.split()[1] for line in subprocess.run([PROGRAM, "check-scn", "--words"], capture_output=True, text=True,
                                                            check=True).stdout.splitlines()}
        editor = self.begin()
        asked = 0
        for name in ("01-hello", "11-lengths", "14-bindings", "54-lost-event", "62-client-comes-back", "66-suspend-and-resume", "80-today-one-byte"):
            text = (ROOT / "scenarios" / f"{name}.scn").read_text()
            editor.open(self.uri("a.scn"), text)
            for number, line in enumerate(text.splitlines()):
                line = re.sub(" when .*", " when", line)  # no completion of conditions
                code = re.sub(r'"(\\.|[^"\\])*"|/[^/ ]+/|#.*|\|[^|]*\|', lambda found: "." * len(found[0]), line)
                for word in re.finditer(r"(?<![\w.{[-])[a-z][\w.-]*(?![\w}])", code):
                    if word[0] in known and not re.match(r"tag |param |let |cases |  ", line):
                        asked += 1
                        self.assertIn(word[0], self.words(editor, number, word.start()), f"{name}:{number + 1}: {line}")
        self.assertGreater(asked, 300)

    def test_hover_and_completion_explain_words(self):
        lines = {"xen boots dom1 running shell": {"xen": "the hypervisor", "boots": "xen boots DOM, DOM [running shell]\ncreates", "dom1": "a guest"},
                 "expect xcs.dropped settles at 0": {"xcs.dropped": "messages: lost because a guest's ring was full",
                                                     "expect": "it must happen, in this order"},
                 "expect dom7.strays is 0": {"dom7.strays": "at a port without a handler"},
                 "quirk xcs-fd2 on": {"quirk": "quirk NAME on | off", "xcs-fd2": "a quirk of xcs\nthe first client's connection"},
                 "client sends request console to dom1": {"sends": "sends a frame, or any bytes", "console": "message type 0"},
                 "client sends request shutdown subtype suspend to dom1": {"suspend": "message subtype 2"},
                 "expect xcs sends xend request console": {"sends": "a frame between two processes of dom0"},
                 "client binds virq console": {"console": "virq 2"},
                 "expect dom1.tx settles at req_prod 3": {"dom1.tx": "the ring of what the guest sends", "req_prod": "an index"},
                 "expect dom1.out settles at out_cons 3": {"dom1.out": "today: the ring of what the guest prints", "out_cons": "an index"},
                 "mode sim": {"mode": "where it may run"},
                 "user ends typing": {"ends": "shuts down the sending side"}, "dom1 ends": {"ends": "its program ends"}}
        editor = self.begin('scenario "a"\n' + "\n".join(lines) + "\n")
        for number, (line, words) in enumerate(lines.items(), 1):
            for word, what in words.items():
                with self.subTest(line=line, word=word):
                    begin = re.search(rf"(?<!\S){re.escape(word)}(?!\S)", line).start()
                    for inside in (begin, begin + len(word) - 1):
                        found = editor.at("hover", self.uri("a.scn"), number, inside)
                        self.assertIn(what, found["contents"]["value"])
                        self.assertEqual(found["range"]["start"], {"line": number, "character": begin})
                    offered = {each["label"]: each for each in editor.at("completion", self.uri("a.scn"), number, begin + len(word))}
                    self.assertIn(what, offered[word]["documentation"])
        for line, character in ((0, 10), (0, 8), (1, 16)):  # in a text, between words, and on a word that only joins others
            self.assertIsNone(editor.at("hover", self.uri("a.scn"), line, character))

    # -- layout

    def formatted(self, editor):
        return editor.ask("textDocument/formatting", {"textDocument": {"uri": self.uri("a.scn")}, "options": {"tabSize": 8}})

    def test_formatting_is_that_of_fmt(self):
        editor = self.begin()
        for text in ('scenario   "a"\n\n\n  xen  boots   dom1 # ä\nrepeat 2\ndom1 prints "\U0001f600"\nend', 'scenario "a"\r\nxen  boots dom1\r\n'):
            editor.open(self.uri("a.scn"), text)
            laid_out = subprocess.run([PROGRAM, "fmt", "-"], input=text.encode(), capture_output=True, check=True).stdout.decode()
            (edit,) = self.formatted(editor)
            last = text.split("\n")[-1]
            self.assertEqual(edit, {"newText": laid_out, "range": {"start": {"line": 0, "character": 0},
                                                                   "end": {"line": text.count("\n"), "character": len(last)}}})
            editor.change(self.uri("a.scn"), laid_out)
            self.assertEqual(self.formatted(editor), [])
        editor.change(self.uri("a.scn"), 'scenario "a"\nxen boots "dom1\n')
        refused = editor.answered("textDocument/formatting", {"textDocument": {"uri": self.uri("a.scn")}})["error"]
        self.assertEqual(refused["code"], FAILED)
        self.assertIn(":2:11", refused["message"])

    # -- the session

    def test_the_session_has_an_order(self):
        first = {"jsonrpc": "2.0", "id": "x", "method": "initialize", "params": {}}
        hover = {"jsonrpc": "2.0", "id": 2, "method": "textDocument/hover", "params": {}}
        opened = {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": {"uri": "file:///a.scn", "text": "x"}}}
        shutdown, leave = {"jsonrpc": "2.0", "id": 3, "method": "shutdown"}, {"jsonrpc": "2.0", "method": "exit"}

        def codes(*sent):
            status, messages, said = self.run_server(b"".join(map(framed, sent)))
            self.assertEqual(said == "", status == GOOD, said)
            return status, [(each["id"], each.get("error", {}).get("code", 0)) for each in messages]
        self.assertEqual(codes(hover, opened, first, first, shutdown, hover, leave),
                         (GOOD, [(2, NOT_INITIALIZED), ("x", 0), ("x", NO_MESSAGE), (3, 0), (2, NO_MESSAGE)]))
        self.assertEqual(codes(first, leave), (LEFT_EARLY, [("x", 0)]))
        self.assertEqual(codes(leave), (LEFT_EARLY, []))
        self.assertEqual(codes(first, shutdown), (LEFT_EARLY, [("x", 0), (3, 0)]))
        self.assertEqual(codes(), (LEFT_EARLY, []))

    def test_an_unknown_method_is_refused(self):
        editor = self.begin("")
        self.assertEqual(editor.refused("no/such", {}), NO_METHOD)
        self.assertEqual(editor.refused("textDocument/documentSymbol", {}), NO_METHOD)
        editor.tell("no/such", {})
        editor.tell("$/cancelRequest", {"id": 1})
        editor.sync()
        self.assertEqual(editor.log, [])
        self.assertEqual(editor.capabilities["textDocumentSync"], {"openClose": True, "change": 1})

    def test_wrong_messages_are_refused_and_the_session_continues(self):
        editor = self.begin('scenario "a"\n')
        for body, code in [(b"{", NOT_JSON), (b"", NOT_JSON), (b"\xff", NOT_JSON), (b'"\xc3"', NOT_JSON), (b"\0", NOT_JSON), (b"[]", NO_MESSAGE),
                           (b"7", NO_MESSAGE), (b"null", NO_MESSAGE), (b"{}", NO_MESSAGE), (b'{"method": 7}', NO_MESSAGE),
                           (b'{"method": "x", "id": null}', NO_MESSAGE), (b'{"method": "x", "id": {}}', NO_MESSAGE),
                           (b'{"method": "x", "id": true}', NO_MESSAGE),
                           (b"[" * 1000000, NOT_JSON), (b"[" * 100000 + b"]" * 100000, NO_MESSAGE)]:
            with self.subTest(body[:50]):
                editor.send(body)
                self.assertEqual(editor.answer(None)["error"]["code"], code)
        # An answer has none, and the server asks nothing. The next answer is to the next request.
        for body in (b'{"id": 7, "result": 1}', b'{"id": 7, "error": {"code": 1, "message": "no"}}'):
            editor.send(body)
        editor.send(b'{"id": 7, "method": "textDocument/hover", "params": %s}' % (b"[" * 1000000 + b"]" * 1000000))
        self.assertEqual(editor.answer(7)["error"]["code"], BAD_PARAMS)
        document = {"textDocument": {"uri": self.uri("a.scn")}}
        for place in ({"line": -1, "character": 0}, {"line": 0, "character": -1}, {"line": 0.5, "character": 0}, {"line": "0", "character": 0},
                      {"line": 10**30, "character": 0}, {"line": 0}, {}, [], None, 7):
            for method in ("hover", "completion"):
                self.assertEqual(editor.refused(f"textDocument/{method}", {**document, "position": place}), BAD_PARAMS, place)
        for params in (None, [], {}, 7, "x", {"textDocument": []}, {"textDocument": {"uri": 7}}, {"textDocument": {"uri": "file:///closed.scn"}},
                       {"textDocument": {"uri": "%"}}, {"textDocument": {"uri": "file://%zz%"}}):
            for method in ("hover", "completion", "formatting"):
                self.assertEqual(editor.refused(f"textDocument/{method}", params), BAD_PARAMS, params)
            for method in ("didOpen", "didChange", "didClose"):
                editor.log.clear()
                editor.tell(f"textDocument/{method}", params)
                editor.sync()
                self.assertEqual(len(editor.log), 1, (method, params))
        for changes in (None, {}, [], [7], [{}], [{"text": 7}], [{"text": "x", "range": {}}]):
            editor.log.clear()
            editor.tell("textDocument/didChange", {**document, "contentChanges": changes})
            editor.sync()
            self.assertEqual(len(editor.log), 1, changes)
        self.assertEqual(self.formatted(editor), [])  # the text is as it was

    def test_a_document_may_be_anything(self):
        editor = self.begin("")
        for text in ("\0", "\ud7ff\ufeff\u2028", "scenario", 'scenario "a"\n' * 3000, "xen boots " * 1000, "x" * (1 << 20), "\n" * 100000, "x" * (2 << 20),
                     '{"step": 1}'):
            with self.subTest(text[:20]):
                editor.open(self.uri("a.scn"), text)
                self.assertTrue(editor.diagnostics())
                self.words(editor, 0, 1)
                editor.at("hover", self.uri("a.scn"), 0, 1)
                editor.answered("textDocument/formatting", {"textDocument": {"uri": self.uri("a.scn")}})
        editor.change(self.uri("a.scn"), WITHOUT_MISTAKES)
        self.assertEqual(editor.diagnostics(), {})

    def test_a_message_that_cannot_be_read_ends_the_session(self):
        for sent, why in [(b"\r\n", "has no Content-Length"), (b"hello\r\n", "its header is wrong"), (b"Content-Length: 2\n\n{}", "its header is wrong"),
                          (b"Content-Type: x\r\n\r\n{}", "has no Content-Length"), (b"Content-Length: x\r\n\r\n", "is not a number"),
                          (b"Content-Length: -1\r\n\r\n", "is not a number"), (b"Content-Length: 1x\r\n\r\n", "is not a number"),
                          (b"Content-Length: \r\n\r\n", "is not a number"), (b"Content-Length: 99999999999999999999999\r\n\r\n", "it is longer than"),
                          (b"Content-Length: %d\r\n\r\n" % (MESSAGE_BYTES_MAX + 1), "it is longer than"), (b"x: " + b"y" * 10000, "its header is wrong"),
                          (b"a: b\r\n" * 10000, "it ends within a message"), (b"Content-Length: 10\r\n\r\n{}", "it ends within a message"),
                          (b"Content-Le", "it ends within a message"), (b"Content-Length: %d\r\n\r\n" % MESSAGE_BYTES_MAX, "it ends within a message")]:
            with self.subTest(sent[:50]):
                status, (message,), said = self.run_server(sent)
                self.assertEqual((status, message["error"]["code"], message["id"]), (COULD_NOT_RUN, NOT_JSON, None))
                self.assertIn(why, said)
                self.assertIn(why, message["error"]["message"])
        # A header may have other fields, and names in other cases.
        body = b'{"method": "exit"}'
        self.assertEqual(self.run_server(b"CONTENT-length: %d\r\nContent-Type: x; charset=utf-8\r\n\r\n%s" % (len(body), body))[0], LEFT_EARLY)

    # -- a real editor

    @needed("nvim", "neovim")
    def test_neovim_as_the_readme_starts_it(self):
        sample = re.search(r"```lua\n(.*?)```", (ROOT / "tools" / "editors" / "README.md").read_text(), re.DOTALL)[1]
        (self.folder / "ringside").symlink_to(PROGRAM)
        (self.folder / "a.scn").write_text(WITHOUT_MISTAKES.replace("xen boots", "xen   bots"))
        (self.folder / "init.lua").write_text(f"vim.opt.runtimepath:append('{self.folder}')\n{sample}")
        (self.folder / "ftdetect").mkdir()
        (self.folder / "ftdetect" / "scn.vim").write_text((ROOT / "tools" / "editors" / "scn_detect.vim").read_text())
        (self.folder / "drive.lua").write_text("""
            local wait = function(what) assert(vim.wait(60000, what, 20), 'the diagnostics do not come') end
            local said = {}
            local good, why = pcall(function()
              wait(function() return #vim.diagnostic.get(0) > 0 end)
              said.found = vim.diagnostic.get(0)
              local at = {textDocument = vim.lsp.util.make_text_document_params(), position = {line = 1, character = 6}}
              said.words = vim.lsp.buf_request_sync(0, 'textDocument/completion', at, 60000)
              vim.api.nvim_buf_set_lines(0, 1, 2, false, {'xen   boots dom1'})
              wait(function() return #vim.diagnostic.get(0) == 0 end)
              vim.lsp.buf.formatting_sync(nil, 60000)
              said.lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
            end)
            said.why = why
            vim.fn.writefile({vim.json.encode(said)}, 'said.json')
            vim.cmd('quitall!')""")
        subprocess.run(["nvim", "--headless", "-n", "-i", "NONE", "-u", "init.lua", "a.scn", "-c", "luafile drive.lua"], cwd=self.folder,
                       env={**os.environ, "HOME": str(self.folder), "PATH": f"{self.folder}:{os.environ['PATH']}"},
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
        said = json.loads((self.folder / "said.json").read_text())
        self.assertNotIn("why", said)
        self.assertIn(("E012", 1, 6), [(each["code"], each["lnum"], each["col"]) for each in said["found"]])
        self.assertIn("boots", json.dumps(said["words"]))
        self.assertEqual(said["lines"], WITHOUT_MISTAKES.splitlines())


if __name__ == "__main__":
    unittest.main(verbosity=2)
