"""How much one file may ask of the machine: bytes of a record, bytes that come out of an archive, archives in archives.

Every reader counts against the same few numbers, so that no file costs more than its own size explains.
"""

from typing import IO

LARGEST = 64 << 20  # bytes of one record; what is longer is not a document
HELD = 4 * LARGEST  # bytes that a reader may keep in memory: a member that must be read from its end, questions in wait
DEPTH = 3  # archives inside archives
FREE = LARGEST  # what any file may unpack to, however small it is
RATIO = 200  # bytes out of a byte in, beyond that; text rarely passes 20, deflate's own limit is 1032
MIB = 1 << 20


class Bomb(ValueError):
    """An archive that unpacks to far more than it is."""


class Allowance:
    """What a file may still unpack to, counted over everything that is nested in it."""

    def __init__(self, size: int):
        self.all = self.left = max(FREE, RATIO * size)

    def take(self, count: int) -> None:
        """Count bytes that came out; too many are refused."""
        self.left -= count
        if self.left < 0:
            raise Bomb(f"it unpacks to more than {self.all // MIB} MiB, {RATIO} times its size")


def too_long() -> str:
    """The problem of a record that is no document by its length."""
    return f"longer than {LARGEST // MIB} MiB"


def whole(stream: IO[bytes], most: int = LARGEST) -> bytes:
    """All of a stream that must be short enough to be held."""
    body = stream.read(most + 1)
    if len(body) > most:
        raise ValueError(f"longer than {most // MIB} MiB")
    return body
