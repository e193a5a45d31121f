"""What a recipe's folder holds of earlier settings: finished folders that no link leads to and nothing kept reads."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from groundup import run
from groundup.errors import Problem

FINISHED = re.compile(r".+-[0-9a-f]{12}")


def unused(folder: Path) -> dict[Path, int]:
    """Finished stages that no link of this folder leads to, directly or as what a linked one was made from: bytes."""
    if not folder.is_dir():
        raise Problem(f"there is no folder {folder}: expected one that `groundup make` made")
    homes = {path for path in folder.iterdir() if _finished(path)}
    needed: set[Path] = set()
    for link in folder.iterdir():
        if link.is_symlink() and link.exists():
            _need(_home(link.resolve(), folder), folder, needed)
    return {path: _bytes(path) for path in sorted(homes) if path.resolve() not in needed}


def forget(folder: Path, doomed: Iterable[Path]) -> None:
    """Remove finished stages while nobody works in the folder."""
    with run.Lock(folder):
        for path in doomed:
            aside = path.with_name(f".{path.name}.discarded")
            os.rename(path, aside)
            shutil.rmtree(aside)


def _finished(path: Path) -> bool:
    named = FINISHED.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    return bool(named) and (path / "manifest.json").is_file()


def _home(path: Path, folder: Path) -> Path | None:
    """The stage of this folder that a path lies in."""
    top = folder.resolve()
    return next((each for each in (path, *path.parents) if each.parent == top), None)


def _need(home: Path | None, folder: Path, needed: set[Path]) -> None:
    """Keep a stage, and what it was made from: `verify` walks back over them."""
    if home is None or home in needed or not _finished(home):
        return
    needed.add(home)
    for told in run.read_manifest(home)["inputs"].values():
        _need(_home((home.parent / told["path"]).resolve(), folder), folder, needed)


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
