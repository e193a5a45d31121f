"""A training that could begin: model, objective, settings and the world around them, and what must hold before it does.

What does not fit is said before the first step, while nothing has been computed and nothing can be lost.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundup.data.shards import Shards
from groundup.errors import Problem
from groundup.model.settings import ModelSettings
from groundup.tokenizer import Tokenizer
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


def check(model: ModelSettings, training: TrainSettings, data: str | None, tokenizer: Tokenizer, hooks: Hooks) -> None:
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
    for part in ("train", "val") if data else ():
        _check_shards(Path(data or "") / part, model, hooks)
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
