"""Whole heads leave: chosen by what they still say, first held at zero, then taken out for good where settings can say it.

Heads that share keys (grouped queries) leave together, so a group is the unit; without groups each head is one. Every
matrix of an attention is divided evenly among groups, by rows where heads begin and by columns where they end.
"""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model import masks
from groundup.model.architectures import build
from groundup.model.attention import Attention
from groundup.model.config_json import checked
from groundup.model.cross_attention import CrossAttention
from groundup.model.latent_attention import LatentAttention

# Projections whose rows belong to heads; the columns of o_proj do in each.
BEGINNINGS: dict[type[nn.Module], tuple[str, ...]] = {
    Attention: ("q_proj", "k_proj", "v_proj"),
    CrossAttention: ("q_proj", "k_proj", "v_proj"),
    LatentAttention: ("q_proj", "q_b_proj", "kv_b_proj"),
}


def attentions(model: nn.Module) -> dict[str, Any]:
    """Every attention that has heads, by name."""
    found = {name: module for name, module in model.named_modules() if isinstance(module, tuple(BEGINNINGS))}
    if not found:
        raise Problem("this model has no attention whose heads could be pruned; prune by magnitude.")
    return found


def groups(attention: Any) -> int:
    """How many units can leave: groups of heads that share a key."""
    if isinstance(attention, LatentAttention):
        return attention.heads
    return attention.k_proj.weight.shape[0] // attention.head_width


def loudness(attention: Any) -> Tensor:
    """The norm of each group's part of the output projection (groups): a head that this makes silent says nothing."""
    return attention.o_proj.weight.detach().float().unflatten(1, (groups(attention), -1)).norm(dim=(0, 2))


def beginnings(attention: Any) -> list[str]:
    """The projections of this attention whose rows are zeroed with their heads."""
    kind = next(kind for kind in BEGINNINGS if isinstance(attention, kind))
    there = [name for name in BEGINNINGS[kind] if hasattr(attention, name)]
    # A norm over all queries together would notice that some of them are zero: what they ask and offer stays.
    return ["v_proj"] if getattr(attention, "whole", False) else there


def head_masks(model: nn.Module, gone: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Which groups of each attention leave (groups) -> masks for its matrices by their names."""
    found = {}
    for name, attention in attentions(model).items():
        for part in (*beginnings(attention), "o_proj"):
            weight = getattr(attention, part).weight
            axis = 1 if part == "o_proj" else 0
            flags = gone[name].to(weight.device).repeat_interleave(weight.shape[axis] // len(gone[name]))
            found[f"{name}.{part}"] = (flags[None, :] if axis else flags[:, None]).expand_as(weight).clone()
    return found


def silent(attention: Any) -> Tensor:
    """Which groups (groups) say nothing: their part of the output projection is all zero."""
    return loudness(attention) == 0


def cannot_leave(model: Any) -> str | None:
    """Why silent heads of this model can only stay zero, or None if they can be taken out."""
    counts = {int(silent(attention).sum()) for attention in attentions(model).values()}
    if counts == {0}:
        return "no head of it is silent"
    if len(counts) > 1:
        return f"its layers would be left with different numbers of heads ({min(counts)} to {max(counts)} are silent)"
    if any(bool(silent(attention).all()) for attention in attentions(model).values()):
        return "no head would be left"
    settings = model.settings
    for there, why in (
        (settings.encoder is not None, "it has an encoder, whose heads settings count apart"),
        (settings.positions in ("alibi", "relative"), f"positions {settings.positions} are other ones for each head"),
        (settings.qk_norm == "whole", "queries of all heads are normed together"),
    ):
        if there:
            return why
    return None


@torch.no_grad()
def take_out(model: Any) -> Any:
    """A smaller model that computes the same: silent heads are cut out of the matrices and of the settings."""
    if why := cannot_leave(model):
        raise Problem(f"heads of this model cannot be taken out: {why}.")
    model = masks.make_permanent(copy.deepcopy(model))
    state = dict(model.state_dict())
    left = 0
    for name, attention in attentions(model).items():
        stays = ~silent(attention)
        left = int(stays.sum())
        for part in BEGINNINGS[next(kind for kind in BEGINNINGS if isinstance(attention, kind))]:
            for end in ("weight", "bias"):
                if (key := f"{name}.{part}.{end}") in state:
                    state[key] = _kept(state[key], stays, 0)
        state[f"{name}.o_proj.weight"] = _kept(state[f"{name}.o_proj.weight"], stays, 1)
    settings = model.settings
    sizes = {"heads": settings.heads // settings.kv_heads * left, "kv_heads": left, "head_width": settings.head_width}
    values = settings.model_dump() | sizes | {"born": "blank"}
    with torch.device("meta"):
        made = build(checked(values, "the model without heads"), None, model.attention, model.compute)
    made.load_state_dict(state, assign=True)
    return made.train(model.training)


def _kept(tensor: Tensor, stays: Tensor, axis: int) -> Tensor:
    """What belongs to the groups that stay."""
    each = stays.repeat_interleave(tensor.shape[axis] // len(stays))
    return tensor.index_select(axis, each.nonzero()[:, 0]).clone()
