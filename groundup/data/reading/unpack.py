"""Compressed files become streams: gzip, xz, bzip2 and zstd, member after member, counted as they unpack.

A gzip file of web pages has a member for each record; there a broken member is passed over and the next one is found.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Any

from groundup.data.reading.bounds import Allowance

PIECE = 256 << 10
MAGIC = b"\x1f\x8b\x08"
WINDOW = 256 << 20  # bytes of memory that an xz file may ask for: what `xz -9` needs, four times over
BROKEN = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


class Gzip:
    """zlib's decompressor with the manners of bz2's and lzma's."""

    def __init__(self):
        self.inner, self.tail = zlib.decompressobj(31), b""

    @property
    def needs_input(self) -> bool:
        """Whether more of the file is wanted before more can come out."""
        return not self.tail

    @property
    def eof(self) -> bool:
        """Whether a member has ended."""
        return self.inner.eof

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""
        return self.inner.unused_data

    def decompress(self, data: bytes, size: int) -> bytes:
        """At most `size` bytes more."""
        made = self.inner.decompress(self.tail + data, size)
        self.tail = self.inner.unconsumed_tail
        return made


def _xz() -> Any:
    return lzma.LZMADecompressor(memlimit=WINDOW)


class Unpacked(io.RawIOBase):
    """A compressed file as its plain bytes; damage raises, and what comes out is counted."""

    def __init__(self, file: IO[bytes], make: Callable[[], Any], allowance: Allowance):
        self.file, self.make, self.allowance = file, make, allowance
        self.unpack = make()
        self.ahead = self.fed = b""  # what waits to be unpacked, and what was last given to be
        self.begun = self.done = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes, as many as fit or fewer; none at the end."""
        some = self._some(len(buffer))
        self.allowance.take(len(some))
        buffer[: len(some)] = some
        return len(some)

    def _some(self, size: int) -> bytes:
        while not self.done:
            if self.unpack.eof and not self._next_member():
                break
            data, self.ahead = self.ahead, b""
            if not data and self.unpack.needs_input:
                data = self.file.read(PIECE)
            ended = not data and self.unpack.needs_input
            if ended and not self.begun:
                break
            self.begun, self.fed = True, data
            if made := self.unpack.decompress(data, size):
                return made
            if ended and not self.unpack.eof:
                self.done = True
                raise EOFError("it ends in the middle")
        return b""

    def _next_member(self) -> bool:
        """Whether something follows the member that ended; zeros that fill a block are nothing."""
        rest = self.unpack.unused_data.lstrip(b"\0")
        while not rest and (rest := self.file.read(PIECE)):
            rest = rest.lstrip(b"\0")
        self.unpack, self.ahead = self.make(), rest
        self.done = not rest
        return not self.done


class Mending(Unpacked):
    """A gzip file whose broken members are left out; `torn` says how many there were."""

    def __init__(self, file: IO[bytes], make: Callable[[], Any], allowance: Allowance):
        super().__init__(file, make, allowance)
        self.torn = 0

    def _some(self, size: int) -> bytes:
        while True:
            try:
                return super()._some(size)
            except BROKEN:
                self.torn += 1
                if not self._to_next_beginning():
                    return b""

    def _to_next_beginning(self) -> bool:
        """Search for the first bytes of a member in the piece that broke, and in what follows it."""
        window = ((self.unpack.tail + self.fed) or self.ahead)[1:]
        while (found := window.find(MAGIC)) < 0:
            some = self.file.read(PIECE)
            if not some:
                self.done = True
                return False
            window = window[-2:] + some
        self.unpack, self.ahead, self.done = self.make(), window[found:], False
        return True


class Zstd(io.RawIOBase):
    """A zstd file as its plain bytes, counted."""

    def __init__(self, file: IO[bytes], allowance: Allowance):
        import pyarrow as pa

        self.inner, self.allowance = pa.CompressedInputStream(file, "zstd"), allowance  # type: ignore[arg-type]

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; none at the end."""
        some = self.inner.read(len(buffer))
        self.allowance.take(len(some))
        buffer[: len(some)] = some
        return len(some)


OPENERS: dict[str, Callable[[IO[bytes], Allowance], io.RawIOBase]] = {
    ".gz": lambda file, allowance: Unpacked(file, Gzip, allowance),
    ".xz": lambda file, allowance: Unpacked(file, _xz, allowance),
    ".bz2": lambda file, allowance: Unpacked(file, bz2.BZ2Decompressor, allowance),
    ".zst": Zstd,
}


def unpacked(file: IO[bytes], suffix: str, allowance: Allowance) -> IO[bytes]:
    """A file as its plain bytes, by the suffix that names its compression."""
    opener = OPENERS.get(suffix)
    return io.BufferedReader(opener(file, allowance), PIECE) if opener else file


def mending(file: IO[bytes], allowance: Allowance) -> tuple[IO[bytes], Mending]:
    """A gzip file of many members as its plain bytes, with the counter of those that were broken."""
    raw = Mending(file, Gzip, allowance)
    return io.BufferedReader(raw, PIECE), raw
