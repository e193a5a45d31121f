"""Training on one card: the share of its peak that GPT-2 124M reaches, and who foretells best after equal wall-clock.

The same code runs on a processor with tiny sizes, which is how it is tested.
"""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bench.gpu.contestants import Contestant
from groundup.data.tokens.batches import Batch, pages
from groundup.data.tokens.shards import Shards
from groundup.model import cost
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training.compiling import compiled
from groundup.training.loop import Training, measure, train
from groundup.training.settings import TrainSettings

WARM, TIMED = 3, 10  # steps that do not count, and that do


@dataclass(frozen=True)
class Card:
    """What computes: `peak` floating-point operations a second in `precision` (0: not known)."""

    device: str
    name: str
    peak: float
    precision: torch.dtype
    compiling: bool = True


class Drawn:
    """Rows of ids that say nothing: speed does not depend on them."""

    def __init__(self, rows: int, length: int, vocabulary: int):
        self.rows, self.time, self.vocabulary = rows, length, vocabulary

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step."""
        count = self.rows if rows is None else len(rows)
        text = np.random.default_rng(step).integers(0, self.vocabulary, (count, self.time + 1))
        return Batch(text[:, :-1], text[:, 1:], np.ones((count, self.time), np.float32))


def built(who: Contestant, vocabulary: int, card: Card) -> Transformer:
    """Its model on the card, as the training stage would set it up; all logits at once, for there is room."""
    model = Transformer(who.sizes(vocabulary)).to(card.device).train()
    model.compute = card.precision
    model.attention, model.logits = "fused", "whole"
    return model


def parts(rows: int, together: int) -> int:
    """Into how many equal parts rows are split so that at most `together` pass at once."""
    return next(
        count for count in range(max(1, rows // together), rows + 1) if rows % count == 0 and rows // count <= together
    )


def seconds_a_step(
    model: Transformer, objective: Any, settings: TrainSettings, timed: int = TIMED
) -> tuple[float, float]:
    """(seconds of one step once it is warm, seconds that warming up took: compiling, most of all)."""
    training, start = Training(model, objective, settings, model.compute), time.perf_counter()
    for step in range(WARM):
        training.advance(step)
    training.sums["loss"].item()  # whatever computes has then come to its end
    warm = time.perf_counter()
    for step in range(WARM, WARM + timed):
        training.advance(step)
    training.sums["loss"].item()
    return (time.perf_counter() - warm) / timed, warm - start


def utilisation(who: Contestant, vocabulary: int, card: Card, rows: int, steps: int = TIMED) -> dict[str, Any]:
    """MFU of steps of so many rows that pass at once, on ids that say nothing."""
    model = built(who, vocabulary, card)
    settings = who.settings(1000, rows=rows, accumulate=1)
    objective = NextToken(Drawn(rows, settings.time, vocabulary))
    with compiled(model) if card.compiling else nullcontext():
        each, warming = seconds_a_step(model, objective, settings, steps)
    speed = rows * settings.time / each
    flops = speed * cost.flops_per_token(model.settings, settings.time, backward=True)
    return {
        "part": "mfu",
        "model": who.name,
        "compiled": card.compiling,
        "rows": rows,
        "tokens_per_s": round(speed),
        "teraflops": round(flops / 1e12, 2),
        "mfu": round(flops / card.peak, 4) if card.peak else None,
        "warming_up_s": round(warming, 1),
    }


def race(
    who: Contestant, tokens: Shards, held_out: Shards, card: Card, seconds: float, together: int
) -> dict[str, Any]:
    """As many steps as `seconds` allow, its schedule drawn over these; then the loss on held-out windows, the same for all.

    Warming up does not count: with a compiled model kept between runs, nobody pays it twice.
    """
    model = built(who, tokens.vocabulary, card)
    first = who.settings(1000)
    split = parts(first.rows, together)
    objective = NextToken(pages(tokens, first.rows, first.time, seed=1))
    with compiled(model) if card.compiling else nullcontext():
        each, warming = seconds_a_step(model, objective, who.settings(1000, accumulate=split), timed=2)
        model.initialise(1)
        steps, start = max(1, int(seconds / each)), time.perf_counter()
        train(model, objective, who.settings(steps, accumulate=split), dtype=model.compute)
        spent = time.perf_counter() - start
    loss, foretold = validation(model, held_out, together)
    return {
        "part": "race",
        "who": who.name,
        "steps": steps,
        "tokens": steps * first.rows * first.time,
        "seconds": round(spent, 1),
        "warming_up_s": round(warming, 1),
        "val_loss": round(loss, 4),
        "foretold": foretold,
        "missing": who.missing,
    }


def validation(model: Transformer, held_out: Shards, together: int, length: int = 1024) -> tuple[float, int]:
    """(mean nats, tokens foretold) over windows of the held-out text that are of one length for all contestants."""
    length = min(length, model.settings.context, len(held_out.tokens) // 2)
    windows = (len(held_out.tokens) - length) // length
    rows = min(together, windows)
    objective = NextToken(pages(held_out, rows, length, seed=0))
    steps = range(windows // rows)
    return measure(model, objective, steps)["next_token"], len(steps) * rows * length
