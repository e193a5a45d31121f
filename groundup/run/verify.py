"""Is every byte still what was made? Re-hashes a result and everything it was made from, back to the raw text.

The chain hangs together three ways: each file by the hash in its manifest, each manifest by the fingerprint in its own
folder's name, each input by what the stage that read it wrote down.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundup.errors import Problem
from groundup.run.content import MANIFEST, FileRecord, content_of, home_of, names_of, records_of
from groundup.run.lock import LOCK
from groundup.run.manifest import fingerprint, read_manifest


@dataclass
class Verified:
    """What was checked and found intact."""

    stages: list[Path] = field(default_factory=list)
    files: int = 0
    bytes: int = 0


def verify(path: str | os.PathLike[str]) -> Verified:
    """Check a finished stage, a link to one, a part of one, or a recipe's folder; raises at the first difference."""
    place = Path(path).resolve()
    if not place.exists():
        raise Problem(f"there is nothing at {path}: expected a finished stage or a folder of them")
    home = home_of(place)
    homes = [home] if home else _linked(place)
    if not homes:
        raise Problem(f"{path} is not a finished stage and holds none: nothing can be verified")
    checked = Verified()
    for home in homes:
        _check_stage(home, checked)
    return checked


def _linked(folder: Path) -> list[Path]:
    """The finished stages that the links in a recipe's folder lead to."""
    links = [entry for entry in sorted(folder.iterdir()) if entry.is_symlink()] if folder.is_dir() else []
    for link in links:
        if not link.exists():
            raise Problem(f"{link} leads to {os.readlink(link)}, which is missing: make it again")
    return list(dict.fromkeys(link.resolve() for link in links if (link / MANIFEST).is_file()))


def _check_stage(folder: Path, checked: Verified) -> None:
    if folder in checked.stages:
        return
    manifest = read_manifest(folder)
    try:
        _check_files(folder, manifest["files"], _files_in(folder), checked)
        _check_manifest(folder, manifest)
        checked.stages.append(folder)
        for name, told in manifest["inputs"].items():
            _check_input(folder, name, told, checked)
    except (KeyError, TypeError, AttributeError) as error:
        raise Problem(f"{folder / MANIFEST} is damaged ({error!r}): remove {folder} and make it again") from error


def _files_in(folder: Path) -> dict[str, Path]:
    found = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_symlink() or not p.is_dir()}
    return {name: path for name, path in found.items() if name not in (MANIFEST, LOCK)}


def _check_files(folder: Path, known: Mapping[str, FileRecord], found: Mapping[str, Path], checked: Verified) -> None:
    for name in sorted(set(known) | set(found)):
        place = Path(os.path.normpath(folder / name))
        if name not in found or not found[name].is_file():
            raise Problem(f"{place} is missing: put it back, or make what holds it again")
        if name not in known:
            raise Problem(f"{place} was added after the rest was made: remove it")
    for name, record in records_of({name: found[name] for name in sorted(known)}).items():
        if record["sha256"] != known[name]["sha256"]:
            place = Path(os.path.normpath(folder / name))
            raise Problem(f"{place} was changed: its sha256 is {record['sha256']}, recorded is {known[name]['sha256']}")
        checked.files += 1
        checked.bytes += record["size"]


def _check_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """The manifest agrees with itself and with the name of its folder."""
    contents = {name: told["fingerprint"] for name, told in manifest["inputs"].items()}
    made = manifest["groundup"]
    expected = fingerprint(made["kind"], made["version"], manifest["settings"], manifest["seed"], contents)
    if expected != manifest["fingerprint"] or not folder.name.endswith("-" + expected):
        raise Problem(f"{folder / MANIFEST} was changed: its settings and inputs come to {expected}, not to its name")
    if content_of(manifest["files"]) != manifest["content"]:
        raise Problem(f"{folder / MANIFEST} was changed: its files do not come to the content it records")


def _check_input(folder: Path, name: str, told: Mapping[str, Any], checked: Verified) -> None:
    place = Path(os.path.normpath(folder.parent / told["path"]))
    if not place.exists():
        raise Problem(f"{place} is missing: {folder.name} was made from it (its input {name})")
    if "files" in told:
        _check_files(place, told["files"], names_of(place), checked)
        now = content_of(told["files"], uncounted=set())
    else:
        home = home_of(place)
        if home is None:
            raise Problem(f"{place} has no {MANIFEST} any more: {folder.name} was made from it (its input {name})")
        _check_stage(home, checked)
        now = content_of(read_manifest(home)["files"], place.relative_to(home).as_posix())
    if now != told["fingerprint"]:
        raise Problem(f"{place} is not what {folder.name} was made from (its input {name}): make {folder.name} again")
