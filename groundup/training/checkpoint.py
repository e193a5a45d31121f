"""A training laid to rest so that any kill, power cut or flipped bit loses at most the steps since.

A checkpoint is a folder named by its step: `state.safetensors` with every tensor, `manifest.json` with its sha256. It is
written beside its name, brought to the disk and renamed; one that is not whole is passed over with a word, never deleted.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.run.files import sync_folder, write_atomically

FORMAT = 1
STATE, MANIFEST = "state.safetensors", "manifest.json"
NAME = re.compile(r"\d{6,}")


@dataclass(frozen=True)
class Checkpoint:
    """One that is whole: its step, its tensors, and what else was noted with them."""

    step: int
    state: dict[str, Tensor]
    notes: dict[str, Any]


def save(folder: Path, step: int, state: dict[str, Tensor], run: str, notes: dict[str, Any], keep: int = 2) -> None:
    """Write the state after `step` steps of the training `run`; of older ones, the `keep` newest stay."""
    target, beside = folder / f"{step:06d}", folder / f"{step:06d}.partial"
    if target.exists():
        if _damage(target, run) is None:
            return  # a training that was resumed before this step has come by again: its bits are the same
        target.rename(_free(folder / f"{step:06d}.damaged"))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        raw = safetensors.torch.save({name: tensor.detach().cpu() for name, tensor in state.items()})
        write_atomically(beside / STATE, raw)
        file = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
        manifest = {"format": FORMAT, "step": step, "run": run, "files": {STATE: file}, "notes": notes}
        manifest["sha256"] = _seal(manifest)
        write_atomically(beside / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        os.replace(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    sync_folder(folder)
    for old in _named(folder)[:-keep]:
        shutil.rmtree(old)


def newest(folder: Path, run: str, say: Callable[[str], None]) -> Checkpoint | None:
    """The latest whole checkpoint of this run, or None; `say` hears about each one that was passed over, and why."""
    for place in reversed(_named(folder)):
        damage = _damage(place, run)
        if damage is None:
            return load(place)
        say(f"{place} {damage}: passed over, and left as it is")
    return None


def load(place: Path) -> Checkpoint:
    """The checkpoint in a folder, every byte compared with its manifest."""
    if damage := _damage(place, None):
        raise Problem(f"{place} {damage}: use an older checkpoint")
    manifest = json.loads((place / MANIFEST).read_text())
    state = safetensors.torch.load((place / STATE).read_bytes())
    return Checkpoint(manifest["step"], state, manifest["notes"])


@torch.no_grad()
def restore(state: dict[str, Tensor], saved: dict[str, Tensor]) -> None:
    """Copy saved tensors over those of a state, in place; both must have the same names and shapes."""
    if state.keys() != saved.keys() or any(state[name].shape != saved[name].shape for name in state):
        odd = sorted(state.keys() ^ saved.keys()) or [name for name in state if state[name].shape != saved[name].shape]
        raise Problem(f"the checkpoint is of another training: it differs in {odd[0]}; remove it, or train elsewhere")
    for name, tensor in state.items():
        tensor.copy_(saved[name])


def _named(folder: Path) -> list[Path]:
    """Folders with the name of a step, oldest first."""
    places = folder.iterdir() if folder.is_dir() else ()
    return sorted((place for place in places if NAME.fullmatch(place.name)), key=lambda place: int(place.name))


def _damage(place: Path, run: str | None) -> str | None:
    """What is wrong with a checkpoint, or None: missing, foreign or changed bytes."""
    try:
        manifest = json.loads((place / MANIFEST).read_bytes())
        if manifest["sha256"] != _seal({name: value for name, value in manifest.items() if name != "sha256"}):
            return f"is damaged ({MANIFEST} is not what was written)"
        if manifest["format"] != FORMAT:
            return f"has format {manifest['format']}, not {FORMAT}"
        if run is not None and manifest["run"] != run:
            return "is of a training with other settings"
        for name, file in manifest["files"].items():
            raw = (place / name).read_bytes()
            if len(raw) != file["bytes"] or hashlib.sha256(raw).hexdigest() != file["sha256"]:
                return f"is damaged ({name} is not what its manifest says)"
        return (
            None if manifest["step"] == int(place.name) and STATE in manifest["files"] else "is not what it is called"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "is incomplete"


def _seal(manifest: dict[str, Any]) -> str:
    """A manifest's own hash, so that a flipped bit in it is noticed too."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _free(path: Path) -> Path:
    """The path, or the first numbered one beside it that nobody uses."""
    number = 0
    while (tried := path if not number else path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return tried
