"""What a layer keeps of a text between two calls, and where in its rows a text begins anew.

One rule serves packed rows, caches whose rows are used again, and chains of segments in training: a state starts anew
wherever a token's position is 0.
"""

from dataclasses import dataclass
from functools import cached_property
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


def wide(x: Tensor) -> Tensor:
    """In f32 at least: what is added up over many tokens loses too much in less."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class Texts:
    """Where texts begin in the rows of one call, asked once and told to all layers."""

    def __init__(self, positions: Tensor):
        self.positions = positions  # (batch, time)
        self.begins = positions == 0  # (batch, time)
        self.fresh = self.begins[:, 0]  # (batch) rows that need nothing of earlier calls
        self.packed = bool(self.begins[:, 1:].any())  # whether any text begins inside its row

    @cached_property
    def apart(self) -> "Apart":
        """Each text as a row of its own."""
        return Apart.of(self.begins)


@dataclass(frozen=True)
class Apart:
    """The texts of packed rows set apart, the longest first, as torch's recurrent kernels read rows of many lengths."""

    order: Tensor  # (batch · time) where the first tokens of all texts lie in the flattened rows, then the second, …
    sizes: Tensor  # how many texts have a first token, a second, …; on the processor
    rows: Tensor  # (texts) the row that each lies in
    leading: Tensor  # (texts) whether it stands first there, so that it may go on with what earlier calls began
    last: Tensor  # (batch) which text ends each row

    @classmethod
    def of(cls, begins: Tensor) -> "Apart":
        """begins (batch, time)."""
        batch, time = begins.shape
        firsts = begins.clone()
        firsts[:, 0] = True
        starts = firsts.flatten().nonzero()[:, 0]
        lengths = torch.diff(starts, append=starts.new_tensor([batch * time]))
        lengths, longest_first = lengths.sort(descending=True, stable=True)
        starts = starts[longest_first]
        rows, ends = starts // time, (starts + lengths) % time == 0
        steps = torch.arange(int(lengths[0]), device=begins.device)[:, None]
        alive = steps < lengths  # (longest, texts)
        last = ends.nonzero()[:, 0][rows[ends].argsort()]
        return cls((starts + steps)[alive], alive.sum(1).cpu(), rows, starts % time == 0, last)


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
