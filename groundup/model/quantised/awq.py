"""AWQ: columns that meet large inputs are stretched before they are rounded, and their inputs shrunk as much (Lin et al. 2023).

y = W·x = (W·s)·(x/s). A stretched column has finer steps next to its size. How far to stretch is searched: s is a power of the
mean size of an input, and the power is the one with which the projection gives out least that is wrong. 1/s stays beside the
matrix as `input_scale`, so that nothing has to be known of the layer before.
"""

from typing import Any

import torch
from torch import Tensor

from groundup.model.quantised.calibration import Calibration, Seen, error
from groundup.model.quantised.groups import Groups
from groundup.model.quantised.matrices import INPUT_SCALE

POWERS = 20  # that are tried, from 0 (rounding to the nearest) towards 1


def awq(weight: Tensor, seen: Seen, form: Groups, calibration: Calibration) -> dict[str, Tensor]:
    """weight (rows, columns) -> the tensors that stand for it, and the scale of its inputs (columns) f32."""
    wide = weight.detach().float()
    sizes = (seen.sizes / max(seen.count, 1)).clamp(min=1e-8)
    best, least = written(wide, torch.ones_like(sizes), form), float("inf")
    for number in range(POWERS):
        stretched = sizes ** (number / POWERS)
        stretched = stretched / (stretched.max() * stretched.min()).sqrt()
        tensors = written(wide, stretched, form)
        off = float(error(wide, form.read(tensors, wide.shape[1]) * tensors[INPUT_SCALE], seen.hessian).sum())
        if off < least:
            best, least = tensors, off
    return best


def written(wide: Tensor, stretched: Tensor, form: Groups) -> dict[str, Tensor]:
    """The matrix with its columns stretched by so much, rounded to the nearest."""
    return form.write(wide * stretched) | {INPUT_SCALE: 1 / stretched}


def untouched(weight: Tensor, form: Any) -> dict[str, Tensor]:
    """A projection that no text was seen to pass: rounded to the nearest, its inputs as they are."""
    return form.write(weight) | {INPUT_SCALE: torch.ones(weight.shape[-1])}
