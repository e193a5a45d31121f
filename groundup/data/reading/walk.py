"""Which files are read: those that were named, and what lies in folders, in an order that never changes.

A link that leads out of its folder is not followed, and what is no plain file (a pipe, a device) is never opened.
"""

import glob
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from groundup.errors import Problem

OF_A_RUN = {"metrics.jsonl", "manifest.json", "resolved.json"}  # what a run folder says about itself


@dataclass(frozen=True)
class File:
    """A file to read: where it is, what it is called, and the folder it was found in."""

    path: Path
    name: str
    root: Path
    size: int
    problem: str = ""
    alone: bool = False  # named itself, not found in a folder


def find(paths: list[str], left: Counter[str]) -> Iterator[File]:
    """Every file under the paths, sorted, with a name that does not say where on this machine it lies."""
    if not paths:
        raise Problem("no files to read were named; name files, folders or globs")
    for number, written in enumerate(paths):
        matches = [written] if os.path.exists(written) else sorted(glob.glob(written, recursive=True))
        if not matches:
            raise Problem(f"{written} does not exist; name a file, a folder or a glob that matches something")
        several = f"{number}/" if len(paths) > 1 else ""
        for path in map(Path, matches):
            if path.is_file():
                yield File(path, several + spoken(path.name), path.parent, path.stat().st_size, alone=True)
            elif path.is_dir():
                yield from inside(path, several, left)
            else:
                raise Problem(f"{written} is neither a file nor a folder; name a file that can be read twice")


def inside(folder: Path, several: str, left: Counter[str]) -> Iterator[File]:
    """The plain files below a folder; hidden ones and what a run says about itself are no documents."""
    closed: list[OSError] = []
    border = Path(os.path.realpath(_border(folder)))
    for root, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        yield from _closed(closed, folder, several)
        left["a link to a folder"] += sum(os.path.islink(os.path.join(root, name)) for name in folders)
        of_a_run = OF_A_RUN if "manifest.json" in names else set()
        for name in sorted(names):
            if name.startswith(".") or name in of_a_run:
                continue
            path = Path(root, name)
            if why := _left_out(path, border):
                left[why] += 1
                continue
            yield File(path, several + spoken(path.relative_to(folder).as_posix()), folder, _size(path))
    yield from _closed(closed, folder, several)
    if not left["a link to a folder"]:
        del left["a link to a folder"]


def _closed(errors: list[OSError], folder: Path, several: str) -> Iterator[File]:
    """The folders that could not be listed, each once."""
    while errors:
        error = errors.pop(0)
        name = several + spoken(os.path.relpath(error.filename, folder))
        yield File(Path(error.filename), name, folder, 0, f"a folder that cannot be listed: {error.strerror}")


def _border(folder: Path) -> Path:
    """The folder that links may not leave; a snapshot of a downloaded data set links to the blobs beside it."""
    return folder.parent.parent if folder.parent.name == "snapshots" else folder


def _left_out(path: Path, border: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "a link that leads nowhere" if path.is_symlink() else ""
    if not stat.S_ISREG(found.st_mode):
        return "no plain file"
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(border):
        return "a link out of the folder"
    return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def spoken(name: str) -> str:
    """A file's name as text: bytes that are no UTF-8 are written as \\\\xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def open_plain(path: Path) -> IO[bytes]:
    """A plain file, opened; what became a pipe since it was listed neither blocks nor is read."""
    file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("it is no plain file any more")
    return file


class Folder:
    """The files of a folder as they lie around each other; each folder inside is listed once."""

    def __init__(self, root: Path):
        self.root = Path(os.path.realpath(root))
        self.listed: dict[str, list[str]] = {}

    def read(self, path: str, most: int) -> bytes | None:
        """The first bytes of a file inside; nothing if there is none, or a link leads out."""
        place = Path(os.path.realpath(self.root / path))
        if not place.is_relative_to(self.root):
            return None
        try:
            with open_plain(place) as file:
                return file.read(most)
        except OSError:
            return None

    def names(self, folder: str) -> list[str]:
        """The files right inside a folder."""
        if folder not in self.listed:
            place = Path(os.path.realpath(self.root / folder))
            inside = place.is_relative_to(self.root) and place.is_dir() and os.access(place, os.R_OK | os.X_OK)
            names = sorted(name for name in os.listdir(place) if os.path.isfile(place / name)) if inside else []
            self.listed[folder] = [f"{folder}/{name}" if folder else name for name in names]
        return self.listed[folder]
