"""Weights that are taken out stay out: beside each pruned matrix lies a mask, which training obeys and folders never see.

The mask is a buffer of the projection itself (`linear.py`), so checkpoints hold it and a training that was resumed obeys
it too. The weights under it are zero at all times, therefore nothing that multiplies a matrix has to know of masks.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.linear import Linear, Stack

MASK = "weight_pruned"  # bool, of the weight's shape: true where it was taken out
LAYER = re.compile(r".*?\b(?:layers|further)\.\d+(?=\.)")  # the part of a name that says which layer it is
Model = TypeVar("Model", bound=nn.Module)


def matrices(model: nn.Module) -> dict[str, Linear | Stack]:
    """The projections inside layers by name: not the table, not the head, for each of their rows is a word's own."""
    found = {
        name: module
        for name, module in model.named_modules()
        if LAYER.match(name) and isinstance(module, Linear | Stack)
    }
    if not found:
        raise Problem(
            "nothing can be pruned here: no layer of this model has matrices that are projections in f32 or bf16."
        )
    return found


def smallest_by_definition(sizes: Tensor, count: int) -> Tensor:
    """Where the `count` smallest of some numbers stand, the first of equals: sort them all."""
    flat = sizes.flatten().tolist()
    order = sorted(range(len(flat)), key=lambda at: (flat[at], at))
    taken = torch.zeros(len(flat), dtype=torch.bool)
    taken[order[:count]] = True
    return taken.view(sizes.shape)


def smallest(sizes: Tensor, count: int) -> Tensor:
    """The same without sorting: find the count-th smallest, take what is below it, and as many of its equals as are left."""
    flat = sizes.flatten().float()
    if not count:
        return torch.zeros_like(sizes, dtype=torch.bool)
    edge = flat.kthvalue(count).values
    taken = flat < edge
    taken[(flat == edge).nonzero()[:, 0][: count - int(taken.sum())]] = True
    return taken.view(sizes.shape)


def two_of_four_by_definition(weight: Tensor) -> Tensor:
    """weight (…, rows, columns): of every four neighbours in a row the two that are nearest to zero, the first of equals."""
    taken = torch.zeros_like(weight, dtype=torch.bool)
    rows, marks = weight.flatten(0, -2), taken.view(-1, weight.shape[-1])
    for row in range(len(rows)):
        for first in range(0, rows.shape[1], 4):
            four = rows[row, first : first + 4].abs().tolist()
            for at in sorted(range(4), key=lambda at: (four[at], at))[:2]:
                marks[row, first + at] = True
    return taken


def two_of_four(weight: Tensor) -> Tensor:
    """The same for all fours at once; a pattern that GPUs multiply at twice the speed (Mishra et al. 2021)."""
    fours = weight.abs().unflatten(-1, (-1, 4))
    order = fours.argsort(stable=True, dim=-1)
    return torch.zeros_like(fours, dtype=torch.bool).scatter(-1, order[..., :2], True).flatten(-2)


def linear_by_definition(x: Tensor, weight: Tensor, pruned: Tensor) -> Tensor:
    """x (…, in) times a matrix without what was pruned: the mask stands in the formula, y = x·(weight ⊙ ¬pruned)ᵀ."""
    return F.linear(x, weight * ~pruned)


@torch.no_grad()
def put_on(module: Linear | Stack, pruned: Tensor) -> None:
    """Take these weights out of a matrix; what was taken out before stays out."""
    before = getattr(module, MASK, None)
    module.register_buffer(MASK, pruned if before is None else before | pruned)
    module.weight.masked_fill_(getattr(module, MASK), 0)


def masks(model: nn.Module) -> dict[str, Tensor]:
    """Name of each weight that has a mask -> the mask."""
    ends = f".{MASK}"
    return {f"{name.removesuffix(ends)}.weight": mask for name, mask in model.named_buffers() if name.endswith(ends)}


@torch.no_grad()
def hold(tensors: Mapping[str, Tensor], pruned: Mapping[str, Tensor]) -> None:
    """Weights, or their gradients, become zero again where they are pruned."""
    for name, mask in pruned.items():
        if name in tensors:
            tensors[name].masked_fill_(mask, 0)


def hold_zeros(model: nn.Module) -> int:
    """A mask over every weight that is zero now, so that a pruned folder can be trained on; how many there are."""
    for module in matrices(model).values():
        zero = module.weight == 0
        if zero.any():
            put_on(module, zero)
    return sum(int(mask.sum()) for mask in masks(model).values())


def make_permanent(model: Model) -> Model:
    """The masks are dropped, their zeros stay as ordinary weights; the model is changed and given back."""
    hold(dict(model.named_parameters()), masks(model))
    for module in model.modules():
        if MASK in module._buffers:
            delattr(module, MASK)
    return model


def without_masks(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a model as its folder holds them."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(f".{MASK}")}
