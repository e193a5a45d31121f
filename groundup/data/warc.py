"""WARC, the web archive: one record after another, each with its length; crawlers break the rule now and then.

A record with a wrong length or without its headers is handed on as a problem, and reading goes on at the next place
that looks like the beginning of a record.
"""

import zlib
from collections import Counter
from collections.abc import Iterator
from typing import IO

from groundup.data.documents import HTML, TEXT, Record

LARGEST = 64 << 20
LINE = 64 << 10
BEGINNING = b"WARC/1."
KINDS = {"text/html": HTML, "application/xhtml+xml": HTML, "text/plain": TEXT, "text/markdown": TEXT, "": HTML}
CARRIERS = {"response", "resource", "conversion"}  # the others speak about the crawl


class Bytes:
    """A stream of bytes into which something read too far can be put back."""

    def __init__(self, stream: IO[bytes]):
        self.stream, self.back = stream, b""

    def read(self, size: int) -> bytes:
        taken, self.back = self.back[:size], self.back[size:]
        return taken + self.stream.read(size - len(taken)) if len(taken) < size else taken

    def line(self) -> bytes:
        end = self.back.find(b"\n")
        if end >= 0:
            return self.read(end + 1)
        taken, self.back = self.back, b""
        return taken + self.stream.readline(LINE)

    def put_back(self, some: bytes) -> None:
        self.back = some + self.back


def read_warc(stream: IO[bytes], name: str, text_field: str, skipped: Counter[str]) -> Iterator[Record]:
    """The pages of an archive; requests, failed answers and what is no text are passed over."""
    source, number = Bytes(stream), 0
    while line := source.line():
        if not line.strip():
            continue
        number += 1
        place = f"{name}#{number}"
        if not line.startswith(BEGINNING):
            _to_next_beginning(source)
            yield Record(place, name, problem="a record does not begin with WARC/1.")
            continue
        headers = _headers(source)
        length = headers.get("content-length", "")
        if not length.isdigit():
            _to_next_beginning(source)
            yield Record(headers.get("warc-target-uri", place), name, problem="a record without its length")
            continue
        yield from _record(source, headers, int(length), place, name, skipped)


def _record(
    source: Bytes, headers: dict[str, str], length: int, place: str, name: str, skipped: Counter[str]
) -> Iterator[Record]:
    id = headers.get("warc-target-uri", place).strip("<>")
    if length > LARGEST:
        _pass_over(source, length)
        yield Record(id, name, problem=f"longer than {LARGEST >> 20} MiB")
        return
    block = source.read(length)
    after = source.read(4)
    if len(block) < length or after not in (b"\r\n\r\n", b"\n\n" + after[2:], b"", b"\r\n"):
        source.put_back(block + after)
        _to_next_beginning(source)
        yield Record(id, name, problem=f"{length} bytes announced, but the record ends elsewhere")
        return
    source.put_back(after)
    if headers.get("warc-type") in CARRIERS:
        yield from page(block, headers, id, name, skipped)


def page(block: bytes, headers: dict[str, str], id: str, name: str, skipped: Counter[str]) -> Iterator[Record]:
    """What a record carries: the body of an HTTP answer that went well, or the block itself."""
    declared = headers.get("content-type", "")
    if not declared.startswith("application/http"):
        yield from _body(block, declared, id, name, skipped)
        return
    head, _, body = block.partition(b"\r\n\r\n")
    status = head.split(None, 2)[1:2]
    if not head.startswith(b"HTTP/") or not status:
        yield Record(id, name, problem="not an HTTP answer")
        return
    if not status[0].startswith(b"2"):
        skipped["HTTP " + status[0].decode("latin-1")] += 1
        return
    answer = _parse(head.split(b"\r\n")[1:])
    try:
        body = _decoded(body, answer)
    except (zlib.error, ValueError) as error:
        yield Record(id, name, problem=f"the page's {answer.get('content-encoding', 'encoding')} is broken: {error}")
        return
    yield from _body(body, answer.get("content-type", ""), id, name, skipped)


def _body(body: bytes, declared: str, id: str, name: str, skipped: Counter[str]) -> Iterator[Record]:
    kind, _, parameters = declared.partition(";")
    kind = kind.strip().lower()
    if kind not in KINDS:
        skipped[kind] += 1
        return
    _, _, charset = parameters.partition("charset=")
    yield Record(id, name, body, KINDS[kind], charset.split(";")[0].strip().strip("\"'"))


def _decoded(body: bytes, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _joined(body)
    encoding = headers.get("content-encoding", "").lower()
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return body
    unpack = zlib.decompressobj(47 if body[:1] in (b"\x1f", b"\x78") else -15)
    plain = unpack.decompress(body, LARGEST)
    if unpack.unconsumed_tail:
        raise ValueError(f"it unpacks to more than {LARGEST >> 20} MiB")
    return plain


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
    lines = []
    while (line := source.line()).strip():
        if line.startswith(BEGINNING):
            source.put_back(line)
            break
        lines.append(line)
    return _parse(lines)


def _parse(lines: list[bytes]) -> dict[str, str]:
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _to_next_beginning(source: Bytes) -> None:
    while line := source.line():
        if line.startswith(BEGINNING):
            source.put_back(line)
            return


def _pass_over(source: Bytes, length: int) -> None:
    while length > 0 and (some := source.read(min(length, 1 << 20))):
        length -= len(some)
