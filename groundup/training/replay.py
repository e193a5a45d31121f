"""One step computed again, to see what it did: its loss by term and by row, its gradient by layer, whose texts it read.

A step is a function of (state, step), so whatever happened in a run can be looked at later, from a checkpoint before it.
"""

import math
from dataclasses import dataclass, field

import torch

from groundup.training.guard import ASKED, WHY
from groundup.training.loop import Training
from groundup.training.schedules import rate
from groundup.training.watch import gradients


@dataclass(frozen=True)
class Row:
    """One row of a step's batch."""

    document: int | None  # the first of its texts
    loss: float  # in nats, of this row alone


@dataclass(frozen=True)
class Replayed:
    """What a step did."""

    step: int  # 1 is the first
    loss: float
    gradient: float  # length before clipping
    rate: float  # factor of the learning rates
    left_out: str  # why it did not reach the weights, or nothing
    terms: dict[str, float] = field(default_factory=dict)
    layers: dict[str, float] = field(default_factory=dict)  # layer.N.gradient -> length
    rows: list[Row] = field(default_factory=list)


def replay(training: Training, step: int) -> Replayed:
    """Make step `step` of a training that has made all before it; it is computed even where training.skip names it."""
    training.settings = training.settings.model_copy(update={"skip": []})
    rows = [_row(training, step - 1, row) for row in range(training.objective.rows)]
    layers: dict[str, float] = {}
    with gradients(training, layers):
        means = training.advance(step - 1)
    assert training.guard.last is not None
    loss, norm = (value.item() for value in training.guard.last)
    why = training.left_out(step).get(step)
    factor = rate(step - 1, training.settings.steps, training.settings.schedule)
    terms = {name: value.item() for name, value in means.items()}
    return Replayed(step, loss, norm, factor, WHY.get(why or ASKED, "") if why else "", terms, layers, rows)


@torch.no_grad()
def _row(training: Training, at: int, row: int) -> Row:
    objective = training.objective
    batch = objective.batch(at, [row])
    terms = objective.loss(training.model, batch).values()
    loss = sum(term.coefficient * term.sum.item() / max(term.count, 1.0) for term in terms if term.coefficient)
    return Row(None if batch.documents is None else int(batch.documents[0]), loss)


def words(seen: Replayed) -> list[str]:
    """The same for a person, the rows that cost most first."""
    told = [
        f"loss {seen.loss:.6g} nats, gradient {seen.gradient:.6g} before clipping, learning rates x {seen.rate:.4g}"
    ]
    told += [f"term {name} {value:.6g}" for name, value in seen.terms.items()]
    told.append(f"left out: {seen.left_out}" if seen.left_out else "it reached the weights")
    told += [f"{name} {value:.6g}" for name, value in seen.layers.items()]
    worst = sorted(enumerate(seen.rows), key=lambda item: -item[1].loss if math.isfinite(item[1].loss) else -math.inf)
    return told + [f"row {at}: document {row.document}, loss {row.loss:.6g}" for at, row in worst]
