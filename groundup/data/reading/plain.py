"""Files that are one document as they lie there: plain text, Markdown, pages of HTML.

A long plain text is cut at blank lines into several documents, so that no reader holds a whole library.
"""

from collections.abc import Iterator
from typing import IO

from groundup.data.documents import HTML, Record
from groundup.data.reading.bounds import LARGEST, too_long
from groundup.data.reading.found import Found

PIECE = 256 << 10  # a long plain text is cut at blank lines into documents of about this size
LONG = 4 * PIECE


def read_text(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A file is a document; a long one is several, cut at blank lines."""
    number, rest = 0, stream.read(LONG + 1)
    if len(rest) <= LONG:
        yield Record(found.name, found.name, rest, license=found.license)
        return
    while rest:
        cut = _cut(rest)
        yield Record(f"{found.name}#{number}", found.name, rest[:cut], license=found.license)
        number += 1
        rest = rest[cut:]
        if len(rest) < LONG:
            rest += stream.read(LONG)


def _cut(rest: bytes) -> int:
    cut = rest.find(b"\n\n", PIECE)
    if cut < 0:
        cut = rest.find(b"\n", PIECE)
    return cut + 1 if 0 <= cut < LONG else min(len(rest), PIECE)


def read_html(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A file is a page."""
    body = stream.read(LARGEST + 1)
    if len(body) > LARGEST:
        yield Record(found.name, found.name, problem=too_long())
        return
    yield Record(found.name, found.name, body, HTML, license=found.license)
