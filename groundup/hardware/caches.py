"""Where compiled code is kept between runs: one folder that belongs to the user and may be deleted at any time.

It is the one place where numba and torch may write formats of their own; nothing of a run is ever stored there.
"""

import os
import sys
import tempfile
from pathlib import Path

VARIABLES = {"NUMBA_CACHE_DIR": "numba", "TORCHINDUCTOR_CACHE_DIR": "torchinductor", "TRITON_CACHE_DIR": "triton"}


def cache_folder() -> Path:
    """GROUNDUP_CACHE, or the system's place for caches, or a private temporary folder if that is not writable."""
    if chosen := os.environ.get("GROUNDUP_CACHE"):
        wanted = Path(chosen).expanduser()
    elif sys.platform == "darwin":
        wanted = Path.home() / "Library" / "Caches" / "groundup"
    else:
        wanted = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groundup"
    return wanted if _writable(wanted) else _temporary()


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


def _temporary() -> Path:
    folder = Path(tempfile.gettempdir()) / f"groundup-cache-{os.getuid()}"
    return folder if _writable(folder) else Path(tempfile.mkdtemp(prefix="groundup-cache-"))
