"""Besets a server with all that may come from outside, and holds it to what it promises.

    python -m bench.soak_serving [--minutes 10] [--requests 10000] [--clients 24] [--seed 1]

Clients that read to the end, clients that leave at any moment, bodies that are too large, malformed or hostile, bytes that are no
HTTP: drawn at random, many at once, until both the minutes and the requests are over. Then: no status of 500 or above, every
accepted answer ended or was left by its reader, no memory is lost, no text of a client is in what the server says, and a SIGTERM
under load breaks no stream. Every run is added to bench/results/soak.jsonl.
"""

import argparse
import asyncio
import json
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.soak import RESULTS
from groundup.serving.limits import Limits
from tests import serving_example

CANARY = "canary-of-the-soak"
CHAT, COMPLETE = "/v1/chat/completions", "/v1/completions"
LIMITS = Limits(slots=8, waiting=24)
LEAK = 1024  # bytes a request
ENOUGH = 5000  # requests from which on memory is judged: before, allocators are still settling
PATIENCE = 60.0  # seconds for one answer
WORDS = [
    "hello",
    "<|end|>",
    "<|user|>",
    "naïve",
    "日本語",
    "\U0001f600",
    "\x00",
    "{{7*7}}",
    "../../etc/passwd",
    "' OR 1=1 --",
    CANARY,
]
MALFORMED: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe{}",
    b'{"messages": NaN}',
    b'{"messages": []}',
    b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    b'{"messages": [{"role": "root", "content": "x"}]}',
    b'{"messages": [{"role": "user"}]}',
    b'{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/"}}]}]}',
    b'{"messages": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": -1}',
    b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1e999}',
    b'{"messages": [{"role": "user", "content": "x"}], "n": 100000}',
    b'{"messages": [{"role": "user", "content": "x"}], "temperature": "hot"}',
    b'{"messages": [{"role": "user", "content": "x"}], "top_p": -0.5}',
    b'{"messages": [{"role": "user", "content": "x"}], "stop": ' + json.dumps(["x"] * 1000).encode() + b"}",
    b'{"messages": [{"role": "user", "content": "x"}], "model": "' + b"m" * 5000 + b'"}',
    b'{"prompt": [2147483647]}',
    b'{"prompt": [-1]}',
    b'{"prompt": [[1], "x"]}',
]
NO_HTTP: list[bytes] = [
    b"\x00" * 64,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # how TLS begins
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /%00%ff/../../x HTTP/1.1\r\nhost: x\r\n\r\n",
    b"BREW /health HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"GET /health HTTP/1.1\r\n" + b"x: y\r\n" * 5000 + b"\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
]


@dataclass
class Soak:
    """A server, and what its clients saw."""

    port: int
    chance: random.Random
    statuses: Counter[int] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    read_to_the_end: int = 0

    def fault(self, kind: str, what: str) -> None:
        """Something that may not be."""
        if len(self.wrong) < 20:
            self.wrong.append(f"{kind}: {what}")

    def words(self) -> str:
        return " ".join(self.chance.choices(WORDS, k=self.chance.randint(1, 12)))

    def body(self, **more) -> bytes:
        told = {"messages": [{"role": "user", "content": self.words()}], "max_tokens": self.chance.randint(1, 40)}
        return json.dumps({**told, "temperature": self.chance.choice([0, 0.7, 2]), **more}).encode()

    async def visit(self) -> None:
        """One client of a kind that chance chooses."""
        kind = self.chance.choices(list(KINDS), [weight for _, weight in KINDS.values()])[0]
        self.visits[kind] += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await KINDS[kind][0](self)
        except TimeoutError:
            self.fault(kind, f"no end after {PATIENCE:.0f} s")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever sends what is no HTTP is cut off, and may be

    async def ask(self, path: str, body: bytes, method: str = "POST", head: bytes = b"") -> tuple[int, bytes]:
        """A whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request(method, path, body, head))
            await writer.drain()
            status, told = parted(await reader.read(-1))
        finally:
            writer.close()
        self.statuses[status] += 1
        if status >= 500 or not status:
            self.fault(f"{method} {path}", f"status {status} for {body[:200]!r}")
        return status, told

    def expect(self, kind: str, status: int, allowed: tuple[int, ...]) -> None:
        if status not in allowed:
            self.fault(kind, f"status {status}, expected {allowed}")


def request(method: str, path: str, body: bytes, head: bytes = b"") -> bytes:
    """The bytes of one request whose connection ends with its answer."""
    return (
        b"%s %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n"
        % (
            method.encode(),
            path.encode(),
            head,
            len(body),
        )
        + body
    )


def parted(data: bytes) -> tuple[int, bytes]:
    """Status and the rest; 0 if it is no HTTP."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", data)
    return (int(found[1]) if found else 0), data


# --- kinds of clients -------------------------------------------------------------------------------------------------


async def whole(soak: Soak) -> None:
    """Reads an answer in one piece."""
    status, told = await soak.ask(CHAT, soak.body())
    soak.expect("whole", status, (200, 429))
    soak.read_to_the_end += status == 200
    if status == 200 and b'"finish_reason":"' not in told.replace(b" ", b""):
        soak.fault("whole", "an answer without an end")


async def stream(soak: Soak) -> None:
    """Reads a stream to its end."""
    status, told = await soak.ask(CHAT, soak.body(stream=True))
    soak.expect("stream", status, (200, 429))
    soak.read_to_the_end += status == 200
    if status == 200 and b"data: [DONE]" not in told:
        soak.fault("stream", "it broke off")


async def texts(soak: Soak) -> None:
    """Several prompts, their log-probabilities, their echo."""
    asked = {
        "prompt": [soak.words() for _ in range(3)],
        "max_tokens": soak.chance.randint(0, 8),
        "logprobs": 2,
        "echo": True,
    }
    status, _ = await soak.ask(COMPLETE, json.dumps(asked).encode())
    soak.expect("texts", status, (200, 429))


async def leaving(soak: Soak) -> None:
    """Leaves at any moment: before the answer, within its stream, or within the request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", soak.port)
    data = request("POST", CHAT, soak.body(stream=soak.chance.random() < 0.6, max_tokens=400))
    try:
        writer.write(data[: soak.chance.randint(1, len(data))] if soak.chance.random() < 0.2 else data)
        await writer.drain()
        for _ in range(soak.chance.randint(0, 6)):
            await asyncio.wait_for(reader.read(300), 0.05)
    except TimeoutError:
        pass
    finally:
        if soak.chance.random() < 0.5:
            writer.transport.abort()  # with a reset, as when a telephone loses its network
        writer.close()


async def malformed(soak: Soak) -> None:
    """A body that no request has."""
    status, _ = await soak.ask(soak.chance.choice([CHAT, COMPLETE]), soak.chance.choice(MALFORMED))
    soak.expect("malformed", status, (400, 404, 413, 422, 429))


async def oversized(soak: Soak) -> None:
    """A body, a head or a prompt that is too large."""
    kind = soak.chance.randrange(3)
    if kind == 0:
        status, _ = await soak.ask(CHAT, b'{"messages": "' + b"x" * soak.chance.randint(1 << 20, 3 << 20) + b'"}')
        return soak.expect("oversized body", status, (413,))
    if kind == 1:
        status, _ = await soak.ask("/health", b"", "GET", b"x-large: " + b"y" * 40_000 + b"\r\n")
        return soak.expect("oversized head", status, (400, 431))
    status, _ = await soak.ask(CHAT, soak.body(messages=[{"role": "user", "content": "x y " * 50_000}]))
    soak.expect("oversized prompt", status, (400, 429))


async def no_http(soak: Soak) -> None:
    """Bytes that are no request, or one that lies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", soak.port)
    data = soak.chance.choice([*NO_HTTP, soak.chance.randbytes(200)])
    try:
        writer.write(data)
        await writer.drain()
        writer.write_eof()
        status, _ = parted(await reader.read(-1))
    finally:
        writer.close()
    if status:
        soak.statuses[status] += 1
    if status >= 500:
        soak.fault("no HTTP", f"status {status} for {data[:60]!r}")


async def facts(soak: Soak) -> None:
    """Asks what is open to all."""
    path = soak.chance.choice(
        ["/health", "/ready", "/metrics", "/v1/models", "/v1/models/none", "/", "/version", "/nowhere"]
    )
    status, _ = await soak.ask(path, b"", "GET")
    soak.expect("facts", status, (200, 404))


KINDS: dict[str, tuple[Callable, int]] = {
    "whole": (whole, 20),
    "stream": (stream, 25),
    "texts": (texts, 5),
    "leaving": (leaving, 20),
    "malformed": (malformed, 12),
    "oversized": (oversized, 4),
    "no_http": (no_http, 7),
    "facts": (facts, 7),
}

# --- the whole --------------------------------------------------------------------------------------------------------


def held(process: int) -> int:
    """Bytes that a process holds for itself alone, in memory or put away."""
    told = Path(f"/proc/{process}/status").read_text()
    return 1024 * sum(int(each) for each in re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+)", told, re.MULTILINE))


def slope(samples: list[tuple[int, int]]) -> float:
    """Bytes a request: the median of the slopes between samples of the first and the second half, after a warm-up."""
    settled = samples[len(samples) // 5 :]
    half = len(settled) // 2
    pairs = zip(settled[:half], settled[-half:], strict=True) if half else ()
    return median([(later[1] - sooner[1]) / max(1, later[0] - sooner[0]) for sooner, later in pairs] or [0.0])


async def beset(soak: Soak, process: int, minutes: float, requests: int, clients: int) -> list[tuple[int, int]]:
    """Clients without end, until the minutes and the requests are over; how much memory was held after how many of them."""
    began, samples = time.monotonic(), []

    def over() -> bool:
        return time.monotonic() - began > 60 * minutes and sum(soak.visits.values()) >= requests

    async def client() -> None:
        while not over():
            await soak.visit()

    async def look() -> None:
        while True:
            samples.append((sum(soak.visits.values()), held(process)))
            line = f"{samples[-1][0]:,} requests, {samples[-1][1] / 1e6:.1f} MB, {len(soak.wrong)} faults"
            print(f"\r{line}   " if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n", flush=True)
            await asyncio.sleep(max(0.5, minutes * 60 / 100))

    looking = asyncio.ensure_future(look())
    await asyncio.gather(*(client() for _ in range(clients)))
    looking.cancel()
    return samples


async def stopped_under_load(soak: Soak, stop: Callable[[], None], streams: int = 16) -> int:
    """How many of several streams came to their end although the server was told to stop when all had begun."""

    async def one(begun: asyncio.Event) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", soak.port)
        writer.write(request("POST", CHAT, soak.body(stream=True, max_tokens=150)))
        told = await reader.readuntil(b"data: ")
        begun.set()
        told += await reader.read(-1)
        writer.close()
        return told

    begun = [asyncio.Event() for _ in range(streams)]
    reading = [asyncio.ensure_future(one(each)) for each in begun]
    await asyncio.gather(*(each.wait() for each in begun))
    stop()
    return sum(b"data: [DONE]" in told for told in await asyncio.gather(*reading))


def answers(server: serving_example.Server) -> Counter[str]:
    """What the server counts of its answers, by why they ended."""
    found = re.findall(
        r'^groundup:answers_total\{.*finished_reason="(\w+)".*\} ([\d.]+)', server.ask("/metrics")[1], re.MULTILINE
    )
    return Counter({reason: int(float(count)) for reason, count in found})


def run(minutes: float, requests: int, clients: int, seed: int) -> dict:
    """One soak; what was found, faults included."""
    with tempfile.TemporaryDirectory(prefix="groundup-soak-") as folder:
        model = serving_example.model_folder(Path(folder) / "model", context=1024)
        with serving_example.served({"model": model}, LIMITS) as server:
            soak = Soak(server.port, random.Random(seed))
            began = time.monotonic()
            samples = asyncio.run(beset(soak, server.process.pid, minutes, requests, clients))
            seconds = time.monotonic() - began
            for name in ("running", "waiting"):
                try:
                    server.until(lambda name=name: server.metric(f"num_requests_{name}") == 0, 30)
                except AssertionError:
                    soak.fault("accounts", f"requests are still {name} after all clients have gone")
            ended = answers(server)
            if ended["error"]:
                soak.fault("accounts", f"{ended['error']} accepted answers were given up")
            if ended["stop"] + ended["length"] < soak.read_to_the_end:
                soak.fault(
                    "accounts", f"{soak.read_to_the_end} answers were read, and fewer were counted: {dict(ended)}"
                )
            broken = 16 - asyncio.run(stopped_under_load(soak, lambda: server.process.send_signal(signal.SIGTERM)))
            if broken:
                soak.fault("stop", f"{broken} of 16 streams broke off")
            if code := server.ended(60):
                soak.fault("stop", f"exit code {code}")
            said = server.said.read_text(errors="replace")
            for word in (CANARY, "Traceback", "CONNECTED"):
                if word in said:
                    soak.fault("log", f"{word!r} is in what the server says")
    sent, leak = sum(soak.visits.values()), slope(samples)
    if sent >= ENOUGH and leak > LEAK:
        soak.fault("memory", f"{leak:.0f} bytes a request")
    return {
        "soak": "serving",
        "minutes": round(seconds / 60, 2),
        "requests": sent,
        "visits": dict(soak.visits),
        "statuses": {str(status): count for status, count in sorted(soak.statuses.items())},
        "answers": dict(ended),
        "bytes_a_request": round(leak, 1),
        "megabytes": [round(samples[0][1] / 1e6, 1), round(samples[-1][1] / 1e6, 1)],
        "streams_broken_by_sigterm": broken,
        "faults": soak.wrong,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    told = run(asked.minutes, asked.requests, asked.clients, asked.seed)
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")
    print("\n" + json.dumps(told, indent=1), flush=True)
    return 1 if told["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
