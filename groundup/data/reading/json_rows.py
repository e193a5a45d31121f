"""Rows of JSON: a line each, or the items of one long array; broken ones are named and the next is read.

An array is cut into its items by looking at quotes and brackets alone, so only one item is ever held.
"""

import json
import re
from collections.abc import Iterator
from typing import IO

from groundup.data.documents import Record
from groundup.data.reading.bounds import LARGEST, too_long
from groundup.data.reading.fields import record_of, text_of
from groundup.data.reading.found import Found

PIECE = 1 << 20
MARK = b"\xef\xbb\xbf"
SIGNS = re.compile(rb'[\[\]{},]|"(?:[^"\\]++|\\.)*+(")?', re.S)  # brackets, commas, and strings, which end or do not


def read_lines(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A line of JSON is a document, with an id and a source of its own if it has such fields."""
    number = 0
    while line := stream.readline(LARGEST + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(MARK)
        if line.strip():
            yield _row(line, f"{found.name}#{number}", found)
        while len(line) > LARGEST and not line.endswith(b"\n"):
            line = stream.readline(LARGEST + 1)


def read_json(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """An array of rows, or rows under each other; a file whose first row has no text is something else."""
    head = _first(stream)
    items = _cut(stream, head[1:], b",") if head.startswith(b"[") else _cut(stream, head, b"}")
    number = 0
    for item in items:
        if item is not None and not item.strip():
            continue
        number += 1
        if number == 1 and _is_something_else(item, found):
            found.skipped[f".json without {found.fields.text!r}"] += 1
            return
        yield _row(item, f"{found.name}#{number}", found)


def _is_something_else(item: bytes | None, found: Found) -> bool:
    row = _parsed(item)
    if isinstance(row, Exception):
        return False
    return not isinstance(row, dict) or text_of(row, found.fields.text) is None


def _row(raw: bytes | None, place: str, found: Found) -> Record:
    if raw is None or len(raw) > LARGEST:
        return Record(place, found.name, problem=too_long())
    row = _parsed(raw)
    if isinstance(row, Exception):
        return Record(place, found.name, problem=f"not JSON: {row}")
    return record_of(row, place, found.name, found.fields, found.license)


def _parsed(raw: bytes | None) -> object:
    try:
        return json.loads(raw) if raw is not None else None
    except (ValueError, RecursionError) as error:
        return error


def _first(stream: IO[bytes]) -> bytes:
    """The file from its first sign on."""
    head = stream.read(PIECE).removeprefix(MARK).lstrip()
    while not head and (some := stream.read(PIECE)):
        head = some.lstrip()
    return head


def _cut(stream: IO[bytes], rest: bytes, border: bytes) -> Iterator[bytes | None]:
    """Pieces of JSON between the commas of an array, or up to each bracket that closes; nothing for one too long."""
    item, depth, long = bytearray(), 0, False
    while True:
        begin = end = 0
        for sign in SIGNS.finditer(rest):
            kind = rest[sign.start() : sign.start() + 1]
            if kind == b'"' and sign[1] is None:
                break  # a string that goes on in the next piece
            end = sign.end()
            depth += (kind in b"[{") - (kind in b"]}")
            if depth > 0 or (depth == 0 and kind not in (b"," if border == b"," else b"]}")):
                continue
            item += rest[begin : sign.start() if border == b"," else end]
            yield None if long else bytes(item)
            if depth < 0 and border == b",":
                return
            item, begin, long, depth = bytearray(), end, False, 0
        else:
            end = len(rest)
        item += rest[begin:end]
        if len(item) > LARGEST:
            item, long = bytearray(), True
        rest = rest[end:]
        some = stream.read(max(PIECE, len(rest)))
        if not some:
            yield None if long else bytes(item + rest)
            if border == b",":
                raise EOFError("its array does not end")
            return
        if len(rest) > LARGEST:
            raise ValueError(f"a string in it is {too_long()}")
        rest += some
