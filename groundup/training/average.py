"""A running average of the weights, often better than any of them (Polyak and Juditsky 1992; Tarvainen and Valpola 2017)."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class Average:
    """a ← d·a + (1-d)·w after step t = 0, 1, …, with d = min(`share`, (1+t)/(10+t)): early weights are soon forgotten."""

    def __init__(self, parameters: Mapping[str, Tensor], share: float, used: bool):
        self.share, self.used = share, used
        self.parameters = dict(parameters) if share else {}
        self.slots = {f"average.{name}": value.detach().clone() for name, value in self.parameters.items()}

    @torch.no_grad()
    def update(self, step: int, strength: Tensor) -> None:
        """After step `step`, unless its strength is 0."""
        if self.slots:
            fresh = (1 - min(self.share, (1 + step) / (10 + step))) * strength
            averages = list(self.slots.values())
            far = torch._foreach_sub(list(self.parameters.values()), averages)
            torch._foreach_mul_(far, fresh)
            torch._foreach_add_(averages, far)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The model has the average for weights, if that is what it is for; afterwards its own again."""
        if not self.used:
            yield
            return
        own = {name: value.detach().clone() for name, value in self.parameters.items()}
        self.settle()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in self.parameters.items():
                    value.copy_(own[name])

    @torch.no_grad()
    def settle(self) -> None:
        """The training is over: the average takes the place of the last weights, if that is what it is for."""
        if self.used:
            for name, value in self.parameters.items():
                value.copy_(self.slots[f"average.{name}"])
