"""Integers times integers: what comes in is rounded to 8 bits too, each vector by its own largest number.

Processors that multiply bytes (VNNI, AMX, NEON's dot products) do so several times as fast as numbers with fractions. The
scale of a vector is found while the text passes; nothing has to be calibrated.
"""

from functools import cache

import torch
from torch import Tensor

from groundup.model.quantised.rows import Int8Linear

INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")


def to_vectors(x: Tensor) -> tuple[Tensor, Tensor]:
    """x (n, columns) -> integers (n, columns) int8 and the step of each vector (n, 1) f32."""
    wide = x.float()
    steps = wide.abs().amax(-1, keepdim=True) / 127
    return (wide / steps.clamp(min=1e-30)).round().clamp(-127, 127).to(torch.int8), steps


def product_by_definition(integers: Tensor, weight: Tensor) -> Tensor:
    """integers (n, columns) int8, weight (rows, columns) int8 -> sums of products (n, rows), exact whatever their number."""
    return integers.double() @ weight.double().T


def product(integers: Tensor, weight: Tensor) -> Tensor:
    """The same in 32 bits where the machine multiplies bytes, and otherwise with fractions, which round what is beyond 2²⁴."""
    if integers.device.type == "cpu" and multiplies_bytes():
        return torch.ops.aten._int_mm(integers, weight.T)
    return integers.float() @ weight.float().T


@cache
def multiplies_bytes() -> bool:
    """Whether the processor has instructions for it and torch has a kernel that computes the right sums."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            known = next((line for line in file if line.startswith(("flags", "Features"))), "").split()
    except OSError:
        return False
    if not any(name in known for name in INSTRUCTIONS) or not hasattr(torch.ops.aten, "_int_mm"):
        return False
    dice = torch.Generator().manual_seed(1)
    x, weight = (torch.randint(-127, 128, (rows, 64), dtype=torch.int8, generator=dice) for rows in (3, 32))
    try:
        return torch.equal(torch.ops.aten._int_mm(x, weight.T).double(), product_by_definition(x, weight))
    except RuntimeError:
        return False


class BothInt8Linear(Int8Linear):
    """A projection of integers whose inputs become integers as well."""

    def forward(self, x: Tensor) -> Tensor:
        integers, steps = to_vectors(x.reshape(-1, x.shape[-1]))
        y = product(integers, self.weight).float() * steps * self.weight_scale
        y = y if self.bias is None else y + self.bias.float()
        return y.to(x.dtype).view(*x.shape[:-1], -1)
