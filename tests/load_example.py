"""A server of OpenAI's API that follows a script: after so many seconds so many pieces, or whatever else it was told to do.

It is a plain socket server, so that what is measured of it can be reckoned beforehand.
"""

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Script:
    """How it answers."""

    first: float = 0.0  # seconds until the first piece
    between: float = 0.0  # seconds from piece to piece
    pieces: int = 3
    key: str | None = None
    models: tuple[str, ...] = ("scripted",)
    one_at_a_time: bool = False
    spoil: Callable[[int], str | None] = lambda number: None  # number of the request -> how it goes wrong
    asked: list[dict[str, Any]] = field(default_factory=list)  # all requests that came
    lines: list[int] = field(default_factory=list)  # a number for each connection
    turn: threading.Lock = field(default_factory=threading.Lock)


class Talk(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        script: Script = self.server.script  # type: ignore[attr-defined]
        script.lines.append(len(script.lines))
        while self._one(script):
            pass

    def _one(self, script: Script) -> bool:
        """Answer one request; whether another one may follow."""
        head = []
        while (line := self.rfile.readline().decode().strip()) or not head:
            if not line:
                return False
            head.append(line)
        told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = self.rfile.read(int(told.get("content-length", 0)))
        if script.key and told.get("authorization") != f"Bearer {script.key}":
            return self._whole(401, {"error": {"message": "no", "code": "invalid_api_key"}})
        if "GET" in head[0]:
            return self._whole(200, {"data": [{"id": name} for name in script.models]})
        asked = json.loads(body)
        script.asked.append(asked)
        if asked.get("model") not in script.models:
            return self._whole(404, {"error": {"message": "there is no such model", "code": "model_not_found"}})
        wrong = script.spoil(len(script.asked) - 1)
        if wrong == "busy":
            return self._whole(429, {"error": {"message": "later", "code": "server_busy"}})
        if wrong == "hang up":
            return False
        if script.one_at_a_time:
            with script.turn:
                return self._answer(script, asked, wrong)
        return self._answer(script, asked, wrong)

    def _answer(self, script: Script, asked: dict[str, Any], wrong: str | None) -> bool:
        usage = {"prompt_tokens": 5, "completion_tokens": 2 * script.pieces}
        if not asked.get("stream"):
            time.sleep(script.first + script.between * (script.pieces - 1))
            text = {"message": {"content": "x"}, "text": "x", "finish_reason": "stop"}
            return self._whole(200, {"choices": [text], "usage": usage})
        self.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n")
        self._event({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        for number in range(script.pieces):
            time.sleep(script.between if number else script.first)
            if wrong == "cut" and number == 1:
                return False
            if wrong == "error" and number == 1:
                self._event({"error": {"message": "given up", "code": "given_up"}})
            self._event({"choices": [{"delta": {"content": "né"}, "text": "né", "finish_reason": None}]})
        self._event({"choices": [{"delta": {}, "text": "", "finish_reason": "stop"}]})
        self._event({"choices": [], "usage": usage})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")
        return True

    def _event(self, told: dict[str, Any]) -> None:
        data = b": a comment\r\ndata: " + json.dumps(told, ensure_ascii=False).encode() + b"\r\n\r\n"
        half = data.index(b"{") + 3
        self._chunk(data[:half])
        self._chunk(data[half:])

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _whole(self, status: int, told: dict[str, Any]) -> bool:
        data = json.dumps(told).encode()
        self.wfile.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (status, len(data), data))
        return True


class Threads(socketserver.ThreadingTCPServer):
    """A thread for each connection, however many come at once."""

    daemon_threads, allow_reuse_address, request_queue_size = True, True, 256
    script: Script

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is no news."""


@contextmanager
def scripted(**told: Any) -> Iterator[tuple[str, Script]]:
    """Its address, and the script with what was asked."""
    with Threads(("127.0.0.1", 0), Talk) as server:
        server.script = Script(**told)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", server.script
        finally:
            server.shutdown()
            thread.join()
