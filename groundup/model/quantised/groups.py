"""A few neighbours in a row share one scale: integers of 8 or 4 bits, and for each group the step between two of them.

One number far from zero coarsens only its own group and not the whole row. Rows whose length the group does not divide
end in a shorter group. Integers of 4 bits lie two in a byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.quantised.packed import packed, unpacked

RANGES = {8: (-127, 127), 4: (-8, 7)}
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Groups:
    """weight ≈ (integer - zero) · scale, with a scale (and, where asked for, a zero) for each group of a row."""

    bits: int
    group: int
    zero: bool = False  # whether a group's range may lie anywhere around zero, and not alike on both sides

    def write(self, weight: Tensor) -> dict[str, Tensor]:
        """weight (…, rows, columns) -> the tensors that stand for it, by the ends of their names."""
        steps, zeros = self.fit(weight)
        return self.together(self.nearest(weight, steps, zeros), steps, zeros)

    def fit(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """weight (…, rows, columns) -> steps f16 (…, rows, groups), rounded up so that no number is cut off, and zeros
        of the same shape: the integers that mean zero."""
        lows, highs = ends(weight.detach().float(), self.group)
        bottom, top = RANGES[self.bits]
        if self.zero:
            steps = rounded_up((highs.clamp(min=0) - lows.clamp(max=0)) / (top - bottom))
            inverse = inverses(steps)
            return steps, (bottom - (lows.clamp(max=0) * inverse).round()).clamp(bottom, top)
        return rounded_up(torch.maximum(highs / top, lows / bottom).clamp(min=0)), torch.zeros_like(lows)

    def nearest(self, weight: Tensor, steps: Tensor, zeros: Tensor) -> Tensor:
        """The integers (…, rows, columns) int8 that come nearest to the weight."""
        columns, (bottom, top) = weight.shape[-1], RANGES[self.bits]
        shares = weight.detach().float() * spread(inverses(steps), self.group, columns)
        return (shares + spread(zeros, self.group, columns)).round().clamp(bottom, top).to(torch.int8)

    def together(self, integers: Tensor, steps: Tensor, zeros: Tensor) -> dict[str, Tensor]:
        """What was found, as it lies in memory and in files."""
        stored = packed if self.bits == 4 else torch.clone
        made = {"weight": stored(integers), "weight_scale": steps}
        return made | ({"weight_zero": stored(zeros.to(torch.int8))} if self.zero else {})

    def empty(self, weight: Tensor) -> dict[str, Tensor]:
        """Tensors without content for a matrix of this shape, on its device."""
        *rows, columns = weight.shape
        groups = -(-columns // self.group)
        halves = (lambda count: -(-count // 2)) if self.bits == 4 else (lambda count: count)
        kind = torch.uint8 if self.bits == 4 else torch.int8
        made = {
            "weight": weight.new_empty(*rows, halves(columns), dtype=kind),
            "weight_scale": weight.new_empty(*rows, groups, dtype=torch.float16),
        }
        return made | ({"weight_zero": weight.new_empty(*rows, halves(groups), dtype=kind)} if self.zero else {})

    def integers(self, tensors: Tensors, columns: int) -> Tensor:
        """(…, rows, columns) int8."""
        return unpacked(tensors["weight"], columns) if self.bits == 4 else tensors["weight"]

    def scales(self, tensors: Tensors) -> Tensor:
        """(…, rows, groups) f32."""
        return tensors["weight_scale"].float()

    def zeros(self, tensors: Tensors) -> Tensor:
        """(…, rows, groups) int8."""
        found = tensors.get("weight_zero")
        if found is None:
            return torch.zeros_like(tensors["weight_scale"], dtype=torch.int8)
        return unpacked(found, tensors["weight_scale"].shape[-1]) if self.bits == 4 else found

    def read(self, tensors: Tensors, columns: int) -> Tensor:
        """What the tensors stand for (…, rows, columns) f32."""
        wide = self.integers(tensors, columns).float()
        if self.zero:
            wide -= spread(self.zeros(tensors).float(), self.group, columns)
        return wide * spread(self.scales(tensors), self.group, columns)

    def look_up(self, tensors: Tensors, ids: Tensor, columns: int) -> Tensor:
        """The rows of these numbers (…, columns) f32."""
        return self.read({name: F.embedding(ids, tensor) for name, tensor in tensors.items()}, columns)


def plain_groups(row: Tensor, bits: int, group: int) -> Iterator[tuple[float, list[int]]]:
    """By definition, one row (columns) without zeros: each group's step and its integers."""
    bottom, top = RANGES[bits]
    for part in row.split(group):
        step = float(rounded_up(torch.tensor([max(float(part.max()) / top, float(part.min()) / bottom, 0.0)])))
        yield step, [min(range(bottom, top + 1), key=lambda q: abs(q * step - float(number))) for number in part]


def ends(weight: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """weight (…, columns) -> the lowest and the highest number of each group, both (…, groups)."""
    whole = weight.shape[-1] // group * group
    parts = [weight[..., :whole].unflatten(-1, (-1, group))] if whole else []
    parts += [weight[..., None, whole:]] if whole < weight.shape[-1] else []
    return torch.cat([part.amin(-1) for part in parts], -1), torch.cat([part.amax(-1) for part in parts], -1)


def spread(values: Tensor, group: int, columns: int) -> Tensor:
    """A number for each group (…, groups) -> for each column (…, columns)."""
    return values.repeat_interleave(group, -1)[..., :columns]


def rounded_up(steps: Tensor) -> Tensor:
    """f32 -> f16, never smaller: with a smaller step the number farthest from zero would be out of reach."""
    half = steps.to(torch.float16)
    half = torch.where(half.float() < steps, torch.nextafter(half, half.new_tensor(float("inf"))), half)
    if not half.isfinite().all():
        raise Problem("A weight is infinite, not a number, or too large for scales of 16 bits: was training healthy?")
    return half


def inverses(steps: Tensor) -> Tensor:
    """1 / step in f32, and 0 for 0: where there is no range every integer is zero."""
    wide = steps.float()
    return torch.where(wide == 0, 0.0, 1 / wide)
