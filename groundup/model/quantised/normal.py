"""Four bits on a scale that is dense where weights are: NF4, sixteen levels that normally distributed numbers use alike often.

A block of 64 neighbours in a row shares its largest number as a scale, and scales are themselves written in 8 bits with one
scale for 256 of them (Dettmers et al. 2023), the definition of bitsandbytes wherever rows are whole blocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.quantised.groups import ends, spread
from groundup.model.quantised.packed import codes, packed

BLOCK, BLOCK_OF_SCALES = 64, 256
FARTHEST = 0.9677083  # the quantile of the outermost level: (1 - 1/(2·15) + 1 - 1/(2·16)) / 2
Tensors = Mapping[str, Tensor]


@cache
def levels() -> Tensor:
    """The sixteen numbers from -1 to 1 (16) f32: quantiles of a normal distribution, eight above zero, zero, seven below."""
    quantiles = torch.linspace(FARTHEST, 0.5, 9, dtype=torch.float64)[:-1]
    above = torch.special.ndtri(quantiles)
    below = -torch.special.ndtri(torch.linspace(FARTHEST, 0.5, 8, dtype=torch.float64)[:-1])
    found = torch.cat([below, above.new_zeros(1), above]).sort().values
    return (found / found.max()).float()


@cache
def levels_of_scales() -> Tensor:
    """256 numbers from -1 to 1, dense near zero (256) f32: of each power of ten twice as many as of the one below it."""
    found = [0.0, 1.0]
    for power in range(7):
        borders = torch.linspace(0.1, 1, 2**power + 1, dtype=torch.float64)
        middles = (borders[1:] + borders[:-1]) / 2 * 10.0 ** (power - 6)
        found += [*middles.tolist(), *(-middles).tolist()]
    return torch.tensor(sorted(found))


def nearest(values: Tensor, among: Tensor) -> Tensor:
    """For each value the number of the level that is nearest to it, uint8."""
    return torch.bucketize(values, (among[1:] + among[:-1]) / 2).to(torch.uint8)


@dataclass(frozen=True)
class Normal:
    """weight ≈ level[code] · scale of its block; scale ≈ level of scales[code] · largest of 256 + mean."""

    group: int = BLOCK

    def write(self, weight: Tensor) -> dict[str, Tensor]:
        """weight (…, rows, columns) -> the tensors that stand for it, by the ends of their names."""
        wide = weight.detach().float()
        if not wide.isfinite().all():
            raise Problem(
                "A weight is infinite or not a number, so it cannot be written in 4 bits: was training healthy?"
            )
        lows, highs = ends(wide, self.group)
        scales = torch.maximum(-lows, highs)
        inverse = torch.where(scales == 0, 0.0, 1 / scales)
        found = nearest(wide * spread(inverse, self.group, wide.shape[-1]), levels())
        return {"weight": packed(found)} | written_scales(scales)

    def empty(self, weight: Tensor) -> dict[str, Tensor]:
        """Tensors without content for a matrix of this shape, on its device."""
        *before, rows, columns = weight.shape
        groups = -(-columns // self.group)
        few = -(-rows * groups // BLOCK_OF_SCALES)
        return {
            "weight": weight.new_empty(*before, rows, -(-columns // 2), dtype=torch.uint8),
            "weight_scale": weight.new_empty(*before, rows, groups, dtype=torch.uint8),
            "weight_scale_largest": weight.new_empty(*before, few, dtype=torch.float32),
            "weight_scale_mean": weight.new_empty(*before, 1, dtype=torch.float32),
        }

    def integers(self, tensors: Tensors, columns: int) -> Tensor:
        """The numbers of the levels (…, rows, columns) int8, 0 to 15."""
        return codes(tensors["weight"], columns).view(torch.int8)

    def scales(self, tensors: Tensors) -> Tensor:
        """(…, rows, groups) f32."""
        return read_scales(tensors)

    def read(self, tensors: Tensors, columns: int) -> Tensor:
        """What the tensors stand for (…, rows, columns) f32."""
        return self.values(tensors["weight"], self.scales(tensors), columns)

    def look_up(self, tensors: Tensors, ids: Tensor, columns: int) -> Tensor:
        """The rows of these numbers (…, columns) f32."""
        chosen = F.embedding(ids, tensors["weight"])
        return self.values(chosen, F.embedding(ids, self.scales(tensors)), columns)

    def values(self, bytes_: Tensor, scales: Tensor, columns: int) -> Tensor:
        """Codes two in a byte and scales -> numbers."""
        told = levels().to(bytes_.device)[codes(bytes_, columns).int()]
        return told * spread(scales, self.group, columns)


def written_scales(scales: Tensor) -> dict[str, Tensor]:
    """scales (…, rows, groups) f32 -> their codes, and what is needed to read them."""
    flat = scales.flatten(-2)
    mean = flat.mean(-1, keepdim=True)
    blocks = in_blocks(flat - mean)
    largest = blocks.abs().amax(-1)
    shares = blocks * torch.where(largest == 0, 0.0, 1 / largest)[..., None]
    found = nearest(shares, levels_of_scales()).flatten(-2)[..., : flat.shape[-1]]
    return {
        "weight_scale": found.view(scales.shape),
        "weight_scale_largest": largest,
        "weight_scale_mean": mean,
    }


def read_scales(tensors: Tensors) -> Tensor:
    """The scales that the codes stand for (…, rows, groups) f32."""
    found = tensors["weight_scale"]
    shares = levels_of_scales().to(found.device)[found.flatten(-2).int()]
    wide = in_blocks(shares) * tensors["weight_scale_largest"][..., None]
    return (wide.flatten(-2)[..., : shares.shape[-1]] + tensors["weight_scale_mean"]).view(found.shape)


def in_blocks(flat: Tensor) -> Tensor:
    """(…, n) -> (…, blocks, 256), the last one filled with zeros."""
    return F.pad(flat, (0, -flat.shape[-1] % BLOCK_OF_SCALES)).unflatten(-1, (-1, BLOCK_OF_SCALES))
