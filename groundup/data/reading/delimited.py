"""CSV and TSV: rows of whatever dialect the file shows; a quote that never closes costs its own line only.

The text is a column by name, or, where none has the name, the one with the longest values.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO

from groundup.data.documents import Record
from groundup.data.reading.bounds import LARGEST, too_long
from groundup.data.reading.encoding import guessed
from groundup.data.reading.fields import NAMED, Fields, record_of
from groundup.data.reading.found import Found

SAMPLE = 64 << 10  # bytes from which the dialect is told
SEEN = 50  # rows from which the longest column is told
DELIMITERS = "\t,;|"
PLAIN = Fields.model_validate({})
NAME = re.compile(r"[^\W\d][\w .:/-]{0,40}")
Row = tuple[int, list[str], str]  # line number, cells, problem


@dataclass(frozen=True)
class Dialect:
    """What stands between the cells of a row, and whether quotes hold a cell together."""

    delimiter: str
    quoted: bool


def read_delimited(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A row is a document; the first row names the columns, unless it looks like the others."""
    buffered = io.BufferedReader(stream, 4 * SAMPLE)  # type: ignore[type-var]
    head = buffered.peek(SAMPLE)[:SAMPLE]
    charset = guessed(head[: head.rfind(b"\n") + 1] or head)
    dialect = sniff(head.decode(charset, "replace").splitlines()[:-1] or head.decode(charset, "replace").splitlines())
    coming = rows(lines(buffered, charset), dialect)
    sample = list(islice(coming, SEEN))
    names = header(sample, found.fields)
    sample = sample[bool(names) :]
    names = names or [f"column {n}" for n in range(1, max((len(cells) for _, cells, _ in sample), default=0) + 1)]
    fields = found.fields
    if fields.text == PLAIN.text and fields.text not in names:
        fields = fields.model_copy(update={"text": longest(names, sample)})
    for number, cells, problem in chain(sample, coming):
        place = f"{found.name}#{number}"
        if problem:
            yield Record(place, found.name, problem=problem)
        else:
            yield record_of(dict(zip(names, cells, strict=False)), place, found.name, fields, found.license)


def sniff(sample: list[str]) -> Dialect:
    """The delimiter that most lines have equally often; quotes count where cells that begin with one also end so."""
    text, best, delimiter = "\n".join(sample), 0.0, ","
    bare = re.sub(r'"(?:[^"]|"")*+"', "", text).splitlines()
    for candidate in DELIMITERS:
        counts = Counter(line.count(candidate) for line in bare if line.strip())
        often = max((share for count, share in counts.items() if count), default=0) / max(1, counts.total())
        if often > best:
            best, delimiter = often, candidate
    border = re.escape(delimiter)
    opened = len(re.findall(rf'(?:^|{border})"', text, re.M))
    whole = len(re.findall(rf'(?:^|{border})"(?:[^"]|"")*+"(?=$|{border})', text, re.M))
    return Dialect(delimiter, opened > 0 and whole * 10 >= opened * 8)


def lines(stream: io.BufferedReader, charset: str) -> Iterator[str | None]:
    """The lines of a file as text; nothing in place of one that is too long."""
    if charset.startswith(("utf-16", "utf-32")):
        text = io.TextIOWrapper(stream, charset, "replace", newline="\n")
        read, codec = text.readline, ""
    else:
        read, codec = stream.readline, charset
    first = True
    while line := read(LARGEST + 1):
        long = len(line) > LARGEST
        while len(line) > LARGEST and line[-1:] not in (b"\n", "\n"):
            line = read(LARGEST + 1)
        text_line = line if isinstance(line, str) else _decoded(line, codec)
        yield None if long else text_line.removeprefix("\ufeff") if first else text_line
        first = False


def _decoded(line: bytes, charset: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode(charset, "replace")


def rows(coming: Iterator[str | None], dialect: Dialect) -> Iterator[Row]:
    """Rows with the number of their first line; a row goes on over lines until its quotes are closed."""
    number, waiting, alone = 0, [], False
    begun, size = 0, 0
    for line in coming:
        number += 1
        if line is None:
            yield number, [], too_long()
            continue
        if not waiting and not line.strip():
            continue
        begun = begun if waiting else number
        waiting.append(line)
        size += len(line)
        odd = dialect.quoted and not alone and (line.count('"') % 2 == 1)
        if odd == (len(waiting) == 1) and dialect.quoted and not alone and size <= LARGEST:
            continue  # a quote was opened here, or an open one goes on
        if size > LARGEST:
            yield begun, [], "a quote in it never closes"
            alone = True
        yield from _given(waiting, begun, dialect, alone)
        waiting, size = [], 0
    if waiting:
        yield begun, [], "a quote in it never closes"
        yield from _given(waiting, begun, dialect, True)


def _given(waiting: list[str], begun: int, dialect: Dialect, alone: bool) -> Iterator[Row]:
    """The lines in wait as one row, or, after a quote that never closed, those behind it as rows of their own."""
    if not alone:
        yield begun, cells("".join(waiting).rstrip("\r\n"), dialect), ""
        return
    for after, line in enumerate(waiting[len(waiting) > 1 :], 1):
        if line.strip():
            yield begun + after, cells(line.rstrip("\r\n"), dialect), ""


def cells(row: str, dialect: Dialect) -> list[str]:
    """The cells of one row."""
    if not dialect.quoted or '"' not in row:
        return row.split(dialect.delimiter)
    border = re.escape(dialect.delimiter)
    found = re.findall(rf'(?:^|{border})(?:"((?:[^"]++|"")*+)"([^{border}]*)|([^{border}]*))', row)
    return [(quoted.replace('""', '"') + after) if quoted or after else plain for quoted, after, plain in found]


def header(sample: list[Row], fields: Fields) -> list[str]:
    """The names of the columns, if the first row is such: it has a wanted name, or short words over longer texts."""
    if not sample or not sample[0][1]:
        return []
    first = [cell.strip() for cell in sample[0][1]]
    wanted = NAMED.findall(fields.text) or [fields.text]
    if set(wanted) & set(first):
        return first
    if not all(NAME.fullmatch(cell) for cell in first) or len(set(first)) < len(first):
        return []
    below = [cells for _, cells, _ in sample[1:] if len(cells) == len(first)]
    mean = [sum(len(row[i]) for row in below) / max(1, len(below)) for i in range(len(first))]
    return first if not below or max(mean) > 2 * len(first[mean.index(max(mean))]) else []


def longest(names: list[str], sample: list[Row]) -> str:
    """The name of the column with the longest values."""
    sizes = [sum(len(cells[i]) for _, cells, _ in sample if i < len(cells)) for i in range(len(names))]
    return names[sizes.index(max(sizes))] if sizes else "text"
