"""An editor's side of the Language Server Protocol, for lsp_test.py."""
import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", ROOT / "build" / "ringside"))


def framed(message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def messages_in(output):
    """All messages of a server's output."""
    found = []
    while output:
        header, output = output.split(b"\r\n\r\n", 1)
        length = int(re.fullmatch(rb"Content-Length: (\d+)", header)[1])
        found.append(json.loads(output[:length]))
        output = output[length:]
    return found


class Editor:
    """A client with one session."""

    def __init__(self):
        self.server = subprocess.Popen([PROGRAM, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.shown = {}  # the diagnostics by URI
        self.log = []
        self.last = 0
        self.capabilities = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})["capabilities"]
        self.tell("initialized", {})

    def tell(self, method, params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def send(self, message):
        self.server.stdin.write(framed(message))
        self.server.stdin.flush()

    def read(self):
        length = 0
        while (line := self.server.stdout.readline()) not in (b"\r\n", b""):
            length = int(line.removeprefix(b"Content-Length: "))
        return json.loads(self.server.stdout.read(length))

    def answer(self, number):
        """The answer with that id. What the server sends before it is kept."""
        while True:
            message = self.read()
            if message.get("method") == "textDocument/publishDiagnostics":
                self.shown[message["params"]["uri"]] = message["params"]["diagnostics"]
            elif message.get("method") == "window/logMessage":
                self.log.append(message["params"]["message"])
            else:
                assert message["id"] == number and message["jsonrpc"] == "2.0", message
                return message

    def answered(self, method, params):
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        return self.answer(self.last)

    def ask(self, method, params):
        message = self.answered(method, params)
        assert "error" not in message, message
        return message["result"]

    def refused(self, method, params):
        return self.answered(method, params)["error"]["code"]

    def open(self, uri, text):
        self.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "scn", "version": 1, "text": text}})

    def change(self, uri, text):
        self.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]})

    def close(self, uri):
        self.tell("textDocument/didClose", {"textDocument": {"uri": uri}})

    def at(self, method, uri, line, character):
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}})

    def diagnostics(self):
        """Those that are shown when the server has handled everything; not the empty lists."""
        self.sync()
        return {uri: found for uri, found in self.shown.items() if found}

    def sync(self):
        self.answered("no/such/method", {})

    def leave(self):
        self.ask("shutdown", None)
        self.tell("exit", None)
        return self.ended()

    def ended(self):
        self.server.stdin.close()
        said = self.server.stderr.read().decode()
        self.server.stderr.close()
        self.server.stdout.close()
        return self.server.wait(), said
