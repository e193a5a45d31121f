"""What a layer keeps of a text between two calls, and where in its rows a text begins anew.

One rule serves packed rows, caches whose rows are used again, and chains of segments in training: a state starts anew
wherever a token's position is 0.
"""

from typing import Any, Protocol

import torch
from torch import Tensor


class CarryLike(Protocol):
    """What a model that carries a state asks of a cache."""

    lengths: Tensor  # (batch) how many tokens each row has been told

    def carried(self, layer: int, name: str) -> Tensor | None:
        """What was kept for these rows at the end of the last call (batch, …), or None."""
        ...

    def carry(self, layer: int, name: str, state: Tensor) -> None:
        """Keep this for the next call (batch, …)."""
        ...


class Texts:
    """Where texts begin in the rows of one call, asked once and told to all layers."""

    def __init__(self, positions: Tensor):
        self.positions = positions  # (batch, time)
        self.begins = positions == 0  # (batch, time)
        self.fresh = self.begins[:, 0]  # (batch) rows that need nothing of earlier calls
        self.packed = bool(self.begins[:, 1:].any())  # whether any text begins inside its row


class State:
    """One layer's part of the cache during one call; without a cache every state starts as zeros."""

    def __init__(self, cache: CarryLike | None, layer: int, texts: Texts):
        self.cache, self.layer, self.texts = cache, layer, texts

    @property
    def earlier(self) -> int:
        """The most tokens that any row was told in earlier calls."""
        return 0 if self.cache is None else int(self.texts.positions[:, 0].max())

    def take(self, name: str, start: Tensor) -> Tensor:
        """The state before the first token (batch, …): what was carried, or `start` in rows that begin anew."""
        known = None if self.cache is None else self.cache.carried(self.layer, name)
        if known is None:
            return start
        fresh = self.texts.fresh.view(-1, *[1] * (known.ndim - 1))
        return torch.where(fresh, start, known.to(start.dtype))

    def keep(self, name: str, state: Tensor) -> None:
        """The state after the last token (batch, …)."""
        if self.cache is not None:
            self.cache.carry(self.layer, name, state)


class SegmentMemory:
    """The states of a batch that reads long texts segment by segment, in training too: each segment goes on where the
    last one ended, and no gradient flows back into it (Dai et al. 2019; truncated backpropagation through time)."""

    def __init__(self, rows: int):
        self.lengths = torch.zeros(rows, dtype=torch.long)
        self.states: dict[tuple[int, str], Tensor] = {}

    def carried(self, layer: int, name: str) -> Tensor | None:
        return self.states.get((layer, name))

    def carry(self, layer: int, name: str, state: Tensor) -> None:
        self.states[layer, name] = state.detach().clone()

    def read(self, model: Any, ids: Tensor) -> Tensor:
        """The next segment of each row, ids (batch, time) -> logits (batch, time, vocabulary)."""
        self.lengths = self.lengths.to(ids.device)
        logits = model(ids, cache=self)
        self.lengths = self.lengths + ids.shape[1]
        return logits
