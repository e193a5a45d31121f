"""A training laid to rest so that any kill, power cut or flipped bit loses at most the steps since.

A checkpoint is a folder named by its step: `state.safetensors` with every tensor, `manifest.json` with its sha256. It is
written beside its name, brought to the disk and renamed; one that is not whole is passed over with a word, never deleted.
`best.json` beside them says which of them did best on held-out text.
"""

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model.safetensors import as_bytes, laid_out
from groundup.run.files import sync, sync_folder, write_atomically

FORMAT = 1
STATE, MANIFEST, BEST = "state.safetensors", "manifest.json", "best.json"
NAME = re.compile(r"\d{6,}")
PIECE = 4 << 20  # bytes hashed and written together; other threads run meanwhile


@dataclass(frozen=True)
class Checkpoint:
    """One that is whole: its step, its tensors, and what else was noted with them."""

    step: int
    state: dict[str, Tensor]
    notes: dict[str, Any]


def _never(step: int) -> bool:
    """No older checkpoint stays for a reason of its own."""
    return False


def save(
    folder: Path,
    step: int,
    state: dict[str, Tensor],
    run: str,
    notes: dict[str, Any],
    keep: int = 2,
    stays: Callable[[int], bool] = _never,
) -> None:
    """Write the state after `step` steps of the training `run`; of older ones, the `keep` newest and what `stays` stay."""
    target, beside = folder / f"{step:06d}", folder / f"{step:06d}.partial"
    if target.exists():
        if _damage(target, run) is None:
            return  # a training that was resumed before this step has come by again: its bits are the same
        target.rename(_free(folder / f"{step:06d}.damaged"))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        file = _write(beside / STATE, state)
        manifest = {"format": FORMAT, "step": step, "run": run, "files": {STATE: file}, "notes": notes}
        manifest["sha256"] = _seal(manifest)
        write_atomically(beside / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        os.replace(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    sync_folder(folder)
    prune(folder, keep, stays)


def prune(folder: Path, keep: int, stays: Callable[[int], bool] = _never) -> None:
    """Remove all checkpoints but the `keep` newest, the best one, and those that stay."""
    places = named(folder)
    best = best_of(folder)
    for old in places[: len(places) - keep]:
        step = int(old.name)
        if not stays(step) and not (best and best[0] == step):
            shutil.rmtree(old)


def best_of(folder: Path) -> tuple[int, float] | None:
    """(step, its value) of the checkpoint that did best so far, if anyone has judged them."""
    try:
        told = json.loads((folder / BEST).read_text())
        return int(told["step"]), float(told["value"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def judge(folder: Path, step: int, value: float) -> None:
    """Remember the checkpoint of this step if its value (lower is better) is the lowest yet."""
    best = best_of(folder)
    if math.isfinite(value) and (best is None or value < best[1] or step == best[0]):
        write_atomically(folder / BEST, json.dumps({"step": step, "value": value}) + "\n")


def _write(path: Path, state: dict[str, Tensor]) -> dict[str, Any]:
    """The tensors as a safetensors file, brought to the disk; its hash and size are taken on the way."""
    seen, size = hashlib.sha256(), 0
    with open(path, "wb") as file:
        for piece in _pieces(state):
            seen.update(piece)
            file.write(piece)
            size += len(piece)
        file.flush()
        sync(file.fileno())
    return {"sha256": seen.hexdigest(), "bytes": size}


def _pieces(state: dict[str, Tensor]) -> Iterator[bytes | memoryview]:
    header, order = laid_out(state)
    yield header
    for name in order:
        raw = as_bytes(state[name])
        for at in range(0, len(raw), PIECE):
            yield raw[at : at + PIECE]


def newest(folder: Path, run: str, say: Callable[[str], None]) -> Checkpoint | None:
    """The latest whole checkpoint of this run, or None; `say` hears about each one that was passed over, and why."""
    for place in reversed(named(folder)):
        damage = _damage(place, run)
        if damage is None:
            return load(place)
        say(f"{place} {damage}: passed over, and left as it is")
    return None


def load(place: Path) -> Checkpoint:
    """The checkpoint in a folder, every byte compared with its manifest."""
    if not NAME.fullmatch(place.name):
        raise Problem(f"{place} is no checkpoint; --from RUN@STEP finds those of a training")
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


def named(folder: Path) -> list[Path]:
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
            with open(place / name, "rb") as found:
                seen = hashlib.file_digest(found, "sha256").hexdigest()
            if (place / name).stat().st_size != file["bytes"] or seen != file["sha256"]:
                return f"is damaged ({name} is not what its manifest says)"
        return (
            None if manifest["step"] == int(place.name) and STATE in manifest["files"] else "is not what it is called"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "is incomplete"


@torch.no_grad()
def graft(state: dict[str, Tensor], saved: dict[str, Tensor]) -> list[str]:
    """Copy what fits of another training's tensors; weights must all fit, what else did not is returned by name."""
    for name in (name for name in state.keys() | saved.keys() if name.startswith("model.")):
        if name not in state or name not in saved or state[name].shape != saved[name].shape:
            raise Problem(
                f"the checkpoint to go on from has another model: it differs in {name.removeprefix('model.')}; "
                "leave the settings of `model` as they were there."
            )
    rest = [name for name in state if name not in saved or state[name].shape != saved[name].shape]
    for name in state.keys() - set(rest):
        state[name].copy_(saved[name])
    return rest


def _seal(manifest: dict[str, Any]) -> str:
    """A manifest's own hash, so that a flipped bit in it is noticed too."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _free(path: Path) -> Path:
    """The path, or the first numbered one beside it that nobody uses."""
    number = 0
    while (tried := path if not number else path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return tried
