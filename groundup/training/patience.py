"""Early stopping: a training ends when held-out text has been foretold no better for a while (Prechelt 1998).

The weights of its best look are kept aside and are what it ends with, unless the last ones are asked for.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from groundup.training.settings import RegulariserSettings

UNKNOWN = -1  # the step of the best look while there was none


class Patience:
    """Counts looks since the best one. What it knows is in the state of the training, on the host."""

    def __init__(self, settings: RegulariserSettings, weights: Mapping[str, Tensor]):
        self.patience, self.delta = settings.patience, settings.min_delta
        self.best = torch.full((), math.inf, dtype=torch.float64)
        self.waited = torch.zeros((), dtype=torch.int64)
        self.step = torch.full((), UNKNOWN, dtype=torch.int64)  # of the best look
        self.weights = dict(weights) if self.patience and settings.best_kept else {}
        self.kept = {name: value.detach().to("cpu", copy=True) for name, value in self.weights.items()}
        self.slots: dict[str, Tensor] = {}
        if self.patience:
            self.slots = {"patience.best": self.best, "patience.waited": self.waited}
        if self.kept:
            self.slots |= {f"patience.{name}": value for name, value in self.kept.items()} | {
                "patience.step": self.step
            }

    @torch.no_grad()
    def over(self, loss: float | None, step: int) -> bool:
        """Whether this look was the last: none of the newest `patience` was better than the best by more than `min_delta`."""
        if not self.patience or loss is None:
            return False
        if loss < self.best.item() - self.delta:
            self.best.fill_(loss)
            self.step.fill_(step)
            self.waited.zero_()
            for name, value in self.weights.items():  # as they are looked at: the average, if that is what is used
                self.kept[name].copy_(value)
        else:
            self.waited += 1
        return self.waited.item() >= self.patience

    @torch.no_grad()
    def settle(self) -> None:
        """The training is over: the weights of the best look take the place of the last ones."""
        if self.step.item() != UNKNOWN:
            for name, value in self.weights.items():
                value.copy_(self.kept[name])
