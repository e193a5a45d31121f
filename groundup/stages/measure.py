"""Held-out accuracy as a stage: models and texts that they have never seen go in; shares of right guesses come out.

By hand, with the objective that the models learnt:

    groundup measure models.bert=RUN/bert data.pages=RUN/tokens objective.kind=masked --into RUN/measure
    groundup measure models.dates=RUN/dates sequences='[RUN/exercises/rewritings/test.jsonl]' objective.kind=sequence_to_sequence --into RUN/measure

The folder gets `report.json` (shares with 95 % intervals, losses in nats), `report.html` and `table.txt` with the same numbers.
"""

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from groundup import config
from groundup.config import Input
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.objectives.settings import ObjectiveSettings
from groundup.run import Estimate, Work, write_atomically

if TYPE_CHECKING:
    from groundup.tokenizer import Tokenizer

VERSION = 1
SEEDED = True
TEXTS = {"classify": "labelled", "sequence_to_sequence": "sequences"}  # objectives that read files of their own


class Settings(config.Settings):
    """What is measured of whom."""

    models: dict[str, Input] = Field(min_length=1, description="name of each model and its folder")
    data: dict[str, Input] = Field(
        default_factory=dict,
        description="name of each folder of tokens, of whose val/ is read: pages that were held out",
    )
    labelled: list[Input] = Field(default_factory=list, description="files of texts with a class each, held out")
    sequences: list[Input] = Field(default_factory=list, description="files of sources and targets, held out")
    objective: ObjectiveSettings = Field(default_factory=ObjectiveSettings, description="what is asked")
    rows: int = Field(default=32, gt=0, description="rows of text read at once")
    time: int = Field(default=128, gt=1, description="tokens in one row")
    segments: int = Field(default=1, gt=0, description="chains of so many rows, for models that carry a state")
    steps: int = Field(default=16, gt=0, description="batches at most")


def run(settings: Settings, work: Work) -> None:
    """One model after the other, each on every text."""
    import torch

    from groundup import hardware
    from groundup.evaluation.report.of_accuracy import page, table

    _check(settings)
    torch.set_num_threads(hardware.threads(work.machine))
    start, told = time.perf_counter(), {}
    for number, (name, place) in enumerate(settings.models.items()):
        work.progress(number, len(settings.models), "models", name)
        told[name] = _measured(Path(place), settings, work)
    found = {
        "objective": settings.objective.kind,
        "rows": settings.rows,
        "time": settings.time,
        "segments": settings.segments,
        "models": told,
        "seconds": round(time.perf_counter() - start, 1),
    }
    write_atomically(work.out / "report.json", json.dumps(found, indent=1) + "\n")
    write_atomically(work.out / "report.html", page(found))
    write_atomically(work.out / "table.txt", table(found))
    work.progress(len(settings.models), len(settings.models), "models")


def _check(settings: Settings) -> None:
    """That what is asked is there to be asked."""
    from groundup.objectives.guesses import GUESSES

    kind = settings.objective.kind
    if kind not in GUESSES:
        raise Problem(f"measure has no right and wrong for objective {kind}: expected one of {', '.join(GUESSES)}.")
    wanted = TEXTS.get(kind, "data")
    if not getattr(settings, wanted):
        raise Problem(f"measure with objective {kind} needs `{wanted}`: name what was held out.")
    if settings.segments > 1 and kind != "next_token":
        raise Problem(f"measure.segments are of pages whose next tokens are asked for, not of objective {kind}: say 1.")


def _measured(place: Path, settings: Settings, work: Work) -> dict[str, Any]:
    """{text: {what is asked: share, with its loss}} of one model."""
    from groundup.model import folder
    from groundup.model.stateful import LAYERS
    from groundup.objectives.held_out import check_tokens
    from groundup.tokenizer import Tokenizer

    home = folder.within(place)
    model, tokenizer = folder.load(home, "f32").eval().to(work.machine.device), Tokenizer.load(home)
    if settings.segments > 1 and model.settings.family not in LAYERS:
        raise Problem(
            f"{place} is of the family {model.settings.family}, which carries no state: measure.segments must be 1."
        )
    texts = settings.data if settings.objective.kind not in TEXTS else {"test": ""}
    found = {}
    for name, data in texts.items():
        if data:
            check_tokens(data, tokenizer, f"data.{name}")
        found[name] = _guessed(model, _source(data, model, tokenizer, settings, work.seed), settings, work)
    return found


def _guessed(model: Any, source: Any, settings: Settings, work: Work) -> dict[str, Any]:
    """Every batch's guesses put together."""
    import numpy as np

    from groundup.evaluation.metrics import share
    from groundup.objectives.guesses import count

    right, rows, nats = defaultdict(list), defaultdict(list), defaultdict(float)
    for step in range(_steps(source, settings)):
        if work.stopping():
            raise KeyboardInterrupt
        batch = source.batch(step)
        for name, hits, places, lost in count(settings.objective.kind, model, batch, settings.segments):
            right[name].append(hits)
            rows[name].append(places + step * settings.rows)
            nats[name] += lost
    told = {}
    for name, hits in right.items():
        all_hits = np.concatenate(hits)
        loss = nats[name] / max(1, len(all_hits))
        told[name] = share(all_hits.tolist(), np.concatenate(rows[name]).tolist())
        told[name]["loss"] = None if loss != loss else round(loss, 4)
    return told


def _source(data: str, model: Any, tokenizer: "Tokenizer", settings: Settings, seed: int) -> Any:
    """Batches of held-out text as the objective reads it."""
    from groundup.data.tokens.batches import pages
    from groundup.data.tokens.sequences import sequences
    from groundup.data.tokens.shards import Shards
    from groundup.objectives.held_out import spans_of
    from groundup.objectives.sources import between, labelled_texts, masked_pages
    from groundup.training.settings import TrainSettings

    asked = settings.objective
    training = TrainSettings(rows=settings.rows, time=settings.time)
    place = Path(data) / "val"
    if asked.kind == "masked":
        return masked_pages(place, tokenizer, asked, model.settings, training, seed)
    if asked.kind == "classify":
        return labelled_texts(settings.labelled, tokenizer, model.settings, training, seed)
    if asked.kind == "sequence_to_sequence":
        return sequences(settings.sequences, tokenizer, settings.rows, settings.time, seed, between(tokenizer))
    if asked.kind == "spans":
        return spans_of(place, tokenizer, between(tokenizer), asked, training, seed)
    return pages(Shards(place), settings.rows, settings.time * settings.segments, seed)


def _steps(source: Any, settings: Settings) -> int:
    """As many as are asked for, and no text twice."""
    counts = ("windows", "start", "texts")
    pages = getattr(source, "pages", source)  # under the spans
    there = next((getattr(pages, name) for name in counts if hasattr(pages, name)), None)
    if there is None:
        there = source.pairs
    return max(1, min(settings.steps, (there if isinstance(there, int) else len(there)) // settings.rows))


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Every token is read once by every model."""
    from groundup.model.cost import flops_per_second

    weights = sum(told.parameters for name, told in before.items() if name.startswith("models."))
    tokens = settings.steps * settings.rows * settings.time * settings.segments * max(1, len(settings.data))
    flops = 2.0 * tokens * (weights or 1_000_000 * len(settings.models))
    return Estimate(
        tokens=tokens,
        flops=flops,
        memory_bytes=600_000_000,
        disk_bytes=200_000,
        seconds=2.0 + flops / flops_per_second(machine),
    )
