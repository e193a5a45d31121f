"""A look inside while a text is read: who looked at whom, how each vector grew, and what each layer would have said.

Everything is taken by hooks that are set for one pass and removed after it: a model that nobody watches does no more than
before. Works on anything that has `model.layers` and reads through `Reading`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model.attention import plain, weights
from groundup.model.sight import Sight
from groundup.model.transformer import Transformer


@dataclass
class Seen:
    """What one pass over one text left to look at."""

    ids: Tensor  # (time)
    residual: Tensor  # (depth + 1, time, width): what went into the first layer, and what came out of each
    logits: Tensor  # (time, vocabulary): what the model says
    attention: dict[int, Tensor] = field(default_factory=dict)  # layer -> (heads, time, time), rows that sum to one

    @property
    def depth(self) -> int:
        """Layers."""
        return len(self.residual) - 1


@torch.no_grad()
def look(model: Transformer, ids: Tensor) -> Seen:
    """ids (time) -> all that can be seen of reading them. Memory grows with depth · heads · time²."""
    if ids.ndim != 1 or not len(ids):
        raise Problem("the lens looks at one text of one token or more at a time: give ids (time)")
    vectors: list[Tensor] = []
    found = Seen(ids, torch.empty(0), torch.empty(0))
    with watched(model, vectors, found.attention):
        found.logits = model(ids[None])[0].float()
    found.residual = torch.stack(vectors)
    return found


@contextmanager
def watched(model: Transformer, vectors: list[Tensor], shares: dict[int, Tensor]) -> Iterator[None]:
    """For as long as it is open, passes over one row leave their vectors and shares in what was given."""
    now = 0

    def attend(q: Tensor, k: Tensor, v: Tensor, sight: Sight, scale: float | None = None, cap: float = 0.0) -> Tensor:
        """`plain`, whose shares are kept."""
        kept = weights(q, k, sight, scale, cap)
        shares[now] = kept.view(q.shape[1], q.shape[2], k.shape[2]).float()
        return plain(q, k, v, sight, scale, cap)

    def before(number: int):
        def keep(_: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
            nonlocal now
            now = number
            if number == 0:
                vectors.append(inputs[0][0].float())

        return keep

    def after(_: torch.nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        vectors.append(output[0].float())

    usual, model.attention = model.attention, attend
    hooks = []
    try:
        for number, layer in enumerate(model.model.layers):
            hooks.append(layer.register_forward_pre_hook(before(number)))
            hooks.append(layer.register_forward_hook(after))
        yield
    finally:
        model.attention = usual
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def said_by_layers(model: Transformer, seen: Seen) -> Tensor:
    """What each layer's vectors would say if they went straight to the head (nostalgebraist's logit lens):
    (depth + 1, time, vocabulary), the last being the model's own logits."""
    dtype = next(model.parameters()).dtype
    vectors = seen.residual.to(dtype if model.compute is None else model.compute)
    return model.head(model.model.norm(vectors)).float()


def likeliest(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Logits (…, vocabulary) -> the `count` likeliest ids and their probabilities (…, count)."""
    chances, ids = logits.softmax(-1).topk(min(count, logits.shape[-1]), -1)
    return ids, chances
