"""TAR, read in one pass and never unpacked: headers of 512 bytes, long names before them, pax records of newer ones.

Only plain files are read; a header that is broken is passed over, and reading goes on at the next sound one.
"""

import io
import re
from collections.abc import Iterator
from typing import IO, Any

from groundup.data.documents import Record
from groundup.data.reading.archives import Member, read_members
from groundup.data.reading.found import Found

BLOCK = 512
NAMED = 64 << 10  # bytes of a long name, or of a pax record
FILES = b"0\x007"
KINDS = {b"1": "a link in an archive", b"2": "a link in an archive", b"3": "a device in an archive",
         b"4": "a device in an archive", b"6": "a pipe in an archive", b"S": "a file with holes in an archive"}  # fmt: skip
PAX = re.compile(rb"(\d{1,5}) ([^=\n]*)=")


class Part(io.RawIOBase):
    """The bytes of one member; whoever stops reading early leaves the rest to `skip`."""

    def __init__(self, stream: IO[bytes], size: int):
        self.stream, self.left = stream, size

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; none at the end."""
        some = self.stream.read(min(len(buffer), self.left))
        if self.left and len(buffer) and not some:
            raise EOFError("the archive ends inside it")
        self.left -= len(some)
        buffer[: len(some)] = some
        return len(some)

    def skip(self, padding: int) -> None:
        """Go on to what follows the member."""
        left = self.left + padding
        self.left = 0
        while left and (some := self.stream.read(min(left, 1 << 20))):
            left -= len(some)


def read_tar(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """Each member is read as if it were a file."""
    broken: list[str] = []
    yield from read_members(members(stream, found, broken), found)
    if broken:
        yield Record(found.name, found.name, problem=f"{len(broken)} places in it are broken: {broken[0]}")


def members(stream: IO[bytes], found: Found, broken: list[str]) -> Iterator[Member]:
    """The plain files of an archive with their names; `broken` gathers what could not be understood."""
    name, size, sound = b"", -1, True
    while len(header := stream.read(BLOCK)) == BLOCK:
        if not header.strip(b"\0"):
            continue  # blocks of zeros end an archive, and one may follow another
        announced = _number(header[124:136])
        if not is_header(header) or announced is None:
            if sound:
                broken.append("a header that is none")
            name, size, sound = b"", -1, False
            continue
        sound, kind = True, header[156:157]
        announced = 0 if kind in KINDS and kind != b"S" else announced
        part = Part(stream, size if size >= 0 and kind in FILES else announced)
        padding = -part.left % BLOCK
        if kind in (b"L", b"x"):
            name, size = _longer(kind, part.stream.read(min(part.left, NAMED)), name, size)
            part.left = max(0, part.left - NAMED)
        elif kind in FILES:
            path = name or _name(header)
            if not path.endswith(b"/"):
                yield path.decode("utf-8", "backslashreplace"), io.BufferedReader(part, 64 << 10)
            name, size = b"", -1
        else:
            found.skipped.update([KINDS[kind]] if kind in KINDS else [])
            name, size = b"", -1
        part.skip(padding)
    if header:
        broken.append("it ends in the middle")


def is_header(block: bytes) -> bool:
    """Whether a block's own sum of bytes is right."""
    said = _number(block[148:156])
    return said == sum(block) - sum(block[148:156]) + 8 * 32


def _number(field: bytes) -> int | None:
    """Octal digits, or a binary number where they would not suffice."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[4:], "big")
    digits = field.strip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else None if digits else 0


def _name(header: bytes) -> bytes:
    name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
    return prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name


def _longer(kind: bytes, body: bytes, name: bytes, size: int) -> tuple[bytes, int]:
    """The name and size that stand before a header, for the member after it."""
    if kind == b"L":
        return body.split(b"\0")[0], size
    at = 0
    while record := PAX.match(body, at):
        end = at + int(record[1])
        value = body[record.end() : end - 1]
        if end <= at:
            break
        name = value if record[2] == b"path" else name
        size = int(value) if record[2] == b"size" and value.isdigit() and len(value) < 16 else size
        at = end
    return name, size
