"""The manifest of a finished stage: what made it, from what, on what, for how long, and what each file must be."""

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import groundup
from groundup.errors import Problem
from groundup.run.content import MANIFEST, record

FORMAT = 1
PACKAGES = ("torch", "numpy")


def fingerprint(
    kind: str, version: int, settings: Mapping[str, Any], seed: int | None, inputs: Mapping[str, str]
) -> str:
    """Twelve hex digits that name a stage's result before it is made: equal in, equal name."""
    told = {"kind": kind, "version": version, "settings": settings, "seed": seed, "inputs": inputs}
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest in `folder`; formats that this version does not know are refused, not guessed."""
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_bytes())
        form = found["format"]
    except (FileNotFoundError, NotADirectoryError):
        raise Problem(f"{folder} has no {MANIFEST}: it is not a finished stage") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Problem(f"{path} is damaged ({error}): remove {folder} and make it again") from error
    if form != FORMAT:
        raise Problem(f"{path} has format {form} and this groundup reads format {FORMAT}: install a newer one")
    return found


def is_intact_quickly(folder: Path) -> bool:
    """True if every file of a finished stage has the size and time its manifest records."""
    return first_change(folder) is None


def first_change(folder: Path) -> str | None:
    """The first file that is missing or changed, by size and time; a copied file with a new time is hashed."""
    for name, known in read_manifest(folder)["files"].items():
        path = folder / name
        try:
            status = path.stat()
        except OSError:
            return f"{path} is missing"
        if status.st_size != known["size"]:
            return f"{path} has {status.st_size} bytes and was made with {known['size']}"
        if status.st_mtime_ns != known["mtime_ns"] and record(path)["sha256"] != known["sha256"]:
            return f"{path} was changed after it was made"
    return None


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that decide bytes, without importing them."""
    ours = {"groundup": groundup.__version__, "python": platform.python_version()}
    return ours | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The git commit of the checkout that this package runs from, read without git; None where there is none."""
    top = Path(__file__).resolve().parents[2]
    try:
        return commit_of(top)
    except (OSError, ValueError, IndexError):
        return None


def commit_of(top: Path) -> str | None:
    """The commit checked out at `top`, a clone or a worktree."""
    git = top / ".git"
    if git.is_file():  # a worktree: the file names the real folder
        git = (top / git.read_text().removeprefix("gitdir:").strip()).resolve()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head if re.fullmatch(r"[0-9a-f]{40,64}", head) else None
    name = head.removeprefix("ref:").strip()
    common = git / "commondir"
    homes = [git, (git / common.read_text().strip()).resolve()] if common.is_file() else [git]
    for home in homes:
        if (home / name).is_file():
            return (home / name).read_text().strip()
        packed = home / "packed-refs"
        lines = packed.read_text().splitlines() if packed.is_file() else []
        for line in lines:
            if line.endswith(" " + name):
                return line.split()[0]
    return None


def encode(value: Mapping[str, Any]) -> str:
    """JSON as it is written into run folders: readable, keys in the order given, a newline at the end."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def relative(path: Path, start: Path) -> str:
    """A path as manifests record it, so that a folder of runs can be moved as a whole."""
    return Path(os.path.relpath(path, start)).as_posix()
