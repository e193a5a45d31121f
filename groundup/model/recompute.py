"""Layers, or parts of them, that are computed again for their backward pass instead of kept: less memory, the same bits.

Done to a finished model from outside, whatever its architecture: no layer knows whether it runs once or twice.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

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
    return Twice(lambda x: forward(x, *rest), x).first()


class Twice:
    """One run of a layer that lays down nothing, and the second that the backward pass asks for.

    torch has `torch.utils.checkpoint` for it, which brings its compiler along: 50 MB and more than a second.
    """

    def __init__(self, forward: Callable[[Tensor], Tensor], x: Tensor):
        self.forward, self.x = forward, x
        self.count = 0  # tensors that the first run would have kept: numbers wait in their place
        self.held: dict[int, Tensor] = {}  # those of the second run that were not asked for yet

    def first(self) -> Tensor:
        """What the layer gives."""
        with saved_tensors_hooks(self._number, self._asked):
            return self.forward(self.x)

    def _number(self, _: Tensor) -> int:
        self.count += 1
        return self.count - 1

    def _asked(self, number: int) -> Tensor:
        if number not in self.held:
            self._second()
        return self.held.pop(number)

    def _second(self) -> None:
        kept: list[Tensor] = []

        def keep(tensor: Tensor) -> None:
            kept.append(tensor.detach())
            if len(kept) == self.count:
                raise Enough  # whatever comes after the last of them nobody asks for

        with suppress(Enough), torch.enable_grad(), saved_tensors_hooks(keep, lambda nothing: nothing):
            self.forward(self.x.detach().requires_grad_(self.x.requires_grad))
        assert len(kept) == self.count, "a layer that runs twice must do the same twice"
        self.held = dict(enumerate(kept))


class Enough(Exception):
    """Ends a second run."""
