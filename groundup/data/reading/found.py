"""A file as a reader gets it: what it is called, what lies around it, and what it may cost.

Readers know nothing of folders and archives: a member of an archive is read as if it were a file.
"""

import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Protocol

from groundup.data.documents import Record
from groundup.data.reading.bounds import Allowance, Bomb
from groundup.data.reading.fields import Fields, Manner
from groundup.errors import Problem

DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error, ValueError)


class Around(Protocol):
    """The other files of the folder or archive in which a file lies; paths that lead out of it find nothing."""

    def read(self, path: str, most: int) -> bytes | None:
        """The first bytes of a file, named from the root of the folder or archive; nothing if there is none."""
        ...

    def names(self, folder: str) -> list[str]:
        """The files right inside a folder of it, by their whole paths."""
        ...


class Nothing:
    """Around a file that was named alone."""

    def read(self, path: str, most: int) -> bytes | None:
        """No file."""
        return None

    def names(self, folder: str) -> list[str]:
        """No file."""
        return []


class Members:
    """The files of an archive that were kept because others may name them."""

    def __init__(self, files: dict[str, bytes]):
        self.files = files

    def read(self, path: str, most: int) -> bytes | None:
        """The first bytes of a member."""
        body = self.files.get(path)
        return None if body is None else body[:most]

    def names(self, folder: str) -> list[str]:
        """The members right inside a folder."""
        return sorted(name for name in self.files if name.rpartition("/")[0] == folder)


@dataclass(frozen=True)
class Found:
    """One file: `name` is that of its records, `path` its place within the folder or archive that `around` reads."""

    name: str
    path: str
    fields: Fields
    manner: Manner
    skipped: Counter[str]
    allowance: Allowance
    read: "Callable[[IO[bytes], Found], Iterator[Record]]"  # any file, by its name
    around: Around = field(default_factory=Nothing)
    license: str = ""  # of the tree it lies in
    licenses: dict[str, str] = field(default_factory=dict)  # folder -> its licence, as far as they were looked for
    depth: int = 0  # archives around it

    def member(self, path: str) -> "Found":
        """A member of this archive."""
        return replace(self, name=f"{self.name}!/{path}", path=path)

    def archive(self, around: Around) -> "Found":
        """This file as that around its members."""
        return replace(self, around=around, licenses={}, depth=self.depth + 1)


Read = Callable[[IO[bytes], Found], Iterator[Record]]


def safely(read: Read, stream: IO[bytes], found: Found) -> Iterator[Record]:
    """The records of one file; damage of whatever kind ends it with a problem, and the next file is read."""
    try:
        yield from read(stream, found)
    except (Bomb, Problem):
        raise  # of the whole archive, of the whole job
    except DAMAGE as error:
        told = (
            getattr(error, "strerror", None) or str(error) or type(error).__name__
        )  # without the path on this machine
        yield Record(found.name, found.name, problem=f"broken off: {told}")
    except Exception as error:  # what a library did not think of must not stop a job of days
        yield Record(found.name, found.name, problem=f"broken off by {type(error).__name__}: {error}")
