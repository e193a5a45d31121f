"""The one projection: every matrix that a text passes through is multiplied here.

Weights may be held in f32 while the text is computed in bf16: the cast happens at the multiplication, so a training
step reads its masters and gradients arrive in f32. Adapters, int8 and sharding replace this one place.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (…, in), weight (out, in) -> x·weightᵀ + bias (…, out), computed in the precision of x."""
    return F.linear(x, weight.to(x.dtype), None if bias is None else bias.to(x.dtype))


class Linear(nn.Module):
    """A matrix, and how it starts: uniform with deviation scale/√in, or all zero where `scale` is 0."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False, scale: float = 1.0):
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        # Uniform rather than normal: the same bits on every processor, and no far outlier to begin with.
        bound = self.scale * math.sqrt(3 / self.weight.shape[1])
        self.weight.copy_((torch.rand(self.weight.shape, generator=generator) * 2 - 1) * bound)
        if self.bias is not None:
            self.bias.zero_()

    def wide(self) -> Tensor:
        """The matrix itself, for those who multiply it into another."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class Stack(nn.Module):
    """As many matrices of one shape as there are experts: weight (count, outputs, inputs)."""

    def __init__(self, count: int, inputs: int, outputs: int, scale: float = 1.0):
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(count, outputs, inputs))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        bound = self.scale * math.sqrt(3 / self.weight.shape[2])
        self.weight.copy_((torch.rand(self.weight.shape, generator=generator) * 2 - 1) * bound)

    def each(self, dtype: torch.dtype) -> tuple[Tensor, ...]:
        """The matrices one by one. Their gradients come back in one piece, which `weight[expert]` would not grant."""
        return self.weight.to(dtype).unbind()
