"""Where compiled code is kept between runs: one folder that belongs to the user and may be deleted at any time.

It is the one place where numba and torch may write formats of their own; nothing of a run is ever stored there.
"""

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

VARIABLES = {"NUMBA_CACHE_DIR": "numba", "TORCHINDUCTOR_CACHE_DIR": "torchinductor", "TRITON_CACHE_DIR": "triton"}


def cache_folder() -> Path:
    """GROUNDUP_CACHE, or the system's place for caches, or a private temporary folder if that is not writable.

    Into the temporary folder goes what the other one holds already, where root or we own it and nobody else may write it:
    a container brings compiled code along, and its disk can only be read.
    """
    if chosen := os.environ.get("GROUNDUP_CACHE"):
        wanted = Path(chosen).expanduser()
    elif sys.platform == "darwin":
        wanted = Path.home() / "Library" / "Caches" / "groundup"
    else:
        wanted = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groundup"
    return wanted if _writable(wanted) else _temporary(wanted if _trusted(wanted) else None)


def use_cache_folder() -> Path:
    """Tell numba and torch to keep compiled code in `cache_folder()`; call it before they are imported."""
    folder = cache_folder()
    for variable, name in VARIABLES.items():
        os.environ.setdefault(variable, str(folder / name))
    return folder


def _writable(folder: Path) -> bool:
    """True where we can make files and are the owner: code is loaded from here, so nobody else may write it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK | os.X_OK)
    except (OSError, RuntimeError):
        return False


def _trusted(folder: Path) -> bool:
    """True where only root or we can have put what is there."""
    try:
        told = folder.stat()
        return told.st_uid in (0, os.getuid()) and not told.st_mode & 0o022 and os.access(folder, os.R_OK | os.X_OK)
    except OSError:
        return False


def _temporary(filled_from: Path | None = None) -> Path:
    folder = Path(tempfile.gettempdir()) / f"groundup-cache-{os.getuid()}"
    fresh = not folder.exists()
    if not _writable(folder):
        folder, fresh = Path(tempfile.mkdtemp(prefix="groundup-cache-")), True
    if filled_from is not None and fresh:
        shutil.copytree(filled_from, folder, dirs_exist_ok=True, copy_function=_taken)
        for inner in (folder, *folder.rglob("*")):
            if not inner.is_symlink():
                inner.chmod(inner.stat().st_mode | stat.S_IRWXU)  # what was only to be read may be added to here
    return folder


def _taken(source: str, target: str) -> None:
    """A copy; of a library only a link, for code may often not be run from where temporary files lie."""
    if source.endswith(".so"):
        os.symlink(source, target)
    else:
        shutil.copy2(source, target)
