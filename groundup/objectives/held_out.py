"""Texts that were kept back, looked at during training: those of the pages that are learnt, and any others beside them.

A model that goes on learning from new pages shows here, side by side, what it gains on the new and loses on the old.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from groundup.data.tokens.batches import pages
from groundup.data.tokens.corruption import Corrupted, sentinels_of
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.objectives.chained import Chained
from groundup.objectives.next_token import NextToken
from groundup.objectives.sequence_to_sequence import SequenceToSequence
from groundup.objectives.settings import ObjectiveSettings
from groundup.tokenizer import Tokenizer
from groundup.training.loop import measure
from groundup.training.settings import TrainSettings

Look = Callable[[nn.Module, int], dict[str, float]]  # (model, step) -> metrics


def held_out(data: str, training: TrainSettings, seed: int) -> Look | None:
    """The loss of the next token on the pages that `data` keeps back, if there are any; in chains as in training."""
    folder = Path(data) / "val"
    if not folder.is_dir():
        return None
    shards, segments = Shards(folder), training.segments
    time = min(training.time, len(shards.tokens) // 2 // segments)
    if time < 2:
        return None
    source = pages(shards, training.rows, time * segments, seed)
    objective = NextToken(source) if segments == 1 else Chained(source, segments)
    steps = range(min(training.validate_steps, max(1, (len(shards.tokens) // source.time) // training.rows)))
    bytes_per_token = max(1, shards.text_bytes) / len(shards.tokens)

    def look(model: nn.Module, step: int) -> dict[str, float]:
        nats = measure(model, objective, steps)["next_token"]
        return {"validation": nats, "bits_per_byte": nats / math.log(2) / bytes_per_token}

    return look


def spans_of(
    folder: Path, tokenizer: Tokenizer, end: int, asked: ObjectiveSettings, training: TrainSettings, seed: int
):
    """Pages with spans cut out, rows of `training.time` tokens before the cut."""
    source = pages(Shards(folder), training.rows, training.time, seed)
    return Corrupted(source, sentinels_of(tokenizer), end, end, asked.masked_share, asked.span)


def held_out_spans(
    data: str, tokenizer: Tokenizer, end: int, asked: ObjectiveSettings, training: TrainSettings, seed: int
) -> Look | None:
    """The loss of what was cut out of the pages that `data` keeps back, if they fill two rows."""
    folder = Path(data) / "val"
    if not folder.is_dir() or len(Shards(folder).tokens) < 2 * training.time:
        return None
    source = spans_of(folder, tokenizer, end, asked, training, seed)
    objective, steps = SequenceToSequence(source), range(training.validate_steps)
    return lambda model, step: {"validation": measure(model, objective, steps)["sequence_to_sequence"]}


def side_by_side(own: Look | None, others: Mapping[str, Look | None]) -> Look | None:
    """All looks at once: `validation` is of the own pages, `validation.NAME` of the others'."""
    looks = {name: look for name, look in {"": own, **others}.items() if look is not None}
    if missing := [name for name in others if name not in looks]:
        raise Problem(
            f"held_out.{missing[0]} keeps too little text back to be measured on: it needs a val/ of two rows of "
            "training.time tokens; give the tokens stage more text or a larger `validation`."
        )

    def look(model: nn.Module, step: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, each in looks.items():
            found |= {f"{metric}.{name}" if name else metric: value for metric, value in each(model, step).items()}
        return found

    return look if looks else None


def check_tokens(data: str, tokenizer: Tokenizer, setting: str) -> None:
    """A Problem if the tokens in a folder are not those that the model's tokenizer means by the same numbers."""
    place = Path(data) / "tokenizer"
    if not place.is_dir():
        return
    theirs, ours = Tokenizer.load(place).tokens, tokenizer.tokens
    differs = next(
        (number for number, token in enumerate(theirs) if number >= len(ours) or token != ours[number]), None
    )
    if differs is not None:
        raise Problem(
            f"{setting} ({data}) was made with another tokenizer than the model's: their token {differs} is not the same "
            "text. Make the tokens again with the model's own: groundup tokens corpus=… tokenizer=MODEL-FOLDER."
        )
