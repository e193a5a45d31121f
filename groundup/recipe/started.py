"""A training that was made or interrupted, opened again: to go on from one of its checkpoints, or to look at a step.

RUN@STEP names it: RUN is a finished train stage (its folder or the link to it) or one at work (NAME or NAME.partial).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from groundup import config, hardware
from groundup.config import inputs_of, replace_inputs
from groundup.errors import Problem
from groundup.run.content import CHECKPOINTS, MANIFEST, RESOLVED
from groundup.run.manifest import encode
from groundup.run.stage import STAGE
from groundup.run.work import Sink, Work, silent
from groundup.stages import train


@dataclass(frozen=True)
class Started:
    """A train stage as it was asked for; `step` is the one that was named."""

    folder: Path
    step: int
    settings: train.Settings  # inputs by their absolute paths
    seed: int
    chosen: dict[str, Any]  # what its probes decided

    @property
    def steps(self) -> list[int]:
        """Those that it has checkpoints of."""
        folder = self.folder / CHECKPOINTS
        return sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit()) if folder.is_dir() else []

    def checkpoint(self, step: int) -> Path:
        """The folder of the checkpoint after that many steps."""
        if step not in self.steps:
            known = ", ".join(map(str, self.steps)) or "none; training.keep_every keeps some"
            raise Problem(f"{self.folder} has no checkpoint of step {step}; there are: {known}.")
        return self.folder / CHECKPOINTS / f"{step:06d}"


def started(word: str) -> Started:
    """What RUN@STEP names."""
    name, at, number = word.rpartition("@")
    if not at or not number.isdigit() or not Path(name).name:
        raise Problem(f"cannot read {word!r}: expected RUN@STEP, e.g. runs/base@500.")
    folder = _folder(Path(name))
    told = _told(folder / (MANIFEST if (folder / MANIFEST).is_file() else STAGE))
    if told["groundup"]["kind"] != "train":
        raise Problem(f"{folder} is a stage of the kind {told['groundup']['kind']}: expected a training.")
    settings = config.build(train.Settings, told["settings"])
    paths = {name: (folder.parent / read["path"]).resolve() for name, read in told["inputs"].items()}
    settings = replace_inputs(settings, {name: path for name, path in paths.items() if name in inputs_of(settings)})
    chosen = json.loads((folder / RESOLVED).read_text()) if (folder / RESOLVED).is_file() else {}
    return Started(folder, int(number), settings, told["seed"], chosen)


def _told(path: Path) -> dict[str, Any]:
    """What a stage says of itself."""
    try:
        told = json.loads(path.read_text())
        if told["groundup"]["kind"] and {"settings", "inputs", "seed"} <= told.keys():
            return told
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise Problem(f"{path} is not what a stage says of itself: it is damaged, or somebody else's")


def _folder(path: Path) -> Path:
    for folder in (path, path.with_name(f"{path.name}.partial")):
        if any((folder / name).is_file() for name in (MANIFEST, STAGE)):
            return folder.resolve()
    raise Problem(f"there is no training at {path}, finished or interrupted: name the folder that --into named.")


def forked(word: str) -> tuple[dict[str, Any], int]:
    """(settings, seed) of a training that goes on from the checkpoint RUN@STEP, to be changed before it begins."""
    before = started(word)
    settings: dict[str, Any] = before.settings.model_dump(mode="json") | {"dial": None, "seconds": None}
    settings["fork"] = str(before.checkpoint(before.step))
    if plan := before.chosen.get("plan"):
        optimizer = settings["training"]["optimizer"]
        optimizer["rate"] = optimizer["rate"] or plan["rate"]
        settings["model"] = plan["model"]
        settings["training"] |= {name: plan[name] for name in ("steps", "rows", "time")}
    return settings, before.seed


@contextmanager
def aside(settings: train.Settings, seed: int, chosen: dict[str, Any], sink: Sink = silent) -> Iterator[Work]:
    """A place to compute in that leaves nothing behind, where probes have already decided."""
    hardware.use_cache_folder()
    with TemporaryDirectory(prefix="groundup-") as place:
        (Path(place) / RESOLVED).write_text(encode(chosen))
        yield Work(Path(place), settings, seed, hardware.look(devices=True), {}, sink)
