"""What archives have in common: each member is read as if it were a file, nothing is ever written to the disk.

Names that lead out of the archive are refused, links and devices left out, and archives inside archives counted.
"""

import io
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO

from groundup.data.documents import Record
from groundup.data.reading.bounds import DEPTH, LARGEST, whole
from groundup.data.reading.found import Found, Members, safely
from groundup.data.reading.licence import is_licence

Member = tuple[str, IO[bytes]]
PAPER = (".tex", ".ltx")  # held until all are there, since they name each other


def read_members(members: Iterable[Member], found: Found) -> Iterator[Record]:
    """The records of each member in turn; those of papers come last."""
    if found.depth >= DEPTH:
        yield Record(found.name, found.name, problem=f"more than {DEPTH} archives inside each other")
        return
    held: dict[str, bytes] = {}
    archive = found.archive(Members(held))
    room = LARGEST
    for written, stream in members:
        path = _path(written)
        if path is None:
            yield Record(f"{found.name}!/{written}", found.name, problem="its name leads out of the archive")
            continue
        if any(part.startswith((".", "__pycache__", "__MACOSX")) for part in path.split("/")):
            continue
        is_paper = path.lower().endswith(PAPER)
        if is_paper or is_licence(path):
            try:
                held[path] = whole(stream, room)
            except ValueError as error:
                yield Record(archive.member(path).name, archive.member(path).name, problem=f"broken off: {error}")
                continue
            room -= len(held[path])
            stream = io.BytesIO(held[path])
        if not is_paper:
            yield from safely(archive.read, stream, archive.member(path))
    for path in sorted(path for path in held if path.lower().endswith(PAPER)):
        yield from safely(archive.read, io.BytesIO(held[path]), archive.member(path))


def _path(written: str) -> str | None:
    """A member's name as a path inside its archive; nothing where it leads out."""
    name = written.replace("\\", "/")
    if name.startswith("/") or "\0" in name or name[1:2] == ":" or ".." in name.split("/"):
        return None
    return str(PurePosixPath(name))
