"""WARC, the web archive: one record after another, each with its length; crawlers break the rule now and then.

A record with a wrong length or without its headers is handed on as a problem, and reading goes on at the next place
that looks like the beginning of a record.
"""

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from typing import IO

from groundup.data.documents import HTML, TEXT, Record
from groundup.data.reading.bounds import LARGEST, MIB, too_long
from groundup.data.reading.found import Found
from groundup.data.reading.unpack import mending

LINE = 64 << 10
PIECE, PASSED = 1 << 20, 16 << 20
SHORT = 32  # bytes in which the first line of a record ends
HEADERS = 1 << 20  # bytes of the headers of one record
CODINGS = 3  # of one body, in each other
BEGINNING = re.compile(rb"WARC/(?:0\.1[78]|1\.\d)\s*$")  # 0.17 and 0.18 are drafts that archives were written in
NEXT = re.compile(rb"^WARC/(?:0\.1[78]|1\.\d)[ \t]*\r?\n", re.M)
DIGITS = re.compile(r"[0-9]{1,15}")
KINDS = {"text/html": HTML, "application/xhtml+xml": HTML, "text/plain": TEXT, "text/markdown": TEXT, "": HTML}
CARRIERS = {"response", "resource", "conversion"}  # the others speak about the crawl


class Bytes:
    """A stream of bytes that can be looked at before it is read, so that a wrong length costs no more than a look."""

    def __init__(self, stream: IO[bytes]):
        self.stream, self.data, self.at = stream, bytearray(), 0

    def ready(self, size: int) -> int:
        """How many of the next bytes there are, up to a size."""
        if self.at > PASSED and self.at * 2 > len(self.data):
            del self.data[: self.at]
            self.at = 0
        while len(self.data) - self.at < size:
            some = self.stream.read(max(PIECE, size - len(self.data) + self.at))
            if not some:
                break
            self.data += some
        return min(size, len(self.data) - self.at)

    def peek(self, begin: int, size: int) -> bytes:
        """The bytes from a place on, as far as they are ready."""
        return bytes(self.data[self.at + begin : self.at + begin + size])

    def line(self) -> bytes:
        """The next line, or a piece of one that is longer than any header."""
        end = self.data.find(b"\n", self.at, self.at + LINE)
        if end < 0:
            size = self.ready(LINE)
            end = self.data.find(b"\n", self.at, self.at + size)
            end = end if end >= 0 else self.at + size - 1
        line = bytes(self.data[self.at : end + 1])
        self.at = end + 1
        return line

    def to_next_beginning(self) -> None:
        """Go on to the next line that begins a record, or to the end."""
        if NEXT.match(self.data, self.at):
            return
        while not (found := NEXT.search(self.data, self.at)):
            self.at = max(self.at, len(self.data) - SHORT)
            if self.ready(SHORT + 1) <= SHORT:
                self.at = len(self.data)
                return
        self.at = found.start()


def read_warc(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """The pages of an archive; requests, failed answers and what is no text are passed over."""
    source, number = Bytes(stream), 0
    while line := source.line():
        if not line.strip():
            continue
        number += 1
        place = f"{found.name}#{number}"
        if not BEGINNING.match(line):
            source.to_next_beginning()
            yield Record(place, found.name, problem="a record does not begin with WARC/1.")
            continue
        headers = _headers(source)
        length = headers.get("content-length", "")
        if not DIGITS.fullmatch(length):
            source.to_next_beginning()
            yield Record(headers.get("warc-target-uri", place), found.name, problem="a record without its length")
            continue
        yield from _record(source, headers, int(length), place, found)


def read_packed_warc(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """An archive in which each record is packed alone: a broken one is left out, and how many there were is told."""
    plain, counter = mending(stream, found.allowance)
    yield from read_warc(plain, found)
    if counter.torn:
        yield Record(found.name, found.name, problem=f"{counter.torn} places where its gzip is broken")


def _record(source: Bytes, headers: dict[str, str], length: int, place: str, found: Found) -> Iterator[Record]:
    id = headers.get("warc-target-uri", place).strip("<>")
    if length > LARGEST:
        source.to_next_beginning()  # not by the length, which may be a lie about the rest of the file
        yield Record(id, found.name, problem=too_long())
        return
    size = source.ready(length + 4)
    after = source.peek(length, 4)
    if size < length or after not in (b"\r\n\r\n", b"\n\n" + after[2:], b"", b"\r\n"):
        source.to_next_beginning()
        yield Record(id, found.name, problem=f"{length} bytes announced, but the record ends elsewhere")
        return
    block = source.peek(0, length)
    source.at += length
    if headers.get("warc-type") not in CARRIERS:
        return
    if found.manner.digests == "check" and not digest_holds(block, headers.get("warc-block-digest", "")):
        yield Record(id, found.name, problem="its digest is that of other bytes")
        return
    yield from page(block, headers, id, found)


def digest_holds(block: bytes, written: str) -> bool:
    """Whether `sha1:…` in base 32, or another digest in base 16, is that of the bytes; what is unknown holds."""
    name, _, value = written.partition(":")
    if name.lower() not in ("sha1", "sha256", "md5"):
        return True
    made = hashlib.new(name.lower(), block, usedforsecurity=False)
    letters = base64.b32encode(made.digest()).decode("ascii").lower().rstrip("=")
    return value.lower().rstrip("=") in (made.hexdigest(), letters)


def page(block: bytes, headers: dict[str, str], id: str, found: Found) -> Iterator[Record]:
    """What a record carries: the body of an HTTP answer that went well, or the block itself."""
    declared = headers.get("content-type", "")
    if not declared.startswith("application/http"):
        yield from _body(block, declared, id, found)
        return
    head, _, body = block.partition(b"\r\n\r\n")
    status = head.split(None, 2)[1:2]
    if not head.startswith(b"HTTP/") or not status:
        yield Record(id, found.name, problem="not an HTTP answer")
        return
    if not status[0].startswith(b"2"):
        found.skipped["HTTP " + status[0][:3].decode("latin-1")] += 1
        return
    answer = _parse(head.split(b"\r\n")[1:])
    try:
        body = _decoded(body, answer)
    except (zlib.error, ValueError, OSError) as error:
        yield Record(
            id, found.name, problem=f"the page's {answer.get('content-encoding', 'encoding')} is broken: {error}"
        )
        return
    yield from _body(body, answer.get("content-type", ""), id, found)


def _body(body: bytes, declared: str, id: str, found: Found) -> Iterator[Record]:
    kind, _, parameters = declared.partition(";")
    kind = kind.strip().lower()
    if kind not in KINDS:
        found.skipped[kind[:80]] += 1
        return
    _, _, charset = parameters.partition("charset=")
    yield Record(id, found.name, body, KINDS[kind], charset.split(";")[0].strip().strip("\"'"))


def _decoded(body: bytes, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _joined(body)
    codings = [coding.strip() for coding in headers.get("content-encoding", "").lower().split(",")]
    for coding in reversed(codings[:CODINGS]):
        if coding in UNPACK:
            body = UNPACK[coding](body)
    return body


def _inflated(body: bytes) -> bytes:
    """A body that was packed by zlib, in whatever wrapping; some crawlers have unpacked it already."""
    if body[:1] == b"<":
        return body
    unpack = zlib.decompressobj(47 if body[:1] in (b"\x1f", b"\x78") else -15)
    plain = unpack.decompress(body, LARGEST)
    if unpack.unconsumed_tail:
        raise ValueError(f"it unpacks to more than {LARGEST // MIB} MiB")
    return plain


def _by_arrow(coding: str, body: bytes) -> bytes:
    import pyarrow as pa

    if body[:1] == b"<":
        return body
    plain = pa.CompressedInputStream(io.BytesIO(body), coding).read(LARGEST + 1)  # type: ignore[arg-type]
    if len(plain) > LARGEST:
        raise ValueError(f"it unpacks to more than {LARGEST // MIB} MiB")
    return plain


UNPACK = {
    **dict.fromkeys(("gzip", "x-gzip", "deflate"), _inflated),
    "br": lambda body: _by_arrow("brotli", body),
    "zstd": lambda body: _by_arrow("zstd", body),
}


def _joined(body: bytes) -> bytes:
    """The chunks of a chunked body in one; a body that only claims to be chunked is left as it is."""
    chunks, i = [], 0
    while i < len(body):
        end = body.find(b"\r\n", i, i + 64)
        size = body[i:end].split(b";")[0].strip() if end > 0 else b""
        if not size or size.strip(b"0123456789abcdefABCDEF"):
            return body if not chunks else b"".join(chunks)
        if int(size, 16) == 0:
            break
        chunks.append(body[end + 2 : end + 2 + int(size, 16)])
        i = end + 4 + int(size, 16)
    return b"".join(chunks)


def _headers(source: Bytes) -> dict[str, str]:
    lines, size = [], 0
    while (line := source.line()).strip() and size < HEADERS:
        if BEGINNING.match(line):
            source.at -= len(line)
            break
        lines.append(line)
        size += len(line)
    return _parse(lines)


def _parse(lines: list[bytes]) -> dict[str, str]:
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
