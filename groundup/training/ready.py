"""A training that could begin, what must hold before it does, and what it leaves when it is done.

What does not fit is said before the first step, while nothing has been computed and nothing can be lost.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundup import hardware
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model.settings import ModelSettings
from groundup.run import Work
from groundup.run.content import CHECKPOINTS
from groundup.tokenizer import Tokenizer
from groundup.training import checkpoint
from groundup.training.keeper import Hooks
from groundup.training.settings import TrainSettings
from groundup.training.terms import Objective


@dataclass(frozen=True)
class Ready:
    """What `train` is called with."""

    model: Any
    objective: Objective
    training: TrainSettings
    tokenizer: Tokenizer
    hooks: Hooks
    run: str  # names the checkpoints of this very training
    asked: dict[str, Any]  # what makes it this very one, sizes filled in: for whoever looks on
    compiled: bool = False  # whether its layers are to be compiled


def check(
    model: ModelSettings, training: TrainSettings, data: Sequence[str], tokenizer: Tokenizer, hooks: Hooks
) -> None:
    """A Problem about rows longer than the model reads or ids that it has no row for; a word about what goes unmeasured."""
    if training.time > model.context:
        raise Problem(
            f"training.time: rows of {training.time} tokens are longer than the model's context of {model.context}: "
            "make them shorter, or model.context longer."
        )
    if tokenizer.vocabulary > model.vocabulary:
        raise Problem(
            f"the tokenizer has {tokenizer.vocabulary} ids and the model knows {model.vocabulary}: take the tokenizer that "
            "the model was trained with, or resize the model."
        )
    for folder in data:
        for part in ("train", "val"):
            _check_shards(Path(folder) / part, model, hooks)
    if training.validate_every and hooks.validate is None:
        hooks.say("training.validate_every: there is no held-out text that could be measured, so nothing is validated.")


def _check_shards(folder: Path, model: ModelSettings, hooks: Hooks) -> None:
    if not folder.is_dir():
        return
    shards = Shards(folder)
    if shards.vocabulary > model.vocabulary and len(shards.tokens) and int(shards.tokens.max()) >= model.vocabulary:
        raise Problem(
            f"{folder} holds the id {int(shards.tokens.max())} and the model knows {model.vocabulary} ids: make the tokens "
            "with the model's own tokenizer."
        )
    if folder.name == "val" and len(shards.tokens) < 4:
        hooks.say(
            f"{folder} holds {len(shards.tokens)} tokens, too few to measure anything on: nothing is validated; keep back a "
            "larger share when the tokens are made."
        )


def threads(work: Work, alone: bool = False) -> int:
    """As many as at the first attempt, so that the bits are the same, unless this machine has fewer or is told a number."""
    now = 1 if alone else hardware.threads(work.machine)
    before = work.choose("threads", lambda: now)
    return now if before > work.machine.cpus or "OMP_NUM_THREADS" in os.environ else before


def finished(out: Path) -> bool:
    """Whether an attempt saved its model and was killed while it cleared up."""
    return (out / "model").is_dir() and not (out / CHECKPOINTS).exists()


def drop_checkpoints(out: Path, training: TrainSettings) -> None:
    """They have done their work, but for those that are to stay; they go all at once, since half of them would be none."""
    folder, old = out / CHECKPOINTS, out / f"{CHECKPOINTS}.old"
    if training.keep_every or training.keep_best:
        checkpoint.prune(folder, 1, training.stays)
    elif folder.is_dir():
        os.replace(folder, old)
    shutil.rmtree(old, ignore_errors=True)
