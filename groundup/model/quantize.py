"""Weights in eight bits: each row of a matrix as integers from -127 to 127 and one number that stretches them.

A trained model goes in and one of a quarter of the size comes out, which answers almost the same; what "almost" costs
is measured in bits per byte, not promised here.
"""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.embedding import Embedding, out_of_range
from groundup.model.linear import Linear, Stack
from groundup.model.masks import make_permanent
from groundup.model.transformer import Transformer

Quantised = Callable[[Tensor], tuple[Tensor, Tensor]]
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

    def project(self, x: Tensor) -> Tensor:
        return linear_int8(x, self.weight, self.weight_scale)


def int8(model: Transformer) -> Transformer:
    """A copy of the model with every matrix in 8 bits: projections, embeddings and head."""
    if is_int8(model):
        return model
    return _with_each_matrix_replaced(make_permanent(copy.deepcopy(model)), to_int8)


def hollow(model: Transformer) -> Transformer:
    """A model without memory (on the meta device) made ready to be filled with 8-bit weights."""

    def shapes(weight: Tensor) -> tuple[Tensor, Tensor]:
        return torch.empty_like(weight, dtype=torch.int8), weight.new_empty(weight.shape[:-1])

    return _with_each_matrix_replaced(model, shapes)


def is_int8(model: nn.Module) -> bool:
    """Whether its matrices are integers."""
    return any(isinstance(module, Int8Linear | Int8Embedding) for module in model.modules())


def plain_tensors(model: nn.Module) -> dict[str, Tensor]:
    """All tensors by name with integers widened to f32: what other formats are written from."""
    state = model.state_dict()
    scales = {name.removesuffix("_scale"): state.pop(name) for name in list(state) if name.endswith(".weight_scale")}
    return {name: from_int8(tensor, scales[name]) if name in scales else tensor for name, tensor in state.items()}


def _with_each_matrix_replaced(model: Transformer, quantised: Quantised) -> Transformer:
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is Linear:
                integers, scales = quantised(child.weight)
                setattr(parent, name, Int8Linear(integers, scales, child.bias))
            elif type(child) is Stack:
                setattr(parent, name, Int8Stack(*quantised(child.weight)))
            elif type(child) is Embedding:
                integers, scales = quantised(child.weight)
                setattr(parent, name, Int8Embedding(integers, scales))
    return model.eval()
