"""Weights in eight bits: each row of a matrix as integers from -127 to 127 and one number that stretches them.

A trained model goes in and one of a quarter of the size comes out, which answers almost the same; what "almost" costs
is measured in bits per byte, not promised here.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.embedding import out_of_range

FEW = 16  # up to so many vectors at once torch's int8 kernel is the fastest; above it, widening the weights first is


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """weight (…, rows, columns) -> integers (…, rows, columns) int8, scales (…, rows) f32: weight ≈ integers · scale."""
    wide = weight.detach().float()
    scales = wide.abs().amax(-1) / 127
    if not scales.isfinite().all():
        raise Problem("A weight is infinite or not a number, so it cannot be written in 8 bits: was training healthy?")
    integers = (wide / scales.clamp(min=1e-30)[..., None]).round().clamp(-127, 127).to(torch.int8)
    return integers, scales


def from_int8(integers: Tensor, scales: Tensor) -> Tensor:
    """What the integers stand for (…, rows, columns) f32."""
    return integers.float() * scales[..., None]


class Rows:
    """The form of a matrix with one scale for each row."""

    def write(self, weight: Tensor) -> dict[str, Tensor]:
        """weight (…, rows, columns) -> the tensors that stand for it, by the ends of their names."""
        integers, scales = to_int8(weight)
        return {"weight": integers, "weight_scale": scales}

    def empty(self, weight: Tensor) -> dict[str, Tensor]:
        """Tensors without content for a matrix of this shape, on its device."""
        return {
            "weight": torch.empty_like(weight, dtype=torch.int8),
            "weight_scale": weight.new_empty(weight.shape[:-1]),
        }


def linear_by_definition(x: Tensor, integers: Tensor, scales: Tensor) -> Tensor:
    """x (…, columns) times the weights that the integers stand for."""
    return F.linear(x, from_int8(integers, scales).to(x.dtype))


def linear_int8(x: Tensor, integers: Tensor, scales: Tensor) -> Tensor:
    """The same without ever holding the wide matrix: the scale is applied to what comes out."""
    if x.dtype == torch.bfloat16 and x.device.type == "cpu" and x.numel() <= FEW * x.shape[-1]:
        flat = x.reshape(-1, x.shape[-1])
        return torch.ops.aten._weight_int8pack_mm(flat, integers, scales.to(x.dtype)).view(*x.shape[:-1], -1)
    return F.linear(x, integers.to(x.dtype)) * scales.to(x.dtype)


class Int8Linear(nn.Module):
    """A projection whose weights are integers; it takes no part in training."""

    weight: Tensor
    weight_scale: Tensor

    def __init__(self, integers: Tensor, scales: Tensor, bias: Tensor | None):
        super().__init__()
        self.register_buffer("weight", integers)
        self.register_buffer("weight_scale", scales)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def wide(self) -> Tensor:
        """What the integers stand for."""
        return from_int8(self.weight, self.weight_scale)

    def forward(self, x: Tensor) -> Tensor:
        y = linear_int8(x, self.weight, self.weight_scale)
        return y if self.bias is None else y + self.bias.to(x.dtype)


class Int8Stack(nn.Module):
    """The matrices of all experts as integers."""

    weight: Tensor
    weight_scale: Tensor

    def __init__(self, integers: Tensor, scales: Tensor):
        super().__init__()
        self.register_buffer("weight", integers)
        self.register_buffer("weight_scale", scales)

    def wide(self) -> Tensor:
        """What the integers stand for, of all experts at once."""
        return from_int8(self.weight, self.weight_scale)

    def each(self, dtype: torch.dtype) -> "Widened":
        """What the integers stand for, expert by expert, each when it is asked for."""
        return Widened(self.weight, self.weight_scale, dtype)


class Widened(Sequence[Tensor]):
    """Matrices (count, rows, columns) that are widened one at a time: most experts are not chosen."""

    def __init__(self, integers: Tensor, scales: Tensor, dtype: torch.dtype):
        self.integers, self.scales, self.dtype = integers, scales, dtype

    def __len__(self) -> int:
        return len(self.integers)

    def __getitem__(self, expert: int) -> Tensor:  # type: ignore[override]
        return from_int8(self.integers[expert], self.scales[expert]).to(self.dtype)


class Int8Embedding(nn.Module):
    """A table of vectors whose numbers are integers."""

    weight: Tensor
    weight_scale: Tensor

    def __init__(self, integers: Tensor, scales: Tensor):
        super().__init__()
        self.rows = len(integers)
        self.register_buffer("weight", integers)
        self.register_buffer("weight_scale", scales)

    def forward(self, ids: Tensor) -> Tensor:
        try:
            return F.embedding(ids, self.weight).float() * F.embedding(ids, self.weight_scale[:, None])
        except IndexError:
            raise Problem(out_of_range(ids, self.rows)) from None

    def wide(self) -> Tensor:
        """What the integers stand for."""
        return from_int8(self.weight, self.weight_scale)

    def table(self) -> Tensor:
        """All vectors (vocabulary, width)."""
        return self.wide()

    def project(self, x: Tensor) -> Tensor:
        return linear_int8(x, self.weight, self.weight_scale)
