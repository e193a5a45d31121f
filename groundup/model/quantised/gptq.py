"""GPTQ: round one column of a matrix after the other, and let those still to come make up for the error (Frantar et al. 2023).

With H the mean of x·xᵀ over what the projection reads, rounding column i by e is best made up for by moving the columns
after it by -e · (H⁻¹)ᵢ: / (H⁻¹)ᵢᵢ, H⁻¹ being that of the columns not yet rounded. All those inverses stand in one Cholesky
factor, and blocks of columns are moved together.
"""

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model.quantised.calibration import Calibration, Seen, error
from groundup.model.quantised.groups import RANGES, Groups, inverses, spread

DAMPING = 0.01  # of H's mean diagonal, added to it: inputs that came along by chance shall not be leant upon
BLOCK = 128


def gptq(weight: Tensor, seen: Seen, form: Groups, calibration: Calibration) -> dict[str, Tensor]:
    """weight (rows, columns) -> the tensors that stand for it. A row that came out no better than by rounding to the
    nearest is rounded to the nearest."""
    wide = weight.detach().float()
    steps, zeros = form.fit(wide)
    hessian = damped(seen.hessian.double())
    if not hessian.isfinite().all():
        raise Problem("What a projection was given to read has infinite parts or none: was training healthy?")
    order = hessian.diagonal().argsort(descending=True) if calibration.act_order else torch.arange(len(hessian))
    integers = rounded(wide, steps, zeros, hessian, form, order)
    plain = form.nearest(wide, steps, zeros)
    tensors = [form.together(each, steps, zeros) for each in (integers, plain)]
    errors = [error(wide, form.read(each, wide.shape[1]), seen.hessian) for each in tensors]
    better = errors[0] < errors[1]
    return form.together(torch.where(better[:, None], integers, plain), steps, zeros)


def damped(hessian: Tensor) -> Tensor:
    """H with something added to its diagonal, and ones where an input was always zero."""
    made = hessian.clone()
    diagonal = made.diagonal()
    diagonal += DAMPING * diagonal.mean()
    diagonal[diagonal == 0] = 1
    return made


def rounded(weight: Tensor, steps: Tensor, zeros: Tensor, hessian: Tensor, form: Groups, order: Tensor) -> Tensor:
    """The integers (rows, columns) int8, columns taken in this order."""
    columns = weight.shape[1]
    left = weight[:, order].clone()
    step, inverse, zero = (
        spread(each, form.group, columns)[:, order] for each in (steps.to(left.dtype), inverses(steps), zeros)
    )
    inverse_of_all = torch.cholesky_inverse(torch.linalg.cholesky(hessian[order][:, order]))
    factor = torch.linalg.cholesky(inverse_of_all, upper=True).to(left.dtype)
    found = torch.empty_like(left)
    bottom, top = RANGES[form.bits]
    for start in range(0, columns, BLOCK):
        end = min(start + BLOCK, columns)
        errors = torch.zeros_like(left[:, start:end])
        for at in range(start, end):
            column = left[:, at]
            found[:, at] = (column * inverse[:, at] + zero[:, at]).round().clamp(bottom, top)
            off = (column - (found[:, at] - zero[:, at]) * step[:, at]) / factor[at, at]
            left[:, at:end] -= off[:, None] * factor[at, at:end]
            errors[:, at - start] = off
        left[:, end:] -= errors @ factor[start:end, end:]
    return found[:, order.argsort()].to(torch.int8)


def rounded_by_definition(
    weight: Tensor, steps: Tensor, zeros: Tensor, hessian: Tensor, form: Groups, order: Tensor
) -> Tensor:
    """The same as the paper's formula says it: before each column the inverse is made anew of what is left."""
    bottom, top = RANGES[form.bits]
    left, found = weight.clone(), torch.zeros_like(weight)
    for done in range(len(order)):
        at, rest = int(order[done]), order[done:]
        step, zero = steps[:, at // form.group].to(left.dtype), zeros[:, at // form.group]
        found[:, at] = (left[:, at] * inverses(step) + zero).round().clamp(bottom, top)
        inverse = torch.linalg.inv(hessian[rest][:, rest])
        off = left[:, at] - (found[:, at] - zero) * step
        left[:, rest] -= off[:, None] * inverse[0] / inverse[0, 0]
    return found.to(torch.int8)
