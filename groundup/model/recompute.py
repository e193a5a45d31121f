"""Layers, or parts of them, that are computed again for their backward pass instead of kept: less memory, the same bits.

Done to a finished model from outside, whatever its architecture: no layer knows whether it runs once or twice.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from groundup.errors import Problem
from groundup.model.reading import Reading

STACKS = ("layers", "further")  # lists of layers, by the names they have in models
PARTS = {"attention": ("self_attn", "cross_attn"), "feedforward": ("mlp",)}


def recompute(model: nn.Module, what: bool | int | str) -> None:
    """Nothing (False), every layer (True), the first so many layers, or of every layer one of PARTS.

    The first layers rather than the last: when their backward pass needs room, what later layers kept is gone.
    """
    layers = layers_of(model)
    for module in (each for layer in layers for each in (layer, *layer.children())):
        module.__dict__.pop("forward", None)
    if isinstance(what, str):
        chosen = [child for layer in layers for name, child in layer.named_children() if name in PARTS[what]]
        if not chosen:
            raise Problem(
                f"recompute: the layers of this model have no {what} of their own to compute again; say recompute: true."
            )
    else:
        chosen = layers[: len(layers) if what is True else what]
    for module in chosen:
        module.forward = partial(again, module.forward)


def layers_of(model: nn.Module) -> list[nn.Module]:
    """All layers, in the order in which a text passes them."""
    lists = (each for name, each in model.named_modules() if name.rpartition(".")[2] in STACKS)
    return [layer for each in lists for layer in each.children()]


def again(forward: Callable[..., Tensor], x: Tensor, *rest: Any) -> Tensor:
    """Chen et al. 2016: only what comes in waits for the backward pass, which computes the rest again.

    With a cache it runs once: what it keeps there for the next call must not be kept twice.
    """
    if not torch.is_grad_enabled() or any(getattr(each, "cache", None) is not None for each in rest):
        return forward(x, *rest)
    for each in rest:
        if isinstance(each, Reading):
            each.prepare()
    return checkpoint(forward, x, *rest, use_reentrant=False, preserve_rng_state=False)  # type: ignore[return-value]
