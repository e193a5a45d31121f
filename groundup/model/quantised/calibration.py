"""What each projection of a model is given to read: a text passes, and of every input the products of its parts are summed.

Rounding a weight hurts as much as the input that it meets is large, and an error in one weight can be made up for by
another whose input comes along with it. Both stand in H = Σ x·xᵀ. A layer is watched at a time, so that only its sums
are held; the layers before it are already written in fewer bits, and what they do wrong is seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

TOGETHER = 8  # rows in one forward pass


@dataclass(frozen=True)
class Calibration:
    """The text that is read to find the integers, ids (rows, time); with `act_order` GPTQ begins with the loudest inputs."""

    texts: Tensor
    act_order: bool = True


@dataclass
class Seen:
    """Of everything that one projection was given: how many vectors, Σ x·xᵀ (columns, columns), Σ |x| (columns)."""

    count: int
    products: Tensor
    sizes: Tensor

    def add(self, x: Tensor) -> None:
        """Some more vectors (…, columns)."""
        flat = x.detach().reshape(-1, x.shape[-1]).float()
        self.count += len(flat)
        self.products.addmm_(flat.T, flat)
        self.sizes += flat.abs().sum(0)

    @property
    def hessian(self) -> Tensor:
        """The mean of x·xᵀ: half the second derivative, by any row of the matrix, of the mean squared error."""
        return self.products / max(self.count, 1)


class Enough(Exception):
    """The layer that is watched has been passed."""


@torch.no_grad()
def watched(model: Any, layer: str, projections: Mapping[str, nn.Module], texts: Tensor) -> dict[str, Seen]:
    """What the projections of a layer (by name; "" for what is after all layers) see of the texts. Of a projection that is
    multiplied into another matrix and never called nothing is found."""
    found: dict[str, Seen] = {}

    def watch(name: str):
        def see(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            if name not in found:
                columns, where = given[0].shape[-1], given[0].device
                found[name] = Seen(0, torch.zeros(columns, columns, device=where), torch.zeros(columns, device=where))
            found[name].add(given[0])

        return see

    def leave(module: nn.Module, given: Any, result: Any) -> None:
        raise Enough

    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in projections.items()]
    hooks += [model.get_submodule(layer).register_forward_hook(leave)] if layer else []
    try:
        for rows in texts.split(TOGETHER):
            try:
                model(rows)
            except Enough:
                continue
    finally:
        for hook in hooks:
            hook.remove()
    return found


def error(weight: Tensor, wide: Tensor, hessian: Tensor) -> Tensor:
    """How far what a matrix gives out is from what it should be, for each row (rows): the mean square over the texts,
    diag((W - Ŵ)·H·(W - Ŵ)ᵀ)."""
    off = weight.float() - wide
    return ((off @ hessian) * off).sum(-1)
