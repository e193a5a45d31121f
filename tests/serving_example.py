"""A real server of tiny models with random weights, in its own process, and the plainest client there is."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from groundup.model import folder
from groundup.serving.limits import Limits
from tests import model_example

ROOT = Path(__file__).parents[1]
START = """
import json, sys
sys.addaudithook(lambda event, _: event == "socket.connect" and print("CONNECTED", file=sys.stderr))
from groundup.serving.limits import Limits
from groundup.serving.run import Door, Pace, Wanted, serve
words = json.loads(sys.argv[1])
parts = {"limits": Limits, "door": Door, "wanted": Wanted, "pace": Pace}
serve(**words, **{name: parts[name](**told) for name, told in json.loads(sys.argv[2]).items()})
"""


def model_folder(path: Path, seed: int = 1, context: int = 512) -> Path:
    """A model of two layers that says anything but nothing sensible, and never ends by itself."""
    tokenizer = model_example.tokenizer(300)
    model = model_example.model("qwen3 untied", seed, vocabulary=tokenizer.vocabulary, context=context)
    with torch.no_grad():
        model.model.norm.weight.mul_(16)  # so sure of itself that a control token, whose logit is 0, is never drawn
        model.lm_head.weight[tokenizer.size :] = 0
    folder.save(path, model, tokenizer, "plain")
    return path


class Server:
    """A running `groundup serve`."""

    def __init__(self, models: dict[str, Path], limits: Limits | None = None, **parts: dict[str, Any]):
        """parts: what `Door`, `Wanted` and `Pace` hold, as `door`, `wanted` and `pace`.

        It writes with torch unless `pace` says otherwise: compiled, this model is done before anybody can stop it.
        """
        words = {"models": {name: str(path) for name, path in models.items()}, "port": 0}
        parts = {"limits": asdict(limits or Limits()), "pace": {"decode": "torch"}, **parts}
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(ROOT)}
        self.folder = tempfile.TemporaryDirectory()
        self.said = Path(self.folder.name) / "said"  # all that it writes, on stdout and stderr
        with open(self.said, "w") as out:
            command = [sys.executable, "-c", START, json.dumps(words), json.dumps(parts)]
            self.process = subprocess.Popen(command, env=env, stdout=out, stderr=out)
        try:
            self.until(lambda: "chat page: " in self.said.read_text() or self.process.poll() is not None, 240)
            said = self.said.read_text()  # behind a sentence when loops are compiled for the first time
            assert "chat page: " in said, said
            self.url = said.split("chat page: ")[1].split()[0]
            self.port = int(self.url.rsplit(":", 1)[1])
            self.wait_until_ready()
        except BaseException:
            self.process.kill()
            raise

    def wait_until_ready(self) -> None:
        end = time.monotonic() + 240
        while time.monotonic() < end:
            if self.ask("/ready")[0] == 200:
                return
            time.sleep(0.02)
        raise AssertionError("the server never was ready")

    def ask(self, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 60.0):
        """(status, what came back, headers); bodies are sent as JSON unless they are bytes."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, _told(answer.read()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, _told(error.read()), dict(error.headers)
        except OSError:
            return 0, "", {}

    def chat(self, content: str = "Hello", **more: Any):
        return self.ask("/v1/chat/completions", {"messages": [{"role": "user", "content": content}], **more})

    def stream(self, body: dict[str, Any], path: str = "/v1/chat/completions") -> list[Any]:
        """The events of a stream: parsed, but for the last, [DONE]."""
        with self.open_stream(body, path) as answer:
            lines = [line[6:].decode().rstrip("\n") for line in answer if line.startswith(b"data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    def open_stream(self, body: dict[str, Any], path: str = "/v1/chat/completions"):
        data = json.dumps({"messages": [{"role": "user", "content": "Hello"}], **body, "stream": True}).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        return urllib.request.urlopen(request, timeout=60)

    def send(self, line: socket.socket, path: str, body: dict[str, Any]) -> None:
        """Ask over a bare connection, without waiting for the answer."""
        data = json.dumps(body).encode()
        line.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)

    def socket(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        text = self.ask("/metrics")[1]
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"groundup:{name}{{"))

    def until(self, true: Any, seconds: float = 10.0) -> None:
        """Wait until it is so."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "it never came to be"
            time.sleep(0.02)

    def ended(self, seconds: float = 20.0) -> int:
        """Wait for the end: the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextmanager
def served(models: dict[str, Path], limits: Limits | None = None, **parts: dict[str, Any]):
    """A server for the length of a test."""
    server = Server(models, limits, **parts)
    try:
        yield server
    finally:
        server.process.kill()
        server.ended()
        server.folder.cleanup()


def _told(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
