"""Before a long training: can one batch be learnt by heart? A model that cannot do that will learn nothing from many.

A copy of the model takes a few dozen steps on the first batch, with the training's own optimizer. The model, its training
and the random numbers of torch are left as they were, so that the training that follows has the bits it would have had.
"""

import copy
import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from groundup.data.tokens.batches import Batch
from groundup.errors import Problem
from groundup.training.loop import Training
from groundup.training.settings import ScheduleSettings, TrainSettings
from groundup.training.terms import Adjusting, Chain, Objective, Term

STEPS = 40
FALLS = 0.9  # the loss must end below this share of where it began
WATCH = (
    "the learning rates (training.optimizer.rate, table_rate, vector_rate: too high if the loss grew, too low if it "
    "stayed), frozen tables (vectors.frozen), a batch in which nothing is to be learnt (labels, masks, answers), and "
    "targets that do not follow from what is read"
)


class OneBatch:
    """An objective whose every step is the first `rows` rows of step 0."""

    def __init__(self, objective: Objective, rows: int):
        self.objective, self.rows, self.time = objective, rows, objective.time
        self.known = objective.batch(0, range(rows))
        if isinstance(objective, Chain):
            self.losses = objective.losses

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.known

    def counts(self, batch: Batch) -> dict[str, float]:
        return self.objective.counts(batch)

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        return self.objective.loss(model, batch)

    def after_step(self) -> None:
        if isinstance(self.objective, Adjusting):
            self.objective.after_step()


def overfit(
    model: nn.Module,
    objective: Objective,
    settings: TrainSettings,
    dtype: torch.dtype | None = None,
    stopping: Callable[[], bool] = lambda: False,
    steps: int = STEPS,
) -> tuple[float, float]:
    """The loss of one batch before and after so many steps on it, by a copy of the model; a Problem if it did not fall."""
    rows = objective.rows // settings.accumulate  # what is held in memory at once
    constant = ScheduleSettings(kind="constant")
    few = settings.model_copy(update={"steps": steps, "rows": rows, "accumulate": 1, "schedule": constant})
    devices = [torch.cuda.current_device()] if next(model.parameters()).is_cuda else []
    with torch.random.fork_rng(devices):
        training = Training(copy.deepcopy(model), OneBatch(objective, rows), few, dtype)
        before = loss_of(training)
        for step in range(steps):
            if stopping():
                raise KeyboardInterrupt
            training.advance(step)
        after = loss_of(training)
    if not (math.isfinite(before) and after < FALLS * before):
        raise Problem(
            f"one batch of {rows} rows was not learnt by heart: its loss was {before:.4g} before and {after:.4g} after "
            f"{steps} steps on it alone. Look at {WATCH}."
        )
    return before, after


def verdict(before: float, after: float, steps: int = STEPS) -> str:
    """What a person is told of a batch that was learnt."""
    return f"one batch can be learnt: its loss fell from {before:.3f} to {after:.3f} in {steps} steps"


@torch.no_grad()
def loss_of(training: Training) -> float:
    """The loss of the batch as the model is now."""
    batch = training.objective.batch(0)
    terms = training.objective.loss(training.model, batch).values()
    return sum(term.coefficient * float(term.sum) / max(term.count, 1.0) for term in terms)
