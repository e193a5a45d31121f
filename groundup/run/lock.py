"""One process at a time in a folder: a lock that ends with its holder, and says who that is while it lasts."""

import fcntl
import json
import os
import socket
import time
import weakref
from contextlib import suppress
from pathlib import Path

from groundup.errors import Problem

LOCK = "lock"


class Lock:
    """The lock of one folder, held from construction to `release`; the kernel lets go when the process dies."""

    def __init__(self, folder: Path, wait_seconds: float = 0.0):
        """Create `folder` if need be and lock it; if another holds it for longer than `wait_seconds`, say who."""
        self.folder = folder
        end = time.monotonic() + wait_seconds
        while not self._take():
            if time.monotonic() >= end:
                raise Problem(f"{folder} is in use by {_holder(folder)}: wait for it or stop it")
            time.sleep(0.1)
        os.register_at_fork(after_in_child=_closer(weakref.ref(self)))

    def _take(self) -> bool:
        path = self.folder / LOCK
        try:
            os.makedirs(self.folder, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except (FileNotFoundError, FileExistsError):  # renamed between two calls: its holder has just finished
            if self.folder.is_file():
                raise Problem(f"{self.folder} is a file: expected a folder to work in, move it away") from None
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino != os.fstat(descriptor).st_ino:
                raise BlockingIOError
        except (BlockingIOError, FileNotFoundError):
            os.close(descriptor)
            return False
        self.descriptor: int | None = descriptor
        told = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(told).encode(), 0)
        return True

    def release(self, folder: Path | None = None) -> None:
        """Let go and remove the lock file, which is in `folder` if the folder was renamed meanwhile."""
        if self.descriptor is None:
            return
        with suppress(OSError):
            ((folder or self.folder) / LOCK).unlink()
        self.close()

    def close(self) -> None:
        """Let go and leave the file: also what a forked child does, which must not keep a dead parent's lock alive."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _closer(lock: "weakref.ref[Lock]"):
    def close() -> None:
        held = lock()
        if held is not None:
            held.close()

    return close


def _holder(folder: Path) -> str:
    try:
        told = json.loads((folder / LOCK).read_text())
        return f"process {told['pid']} on {told['host']} since {told['since']}"
    except (OSError, ValueError, KeyError):
        return "another process"
