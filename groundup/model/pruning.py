"""Pruning: weights that matter least are taken out of a trained model, and what is left is counted.

By magnitude (in each matrix, or over all of them), by whole heads, or two of every four. What it costs is measured in
bits per byte by the stage, not promised here; training on, with masks that hold (`masks.py`), wins some of it back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from groundup.errors import Problem, did_you_mean
from groundup.model import masks
from groundup.model.linear import Linear, Stack
from groundup.model.pruned_heads import attentions, groups, head_masks, loudness, silent

Importance = Mapping[str, Tensor] | None  # of each attention's groups of heads (groups), by its name


@dataclass(frozen=True)
class Pruned:
    """What was taken out: of each matrix how many weights are zero now, of how many; and which groups of heads left."""

    kind: str
    share: float
    zeros: dict[str, int]
    sizes: dict[str, int]
    heads: dict[str, list[int]] = field(default_factory=dict)

    @property
    def removed(self) -> float:
        """The share of all matrices' weights that is zero."""
        return sum(self.zeros.values()) / sum(self.sizes.values())

    def by_layer(self) -> dict[str, tuple[int, int]]:
        """(zeros, weights) of each layer."""
        found: dict[str, tuple[int, int]] = {}
        for name, size in self.sizes.items():
            layer = masks.LAYER.match(name)
            assert layer is not None
            zeros, sizes = found.get(layer[0], (0, 0))
            found[layer[0]] = zeros + self.zeros[name], sizes + size
        return found


def prune(model: nn.Module, kind: str, share: float = 0.5, importance: Importance = None) -> Pruned:
    """Put masks on the model's matrices so that `share` of the weights, or of the heads, is zero; what was pruned before
    stays so. `importance` of heads stands in for the norm of what they give out."""
    if kind not in KINDS:
        raise Problem(f"pruning by {kind!r} is not known; {did_you_mean(kind, KINDS)}")
    if not 0 < share < 1:
        raise Problem(f"share: {share} of the weights cannot leave; say more than 0 and less than 1")
    if importance is not None and not kind.startswith("heads"):
        raise Problem(f"importance is that of heads, and kind is {kind}: leave it out, or say heads")
    found = masks.matrices(model)
    for name, module in found.items():
        if not torch.isfinite(weight_of(module)).all():
            raise Problem(f"{name} has a weight that is infinite or not a number: was training healthy?")
    chosen = KINDS[kind](model, share, importance)
    for name, mask in chosen.items():
        masks.put_on(found[name], mask)
    gone = {}
    if kind.startswith("heads"):
        gone = {name: silent(each).nonzero()[:, 0].tolist() for name, each in attentions(model).items()}
    zeros = {name: int((weight_of(module) == 0).sum()) for name, module in found.items()}
    return Pruned(kind, share, zeros, {name: weight_of(module).numel() for name, module in found.items()}, gone)


def weight_of(module: Linear | Stack) -> Tensor:
    """The matrix, or the matrices of all experts."""
    return module.weight.detach()


def _magnitude(model: nn.Module, share: float, importance: Importance) -> dict[str, Tensor]:
    """The same share of each matrix."""
    weights = {name: weight_of(module).abs() for name, module in masks.matrices(model).items()}
    return {name: masks.smallest(weight, round(share * weight.numel())) for name, weight in weights.items()}


def _magnitude_over_all(model: nn.Module, share: float, importance: Importance) -> dict[str, Tensor]:
    """The smallest of all matrices together: some lose more than others."""
    weights = {name: weight_of(module).abs() for name, module in masks.matrices(model).items()}
    flat = torch.cat([weight.flatten().float() for weight in weights.values()])
    parts = masks.smallest(flat, round(share * len(flat))).split([weight.numel() for weight in weights.values()])
    return {name: part.view_as(weights[name]).clone() for name, part in zip(weights, parts, strict=True)}


def _heads(model: nn.Module, share: float, importance: Importance) -> dict[str, Tensor]:
    """The same number of groups in each layer, so that they can be taken out for good."""
    ratings = rated(model, importance)
    for name, rating in ratings.items():
        if not 0 < round(share * len(rating)) < len(rating):
            raise Problem(
                f"share: {share} of the {len(rating)} groups of heads in {name} is none or all of them; "
                f"say {1 / len(rating):.2g} for one" + ("" if len(rating) > 1 else ", which is all there is")
            )
    return head_masks(model, {name: masks.smallest(each, round(share * len(each))) for name, each in ratings.items()})


def _heads_over_all(model: nn.Module, share: float, importance: Importance) -> dict[str, Tensor]:
    """The least important groups of all layers together, their ratings as shares of their layer's largest."""
    ratings = rated(model, importance)
    flat = torch.cat([rating / rating.max().clamp(min=1e-30) for rating in ratings.values()])
    parts = masks.smallest(flat, round(share * len(flat))).split([len(rating) for rating in ratings.values()])
    return head_masks(model, dict(zip(ratings, parts, strict=True)))


def rated(model: nn.Module, importance: Importance) -> dict[str, Tensor]:
    """A number for each group of heads of each attention; the smallest leave first."""
    found = attentions(model)
    if importance is None:
        return {name: loudness(each) for name, each in found.items()}
    for name, each in found.items():
        if name not in importance or importance[name].shape != (groups(each),):
            raise Problem(f"importance has no {groups(each)} numbers for the groups of heads of {name}")
    return {name: importance[name].detach().float() for name in found}


def _two_of_four(model: nn.Module, share: float, importance: Importance) -> dict[str, Tensor]:
    """Two of every four neighbours in a row."""
    if share != 0.5:
        raise Problem(f"share: 2:4 takes half of the weights, and {share} was said; say 0.5")
    weights = {name: weight_of(module) for name, module in masks.matrices(model).items()}
    if odd := next((name for name, weight in weights.items() if weight.shape[-1] % 4), None):
        raise Problem(f"{odd} has rows of {weights[odd].shape[-1]} numbers, which are no fours; prune by magnitude")
    return {name: masks.two_of_four(weight) for name, weight in weights.items()}


KINDS: dict[str, Callable[[nn.Module, float, Importance], dict[str, Tensor]]] = {
    "magnitude": _magnitude,
    "magnitude_over_all": _magnitude_over_all,
    "heads": _heads,
    "heads_over_all": _heads_over_all,
    "2:4": _two_of_four,
}
