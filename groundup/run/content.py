"""What a stage reads, known by its bytes: one fingerprint for a file, a folder, or a part of a finished stage.

Folders that a stage made are never read again for this, their manifest knows; raw text is hashed, and files whose size
and time have not changed since an earlier manifest keep the hash recorded there.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from groundup.errors import Problem
from groundup.run.files import sync

MANIFEST, METRICS, RESOLVED = "manifest.json", "metrics.jsonl", "resolved.json"
UNCOUNTED = {MANIFEST, METRICS, RESOLVED}  # at the top of a stage's folder: they hold times, which differ every run


class FileRecord(TypedDict):
    """What a manifest knows of one file."""

    sha256: str
    size: int
    mtime_ns: int


Files = dict[str, FileRecord]  # relative path, with "/" -> record; "." where the whole is one file


@dataclass(frozen=True)
class Read:
    """One input of a stage: where it is, what its bytes come to, and for raw text the record of every file."""

    path: Path
    fingerprint: str
    files: Files | None = None


def read_input(path: str | os.PathLike[str], known: Mapping[str, FileRecord] | None = None) -> Read:
    """The input at `path`; `known` maps absolute paths of raw files to records of an earlier run."""
    place = Path(path).resolve()
    if not place.exists():
        raise Problem(f"there is nothing at {path}: expected a file or folder to read")
    home = home_of(place)
    if home is not None:
        from groundup.run.manifest import read_manifest

        return Read(place, content_of(read_manifest(home)["files"], place.relative_to(home).as_posix()))
    files = raw_files(place, known or {})
    return Read(place, content_of(files, ".", uncounted=set()), files)


def content_fingerprint(path: str | os.PathLike[str], known: Mapping[str, FileRecord] | None = None) -> str:
    """The fingerprint of the bytes at `path` (64 hex digits): equal bytes under equal names, equal fingerprint."""
    return read_input(path, known).fingerprint


def content_of(files: Mapping[str, FileRecord], within: str = ".", uncounted: set[str] = UNCOUNTED) -> str:
    """The fingerprint of the files below `within`, or of the one file that it names."""
    if within in files:
        return files[within]["sha256"]
    prefix = "" if within == "." else within + "/"
    counted = {name.removeprefix(prefix): record for name, record in files.items() if name.startswith(prefix)}
    if not counted and prefix:
        raise Problem(f"there is no {within} in the finished stage: it holds {', '.join(_tops(files))}")
    if not prefix:
        counted = {name: record for name, record in counted.items() if name not in uncounted}
    lines = [f"{record['sha256']}  {name}\n" for name, record in sorted(counted.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def home_of(path: Path) -> Path | None:
    """The finished stage that `path` is or lies in."""
    for folder in (path, *path.parents):
        manifest = folder / MANIFEST
        if manifest.is_file() and b'"groundup"' in manifest.read_bytes()[:200]:
            return folder
    return None


def raw_files(place: Path, known: Mapping[str, FileRecord]) -> Files:
    """Records of the file at `place`, or of all files below it except hidden ones and Python's bytecode."""
    names = {".": place} if place.is_file() else {p.relative_to(place).as_posix(): p for p in walk(place)}
    records: Files = {}
    changed = {}
    for name, path in names.items():
        status, earlier = path.stat(), known.get(str(path))
        if earlier and earlier["size"] == status.st_size and earlier["mtime_ns"] == status.st_mtime_ns:
            records[name] = earlier
        else:
            changed[name] = path
    records |= records_of(changed)
    return dict(sorted(records.items()))


def walk(folder: Path) -> Iterable[Path]:
    """The files below a folder of raw text, links followed, each folder entered once."""
    entered = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _refuse(error: OSError) -> None:
    raise Problem(f"cannot read the folder {error.filename}: {error.strerror}") from error


def records_of(paths: Mapping[str, Path], durable: bool = False) -> Files:
    """Hash files side by side (hashing lets other threads run); with `durable` also wait until they are on the disk."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return dict(zip(paths, pool.map(_record_durably if durable else record, paths.values()), strict=True))


def record(path: Path) -> FileRecord:
    """Hash, size and time of one file."""
    return _record(path, False)


def _record_durably(path: Path) -> FileRecord:
    return _record(path, True)


def _record(path: Path, durable: bool) -> FileRecord:
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if durable:
                sync(file.fileno())
            status = os.fstat(file.fileno())
    except PermissionError as error:
        raise Problem(f"no permission to read {path}: change its owner or mode") from error
    return {"sha256": digest, "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _tops(files: Mapping[str, Any]) -> list[str]:
    return sorted({name.split("/")[0] for name in files})
