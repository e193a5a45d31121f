"""Dropout (Srivastava et al. 2014) put on a model from outside: the model does not know of it.

Before the first layer, after each half of every layer, and on shares of attention, a part of the numbers becomes zero and
the others grow. Which ones follows from (seed, step, row, place) alone: any split of a step drops the same, and so does a
layer that is computed again for its backward pass.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from groundup.data.tokens.batches import Batch
from groundup.data.tokens.order import key
from groundup.errors import Problem
from groundup.model.attention import named, weights
from groundup.model.noise import bits, mixed
from groundup.model.reading import Attend
from groundup.model.sight import Sight
from groundup.training.settings import RegulariserSettings

HALVES = ("self_attn", "cross_attn", "mlp")  # what adds to the vectors that run through a layer
PLACE = 0x9E3779B9  # 2³² / golden ratio: keys of neighbouring places lie far apart


class Dropout:
    """Drops while a step's batches are drawn from `over`, and never else."""

    def __init__(self, model: nn.Module, settings: RegulariserSettings, seed: int):
        self.model, self.settings, self.seed = model, settings, seed
        self.keys = torch.zeros(0, dtype=torch.int32)  # of the rows in hand
        self.place = 0  # of the attention that is computed
        self.attended = False
        names = [name.rsplit(".", 1)[-1] for name, _ in model.named_modules()]
        if settings.dropout and not set(HALVES) & set(names):
            raise Problem(
                "regularise.dropout stands after the halves of a Transformer's layers, and this model has none: say 0."
            )
        if settings.dropout_attention and not hasattr(model, "attention"):
            raise Problem("regularise.dropout_attention drops shares of attention, and this model has none: say 0.")

    def over(self, batches: Sequence[Batch], step: int, rows: int) -> Iterator[Batch]:
        """The batches one after the other; what is computed before the next is asked for is computed with their noise.

        Each is of `rows` rows of the objective; pairs have two rows for each, all of one side first.
        """
        if not self.settings.dropout and not self.settings.dropout_attention:
            yield from batches
            return
        model: Any = self.model
        attend, handles = getattr(model, "attention", "plain"), self._hooks()
        device, first = next(model.parameters()).device, 0
        if self.settings.dropout_attention:
            model.attention = self._attend(named(attend))
        try:
            for batch in batches:
                numbers = [
                    key(self.seed, "dropout", step, first + row % rows, row // rows) for row in range(len(batch.ids))
                ]
                signed = [number % 2**32 - 2**31 for number in numbers]
                self.keys = torch.tensor(signed, dtype=torch.int32).to(device, non_blocking=True)
                yield batch
                first += rows
        finally:
            if self.settings.dropout_attention:
                model.attention = attend
            for handle in handles:
                handle.remove()
        if self.settings.dropout_attention and not self.attended:
            raise Problem("regularise.dropout_attention: this model's layers attend in a way of their own; say 0.")

    def drop(self, x: Tensor, share: float, place: int) -> Tensor:
        """x (rows, …) -> the same with `share` of its numbers zero and the others 1/(1 - share) times as large."""
        if len(x) != len(self.keys):
            raise Problem(f"regularise.dropout: a layer saw {len(x)} rows of a batch of {len(self.keys)}; say 0.")
        offset = (place * PLACE + 2**31) % 2**32 - 2**31
        noise = bits(mixed(self.keys + offset), x[0].numel()).view(x.shape)
        return x * kept(noise, share).to(x.dtype).div_(1 - share)

    def _hooks(self) -> list[Any]:
        handles, share = [], self.settings.dropout
        for place, (name, module) in enumerate(self.model.named_modules()):
            last = name.rsplit(".", 1)[-1]
            if last.endswith("attn"):
                handles.append(module.register_forward_pre_hook(partial(self._enter, place)))
            if share and last in HALVES:
                handles.append(module.register_forward_hook(partial(self._leave, place)))
            if share and name.endswith("layers.0"):
                handles.append(module.register_forward_pre_hook(partial(self._begin, place)))
        return handles

    def _begin(self, place: int, module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return self.drop(given[0], self.settings.dropout, place), *given[1:]

    def _enter(self, place: int, module: nn.Module, given: tuple[Any, ...]) -> None:
        self.place = place

    def _leave(self, place: int, module: nn.Module, given: tuple[Any, ...], told: Tensor) -> Tensor:
        return self.drop(told, self.settings.dropout, place)

    def _attend(self, before: Attend) -> Callable[..., Tensor]:
        """Attention in two products, its shares dropped between them: no fused kernel has noise with a key of ours."""

        def attend(
            q: Tensor, k: Tensor, v: Tensor, sight: Sight, scale: float | None = None, cap: float = 0.0
        ) -> Tensor:
            self.attended = True
            batch, heads, time, _ = q.shape
            shares = weights(q, k, sight, scale, cap)  # (batch·kv heads, group·time, slots)
            share, place = self.settings.dropout_attention, self.place + 2**20
            shares = self.drop(shares.view(batch, -1), share, place).view(shares.shape)
            return shares.bmm(v.reshape(batch * v.shape[1], -1, v.shape[-1])).view(batch, heads, time, -1)

        return attend


def kept(noise: Tensor, share: float) -> Tensor:
    """int32 noise -> whether each number stays: all but the lowest `share` of all that noise can be."""
    return noise >= round(share * 2**32) - 2**31
