"""What a stage reads, before it reads it: is it there, is it whole, and what do its bytes come to?

Folders that a stage made are not hashed again, their manifest knows; raw text is hashed, and files whose size and time
have not changed since an earlier run keep the hash recorded then.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from groundup.errors import Problem
from groundup.run.content import FileRecord, Files, content_of, home_of, raw_files
from groundup.run.manifest import first_change, read_manifest


@dataclass(frozen=True)
class Read:
    """One input of a stage: where it is, what its bytes come to, and for raw text the record of every file."""

    path: Path
    fingerprint: str
    files: Files | None = None


def read_input(path: str | os.PathLike[str], known: Mapping[str, FileRecord] | None = None) -> Read:
    """The input at `path`; `known` maps absolute paths of raw files to records of an earlier run."""
    if not os.fspath(path):
        raise Problem("a path is empty: name a file or a folder, `.` for the one you are in")
    try:
        place = Path(path).resolve()
        there = place.exists()
    except (OSError, RuntimeError) as error:  # too long a name, links in a circle
        raise Problem(f"{path} cannot be followed: {getattr(error, 'strerror', None) or error}") from error
    if not there:
        raise Problem(f"there is nothing at {path}: expected a file or folder to read")
    if not place.is_file() and not place.is_dir():
        raise Problem(f"{path} is neither a file nor a folder")
    home = home_of(place)
    if home is None:
        files = raw_files(place, known or {})
        return Read(place, content_of(files, ".", uncounted=set()), files)
    if changed := first_change(home):
        raise Problem(f"{changed}: remove {home} and make it again, or put the file back")
    return Read(place, content_of(read_manifest(home)["files"], place.relative_to(home).as_posix()))


def content_fingerprint(path: str | os.PathLike[str], known: Mapping[str, FileRecord] | None = None) -> str:
    """The fingerprint of the bytes at `path` (64 hex digits): equal bytes under equal names, equal fingerprint."""
    return read_input(path, known).fingerprint
