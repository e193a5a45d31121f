"""ZIP: its list of members stands at the end, so an archive inside another is held in memory, within bounds."""

import io
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from groundup.data.documents import Record
from groundup.data.reading.archives import Member, read_members
from groundup.data.reading.bounds import MIB, Allowance
from groundup.data.reading.columns import seekable
from groundup.data.reading.found import Found

LIST = 64 << 20  # bytes of the list of members: more than half a million of them
TAIL = 22 + 65535  # the longest end of an archive
END = b"PK\x05\x06"
LINK, KINDS = 0o120000, 0o170000  # as Unix writes what a file is
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}


class Counted(io.RawIOBase):
    """A member, opened when it is first read and counted as it unpacks; so one that is broken is a problem of its own."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, allowance: Allowance):
        self.archive, self.member, self.allowance = archive, member, allowance
        self.opened: IO[bytes] | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; none at the end."""
        self.opened = self.opened or self.archive.open(self.member)
        some = self.opened.read(len(buffer))
        self.allowance.take(len(some))
        buffer[: len(some)] = some
        return len(some)


def read_zip(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """Each member is read as if it were a file."""
    with open_zip(seekable(stream)) as archive:
        yield from read_members(_members(archive, found), found)


def open_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """An archive whose list of members is of a size that may be held."""
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL)
    end = tail.rfind(END)
    listed = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    if LIST < listed < 0xFFFFFFFF or listed == 0xFFFFFFFF and size > 100 * LIST:
        raise ValueError(f"its list of members takes more than {LIST // MIB} MiB")
    file.seek(0)
    return zipfile.ZipFile(file)


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, allowance: Allowance) -> IO[bytes]:
    """A member as a stream of counted bytes."""
    return io.BufferedReader(Counted(archive, member, allowance), 64 << 10)


def _members(archive: zipfile.ZipFile, found: Found) -> Iterator[Member]:
    for member in archive.infolist():
        if why := _left_out(member):
            found.skipped[why] += 1
        elif not member.is_dir():
            yield member.filename, open_member(archive, member, found.allowance)


def _left_out(member: zipfile.ZipInfo) -> str:
    if member.external_attr >> 16 & KINDS == LINK:
        return "a link in an archive"
    if member.flag_bits & 1:
        return "a member with a password"
    return "" if member.compress_type in METHODS else f"zip method {member.compress_type}"
