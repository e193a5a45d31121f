"""Bytes that survive: a file is there whole or not at all, and what the disk refuses is said in a sentence.

The order that makes it so: write beside, fsync the data, rename, fsync the folder.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from groundup.errors import OutOfSpace, Problem

WRITING = ".writing"  # the end of the names of files not yet whole
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
FULL_WORDS = ("No space left on device", "os error 28", "Disk quota exceeded", "File too large")


def write_atomically(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Put `data` at `path` so that even a power cut leaves the old file or the new one, with a mode as umask says."""
    target = Path(path)
    beside = target.with_name(f".{target.name}{WRITING}")
    raw = data.encode() if isinstance(data, str) else data
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            sync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    sync_folder(target.parent)


def drop_torn_line(path: Path) -> bytes:
    """The whole lines of a file that is written line by line; half a line at its end, of a killed attempt, is cut off."""
    if not path.exists():
        return b""
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        write_atomically(path, whole)
    return whole


def sync(descriptor: int) -> None:
    """Wait until a file's bytes are on the disk; on macOS that takes a stronger word than fsync."""
    stronger = getattr(fcntl, "F_FULLFSYNC", None)
    if stronger is not None:
        with suppress(OSError):
            fcntl.fcntl(descriptor, stronger)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's names are on the disk: a rename is only safe after this."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def umask() -> int:
    """This process's umask; there is no way of reading it but to set it, except on Linux."""
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def open_to_others(folder: Path) -> None:
    """Give everything in `folder` the modes that umask allows: some libraries write 0600 whatever umask says."""
    mask = umask()
    for place, _, files in os.walk(folder):
        _set_mode(Path(place), 0o777 & ~mask)
        for name in files:
            path = Path(place, name)
            if not path.is_symlink():
                executable = path.stat().st_mode & 0o111
                _set_mode(path, (0o777 if executable else 0o666) & ~mask)


def _set_mode(path: Path, mode: int) -> None:
    if path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)


@contextmanager
def sentences(folder: Path) -> Iterator[None]:
    """Whatever the disk refuses inside is raised as a Problem about `folder`; all that was written is left as it is."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        problem = disk_problem(error, folder)
        if problem is None:
            raise
        raise problem from error


def disk_problem(error: BaseException, folder: Path) -> Problem | None:
    """The sentence for an error that means a full disk or a missing permission, or None if it means neither."""
    number = error.errno if isinstance(error, OSError) else None
    said = str(error)
    where = getattr(error, "filename", None) or folder
    if number in FULL or any(words in said for words in FULL_WORDS):
        return OutOfSpace(
            f"the disk is full or a file grew past its limit at {where}: free some space and run the same command "
            "again; it goes on from what is already made"
        )
    if number in REFUSED:
        return Problem(f"no permission for {where}: change its owner or mode, or choose another folder with --into")
    return None
