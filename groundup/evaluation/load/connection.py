"""HTTP/1.1 as a client of a model speaks it: a request goes out, and the answer's bytes come in as they arrive.

Written on asyncio's streams, because what is timed here must not wait in anybody's buffers. A connection that is kept alive is
used again; where an old one turns out to be closed before the answer began, the request goes out once more on a new one.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from groundup.errors import Problem

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LONGEST_LINE = 1 << 20  # of a head or of an event's first bytes
PART = 1 << 16  # bytes that are read at once


class Broken(Exception):
    """The answer is no HTTP, or ended before its end."""


@dataclass
class Answer:
    """The head of an answer, and the wire that its body comes in on."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    ended: bool = False  # whether the body was read to its end, and the wire is free for the next request

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        if "chunked" in self.headers.get("transfer-encoding", ""):
            async for part in self._chunks():
                yield part
        elif "content-length" in self.headers:
            left = int(self.headers["content-length"])
            while left:
                part = await self.reader.read(min(left, PART))
                if not part:
                    raise Broken("the connection ended within the answer")
                left -= len(part)
                yield part
        else:
            while part := await self.reader.read(PART):
                yield part
            return  # the end of the connection is the end of the body
        self.ended = self.headers.get("connection", "").lower() != "close"

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            size = await _line(self.reader)
            try:
                left = int(size.partition(b";")[0], 16)
            except ValueError:
                raise Broken("the answer's chunks have no sizes") from None
            if not left:
                while (await _line(self.reader)).strip():
                    pass  # trailers
                return
            try:
                yield await self.reader.readexactly(left)
                await self.reader.readexactly(2)
            except asyncio.IncompleteReadError:
                raise Broken("the connection ended within the answer") from None

    async def whole(self) -> bytes:
        """All of the body."""
        return b"".join([part async for part in self.parts()])


class Connections:
    """Connections to one address, each used by one request at a time."""

    def __init__(self, url: str):
        told = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = told.port
        except ValueError:
            port = 0
        if told.scheme not in ("http", "https") or not told.hostname or port == 0:
            raise Problem(f"{url} is no address: expected one like http://127.0.0.1:8000")
        self.secure, self.host = told.scheme == "https", told.hostname
        self.port = port or (443 if self.secure else 80)
        path = told.path.rstrip("/")
        self.path = path if path.endswith("/v1") else path + "/v1"
        self.named = told.netloc.rpartition("@")[2]
        self.url = f"{told.scheme}://{self.named}{self.path}"
        self.idle: list[Wire] = []

    @asynccontextmanager
    async def ask(self, method: str, path: str, body: bytes, key: str | None) -> AsyncIterator[Answer]:
        """One request below /v1; the connection is kept if the body was read to its end."""
        lines = [f"{method} {self.path}{path} HTTP/1.1", f"host: {self.named}", "accept: */*"]
        lines += [f"content-length: {len(body)}", "content-type: application/json"]
        lines += [f"authorization: Bearer {key}"] if key else []
        request = "\r\n".join([*lines, "", ""]).encode() + body
        wire, answer = await self._sent(request)
        try:
            yield answer
        finally:
            if answer.ended:
                self.idle.append(wire)
            else:
                wire[1].close()

    async def _sent(self, request: bytes) -> tuple[Wire, Answer]:
        while self.idle:  # one of these may have been closed at the other end meanwhile
            with suppress(OSError, Broken):
                return await _over(self.idle.pop(), request)
        wire = await asyncio.open_connection(self.host, self.port, ssl=self._context(), limit=LONGEST_LINE)
        return await _over(wire, request)

    def _context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self.secure else None

    def close(self) -> None:
        """Close what is idle."""
        for _, writer in self.idle:
            writer.close()
        self.idle.clear()


async def _over(wire: Wire, request: bytes) -> tuple[Wire, Answer]:
    """The wire and what came back on it; it is closed if nothing does."""
    try:
        return wire, await _answer(wire, request)
    except BaseException:
        wire[1].close()
        raise


async def _answer(wire: Wire, request: bytes) -> Answer:
    """Send it, and read the head of what comes back."""
    reader, writer = wire
    with suppress(ConnectionError):  # who refuses a long body may answer before all of it is sent
        writer.write(request)
        await writer.drain()
    status = 100
    headers: dict[str, str] = {}
    while status == 100:
        words = (await _line(reader)).split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise Broken("what answers there does not speak HTTP")
        status, headers = int(words[1]), {}
        while line := (await _line(reader)).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
    return Answer(status, headers, reader)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        raise Broken("the connection ended within the answer") from None
    except asyncio.LimitOverrunError:
        raise Broken("a line of the answer has no end") from None
