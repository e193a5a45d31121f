"""Early stopping: a training ends when held-out text has been foretold no better for a while (Prechelt 1998)."""

import math

import torch
from torch import Tensor

from groundup.training.settings import RegulariserSettings


class Patience:
    """Counts looks since the best one. What it knows is in the state of the training, on the host."""

    def __init__(self, settings: RegulariserSettings):
        self.patience, self.delta = settings.patience, settings.min_delta
        self.best = torch.full((), math.inf, dtype=torch.float64)
        self.waited = torch.zeros((), dtype=torch.int64)
        self.slots: dict[str, Tensor] = {}
        if self.patience:
            self.slots = {"patience.best": self.best, "patience.waited": self.waited}

    def over(self, loss: float | None) -> bool:
        """Whether this look was the last: none of the newest `patience` was better than the best by more than `min_delta`."""
        if not self.patience or loss is None:
            return False
        if loss < self.best.item() - self.delta:
            self.best.fill_(loss)
            self.waited.zero_()
        else:
            self.waited += 1
        return self.waited.item() >= self.patience
