"""Weights that multiply in bf16 and learn in f32: the model holds the rounded ones, the training's state their masters.

With autocast every matrix is rounded again in each pass and its gradient is widened; here it is rounded once, after the
step that changed it, and its gradient stays as short as it was computed. The numbers that are multiplied are the same.
"""

# pyright: reportPrivateImportUsage=false

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from groundup.model.linear import Linear, Stack
from groundup.training.settings import BF16_WEIGHTS, TrainSettings

NARROW = torch.bfloat16


def matrices(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that texts are multiplied with, by name, if they learn. A table of tokens is not among them: its gradient is
    a sum over many tokens, of which bf16 would lose the late ones."""
    names = {id(each.weight) for each in model.modules() if isinstance(each, Linear | Stack)}
    return {name: value for name, value in model.named_parameters() if id(value) in names and value.requires_grad}


class Masters:
    """What a model holds in bf16 during a training; `wide` are the masters, by the names of their parameters."""

    def __init__(self, model: nn.Module, settings: TrainSettings, several: bool = False):
        self.held = matrices(model) if settings.precision == BF16_WEIGHTS else {}
        self.wide: dict[str, Tensor] = {}
        for name, value in self.held.items():
            self.wide[name] = value.detach()
            value.data = value.data.to(NARROW)
            if several or settings.accumulate > 1:
                value.grad_dtype = self.wide[name].dtype  # sums over the parts of a step are exact

    @torch.no_grad()
    def show(self) -> None:
        """The masters have changed: the model holds them, rounded."""
        if self.held:
            torch._foreach_copy_([value.data for value in self.held.values()], list(self.wide.values()))

    def release(self) -> None:
        """The training is over: the masters are the model's weights."""
        for name, value in self.held.items():
            value.grad, value.grad_dtype = None, self.wide[name].dtype
            value.data = self.wide[name]


@contextmanager
def as_trained(model: nn.Module, settings: TrainSettings) -> Iterator[None]:
    """Inside, weights are as short as in the training, for whoever measures beforehand."""
    masters = Masters(model, settings)
    try:
        yield
    finally:
        masters.release()


class Short(Mapping[str, Tensor]):
    """Gradients that become as wide as their weights, and are clipped, when their turn comes; each is given out once."""

    def __init__(self, gradients: dict[str, Tensor], dtype: torch.dtype, clipped: Callable[[list[Tensor]], None]):
        self.gradients, self.dtype, self.clipped = gradients, dtype, clipped

    def __getitem__(self, name: str) -> Tensor:
        wide = self.gradients.pop(name).to(self.dtype)
        self.clipped([wide])
        return wide

    def __iter__(self) -> Iterator[str]:
        return iter(self.gradients)

    def __len__(self) -> int:
        return len(self.gradients)
