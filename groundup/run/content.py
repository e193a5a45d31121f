"""Text known by its bytes: a record for each file, one fingerprint for a folder or for any part of a finished stage."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypedDict

from groundup.errors import Problem
from groundup.run.files import sync

MANIFEST, METRICS, RESOLVED = "manifest.json", "metrics.jsonl", "resolved.json"
PAIRS = {".bin": ".idx", ".idx": ".bin"}  # Megatron's tokens, and where their documents begin
CHECKPOINTS = "checkpoints"  # a folder whose loss would hurt: one folder a step
UNCOUNTED = {MANIFEST, METRICS, RESOLVED}  # at the top of a stage's folder: they hold times, which differ every run


class FileRecord(TypedDict):
    """What a manifest knows of one file."""

    sha256: str
    size: int
    mtime_ns: int


Files = dict[str, FileRecord]  # relative path, with "/" -> record; "." where the whole is one file


def content_of(files: Mapping[str, FileRecord], within: str = ".", uncounted: set[str] = UNCOUNTED) -> str:
    """The fingerprint of the files below `within`, or of the one file that it names."""
    if within in files and (within != "." or len(files) == 1):
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
    names = names_of(place)
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


def names_of(place: Path) -> dict[str, Path]:
    """The raw files at `place` under the names they have in a manifest; whoever reads one of a pair reads the other too."""
    if not place.is_file():
        return {p.relative_to(place).as_posix(): p for p in walk(place)}
    other = place.with_suffix(PAIRS[place.suffix]) if place.suffix in PAIRS else None
    return {".": place} | ({f"../{other.name}": other} if other is not None and other.is_file() else {})


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


def metrics_of(folder: Path) -> list[dict[str, Any]]:
    """What a stage logged, line by line."""
    path = folder / METRICS
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be read ({error}): name a stage's folder with all that was made in it") from None


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
        file = open(path, "rb")  # noqa: SIM115
    except PermissionError as error:
        raise Problem(f"no permission to read {path}: change its owner or mode") from error
    with file:
        try:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Problem(f"{path} cannot be read: {error.strerror}") from error
        if durable:
            sync(file.fileno())
        status = os.fstat(file.fileno())
    return {"sha256": digest, "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _tops(files: Mapping[str, Any]) -> list[str]:
    return sorted({name.split("/")[0] for name in files})
