"""What the model remembers of each text it is writing: keys and values of every token so far, layer by layer.

A row is one text; its token at position p lies in slot p, so rows of any lengths share one tensor, and a query may see
the slots up to its own position. Rows come and go while others go on; slots grow as the longest text does.
"""

from typing import Protocol

import torch
from torch import Tensor

SLOTS = 64  # the smallest room for a text, in tokens


class Kept(Protocol):
    """What every memory of texts has, whether they lie side by side or in pages."""

    rows: int
    states: dict[tuple[int, str], Tensor]  # (layer, name) -> (rows, …): what a layer carries on

    def reserve(self, slots: int) -> None:
        """Room for texts of so many tokens."""
        ...


class Cache:
    """Keys and values of `rows` texts: k and v, a tensor (rows, kv heads, slots, width) for each layer that has them."""

    def __init__(self, rows: int, slots: int = SLOTS):
        self.rows, self.slots = rows, slots
        self.k: dict[int, Tensor] = {}
        self.v: dict[int, Tensor] = {}
        self.states: dict[tuple[int, str], Tensor] = {}  # (layer, name) -> (rows, …): what a layer carries on

    def view(self, rows: slice | list[int]) -> "SideBySide":
        """Some of the rows as the batch of one forward pass."""
        return SideBySide(self, rows)

    def reserve(self, slots: int) -> None:
        """Room for texts of so many tokens; grows by doubling, so that a text of n tokens is copied fewer than 2n times."""
        if slots <= self.slots:
            return
        while self.slots < slots:
            self.slots *= 2
        self.k, self.v = ({n: self._grown(tensor) for n, tensor in tensors.items()} for tensors in (self.k, self.v))

    def _grown(self, tensor: Tensor) -> Tensor:
        grown = tensor.new_zeros(*tensor.shape[:2], self.slots, tensor.shape[3])
        grown[:, :, : tensor.shape[2]] = tensor
        return grown

    def layer(self, number: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """A layer's k and v, made when the model first asks: only then their shapes and precision are known.

        Zeros, for a slot that nobody may see still takes part in a product with 0, and 0 times a stray NaN is NaN.
        """
        if number not in self.k:
            self.k[number], self.v[number] = (
                like.new_zeros(self.rows, like.shape[1], self.slots, like.shape[3]) for like in (k, v)
            )
        return self.k[number], self.v[number]

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` tokens of one row over another."""
        for tensor in (*self.k.values(), *self.v.values()):
            tensor[target, :, :length] = tensor[source, :, :length]
        for state in self.states.values():
            state[target] = state[source]

    def swap(self, a: int, b: int) -> None:
        """Two rows change places."""
        for tensor in (*self.k.values(), *self.v.values(), *self.states.values()):
            tensor[[a, b]] = tensor[[b, a]]


class View:
    """A cache as one forward pass sees it: its batch is some of the cache's rows. How these lie, `extend` knows below."""

    def __init__(self, cache: Kept, rows: slice | list[int]):
        self.cache, self.rows = cache, rows
        if isinstance(rows, list) and rows == list(range(rows[0], rows[0] + len(rows))):
            self.rows = slice(rows[0], rows[0] + len(rows))  # neighbours are read in place, others must be gathered
        self.seen: Tensor | None = None
        self.place: tuple[Tensor, Tensor] | None = None  # (row, slot) of each token of this pass
        self.longest = 0

    @property
    def lengths(self) -> Tensor:
        """Rows do not know how full they are: whoever drives them passes positions."""
        raise NotImplementedError("pass positions to the model when it is given a cache")

    @property
    def places(self) -> Tensor:
        """(1, slots): a token lies in the slot of its position."""
        assert self.place is not None
        return torch.arange(self.longest, device=self.place[1].device)[None]

    def carried(self, layer: int, name: str) -> Tensor | None:
        """What was kept of a layer's state for these rows (rows, …); None if nothing was."""
        state = self.cache.states.get((layer, name))
        return None if state is None else state[self.rows]

    def carry(self, layer: int, name: str, state: Tensor) -> None:
        """Keep a layer's state (rows, …) until the next pass."""
        kept = self.cache.states.get((layer, name))
        if kept is None:
            kept = self.cache.states[layer, name] = state.new_zeros(self.cache.rows, *state.shape[1:])
        kept[self.rows] = state

    def _begin(self, positions: Tensor) -> None:
        """What all layers share: where the tokens go, and which slots each may see (all of them: None)."""
        device = positions.device
        self.longest = int(positions.max()) + 1
        self.cache.reserve(self.longest)
        numbers = range(*self.rows.indices(self.cache.rows)) if isinstance(self.rows, slice) else self.rows
        self.place = torch.tensor(list(numbers), device=device)[:, None], positions
        if positions.stride(0) == 0 or len(positions) == 1:  # every row stands where the first does: one (time, slots)
            positions = positions[0]
        if positions.shape[-1] > 1 or int(positions.min()) < self.longest - 1:
            self.seen = torch.arange(self.longest, device=device) <= positions[..., None]


class SideBySide(View):
    """Rows in one tensor (the model's CacheLike)."""

    cache: Cache

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keep k, v (batch, kv heads, time, head width) at positions (batch, time); give all up to the last of them back."""
        if self.place is None:
            self._begin(positions)
        assert self.place is not None
        keys, values = self.cache.layer(layer, k, v)
        row, slot = self.place
        keys[row, :, slot] = k.transpose(1, 2)
        values[row, :, slot] = v.transpose(1, 2)
        return self._read(keys, row), self._read(values, row), self.seen

    def _read(self, tensor: Tensor, row: Tensor) -> Tensor:
        tensor = tensor[:, :, : self.longest]
        return tensor[self.rows] if isinstance(self.rows, slice) else tensor.index_select(0, row[:, 0])
