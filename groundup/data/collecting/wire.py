"""HTTP/1.1 on one connection: a request goes out, and what comes back is read within limits that nobody can talk us out of.

Every limit is counted here, on what really came: seconds from the start to the last byte, bytes of the head, bytes of the
body as sent and as unpacked. A server that sends a byte now and then, or a megabyte of zeros in a kilobyte, ends at them.
"""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from groundup.data.collecting.address import Place

LONGEST_LINE = 64 << 10
MOST_HEADERS = 256
PART = 64 << 10  # bytes read at once
UNPACKED_AT_ONCE = 256 << 10
FREE = 1 << 20  # bytes that may be unpacked from however little
RATIO = 100  # bytes unpacked from a byte sent, beyond those; pages in HTML reach 20
BODILESS = {204, 304}


class Broken(Exception):
    """What came is no HTTP, or ended before its end: another try may go better."""


class TooMuch(Exception):
    """What came is more than it may be: another try would bring the same."""


@dataclass(frozen=True)
class Limits:
    """How much of one answer is waited for, and taken."""

    seconds: float = 30.0  # for all of it
    bytes: int = 8 << 20  # of the body, unpacked


@dataclass
class Answer:
    """What came back: names of headers in lower case, the body unpacked, and the bytes of it that were sent."""

    status: int
    reason: str
    headers: dict[str, str]
    lines: list[tuple[str, str]]  # the headers as they were written
    body: bytes = b""
    sent: int = 0


Wanted = Callable[[Answer], bool]  # whether the body is to be read, decided by status and headers


def every(answer: Answer) -> bool:
    """Every body is wanted."""
    return True


async def ask(
    place: Place,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    limits: Limits,
    wanted: Wanted = every,
    method: str = "GET",
    body: bytes = b"",
) -> Answer:
    """One request to one of these addresses, and the answer; Broken, TooMuch, TimeoutError or OSError if there is none."""
    async with asyncio.timeout(limits.seconds):
        async with _connected(place, addresses) as (reader, writer):
            lines = [f"{method} {place.path} HTTP/1.1", f"Host: {place.authority}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            lines += [f"Content-Length: {len(body)}"] if method != "GET" else []
            with suppress(ConnectionError):  # who refuses a long body may answer before all of it is sent
                writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
                await writer.drain()
            answer = await _head(reader)
            if answer.status not in BODILESS and wanted(answer):
                await _read(reader, answer, limits.bytes)
            return answer


@asynccontextmanager
async def _connected(
    place: Place, addresses: Sequence[str]
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the first address that takes one; the certificate must be that of the name."""
    secure = ssl.create_default_context() if place.scheme == "https" else None
    failed: OSError | None = None
    for address in addresses:
        try:
            reader, writer = await asyncio.open_connection(
                address, place.port, ssl=secure, server_hostname=place.host if secure else None, limit=LONGEST_LINE
            )
        except OSError as error:
            failed = error
            continue
        try:
            yield reader, writer
        finally:
            writer.transport.abort()  # nothing more is wanted: no farewell that the other end could draw out
        return
    raise failed or OSError(f"{place.host} has no address")


async def _head(reader: asyncio.StreamReader) -> Answer:
    """Status and headers; what is sent ahead of them (1xx) is passed over."""
    while True:
        words = (await _line(reader)).split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit() or len(words[1]) != 3:
            raise Broken("what answers there does not speak HTTP/1.1")
        lines: list[tuple[str, str]] = []
        while line := (await _line(reader)).strip():
            name, _, value = line.decode("latin-1").partition(":")
            lines.append((name.strip(), value.strip()))
            if len(lines) > MOST_HEADERS:
                raise TooMuch(f"more than {MOST_HEADERS} headers")
        status = int(words[1])
        if status >= 200:
            reason = words[2].decode("latin-1").strip() if len(words) > 2 else ""
            return Answer(status, reason, {name.lower(): value for name, value in lines}, lines)


async def _read(reader: asyncio.StreamReader, answer: Answer, largest: int) -> None:
    """The body to its end, unpacked as it comes, or not at all."""
    announced = answer.headers.get("content-length", "")
    packed = answer.headers.get("content-encoding", "").lower()
    if announced.isdigit() and packed in PLAIN and int(announced) > largest:
        raise TooMuch(f"{int(announced)} bytes are announced, {largest} may come")
    unpack = unpacker(packed, largest)
    parts: list[bytes] = []
    async for part in _parts(reader, answer.headers):
        answer.sent += len(part)
        if answer.sent > largest + FREE:
            raise TooMuch(f"longer than {largest} bytes")
        parts.append(unpack(part))
    answer.body = b"".join(parts)


PLAIN = ("", "identity")


def unpacker(encoding: str, largest: int) -> Callable[[bytes], bytes]:
    """A function from the bytes that came to those that they mean, which refuses to make too many of them."""
    seen = made = 0
    inner = _inflate() if encoding in ("gzip", "x-gzip", "deflate") else None
    if inner is None and encoding not in PLAIN:
        raise TooMuch(f"packed as {encoding[:40]}, which was not asked for")

    def unpack(part: bytes) -> bytes:
        nonlocal seen, made
        seen += len(part)
        kept = []
        for piece in [part] if inner is None else inner(part):
            made += len(piece)
            if made > largest:
                raise TooMuch(f"longer than {largest} bytes")
            if inner is not None and made > FREE + RATIO * seen:
                raise TooMuch(f"{seen} bytes unpack to more than {RATIO} times as many")
            kept.append(piece)
        return b"".join(kept)

    return unpack


def _inflate() -> Callable[[bytes], Iterator[bytes]]:
    """gzip, zlib and bare deflate, told apart by their first byte, a little at a time; gzip may come in several members."""
    stream: zlib._Decompress | None = None

    def pieces(part: bytes) -> Iterator[bytes]:
        nonlocal stream
        while part:
            if stream is None or stream.eof:
                stream = zlib.decompressobj(47 if part[:1] in (b"\x1f", b"\x78") else -15)
            try:
                piece = stream.decompress(part, UNPACKED_AT_ONCE)
            except zlib.error as error:
                raise Broken(f"its packing is damaged: {error}") from None
            yield piece
            part = stream.unused_data if stream.eof else stream.unconsumed_tail
            if stream.eof and part[:1] != b"\x1f":
                return  # what stands behind the end of a packed body is no part of it

    return pieces


async def _parts(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The body as it comes, its chunks taken apart."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        async for part in _chunks(reader):
            yield part
        return
    announced = headers.get("content-length", "")
    left = int(announced) if announced.isdigit() else None
    while left is None or left:
        part = await reader.read(PART if left is None else min(left, PART))
        if not part:
            if left:
                raise Broken("the connection ended within the answer")
            return
        left = None if left is None else left - len(part)
        yield part


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        size = (await _line(reader)).partition(b";")[0].strip()
        if not size or size.strip(b"0123456789abcdefABCDEF") or len(size) > 8:
            raise Broken("the answer's chunks have no sizes")
        left = int(size, 16)
        if not left:
            return
        while left:
            part = await reader.read(min(left, PART))
            if not part:
                raise Broken("the connection ended within the answer")
            left -= len(part)
            yield part
        await _line(reader)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        raise Broken("the connection ended within the answer") from None
    except asyncio.LimitOverrunError:
        raise TooMuch(f"a line of the answer is longer than {LONGEST_LINE} bytes") from None
