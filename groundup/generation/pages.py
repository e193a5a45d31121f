"""Keys and values in pages of 32 tokens, so that texts of any lengths share one memory and may begin with pages in common.

A row's table says which page holds its tokens 32i … 32i + 31. A pass writes each token where the table says and gathers
the pages of its rows. A compiled step needs no gathering: it reads `k`, `v`, `table` and `lengths` themselves.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.cache import View

PAGE = 32  # tokens in a page
NOBODYS = 0  # the page of rows that have none there: what fills a short row up goes into it, and nobody looks at it


def pages_for(tokens: int) -> int:
    """How many pages so many tokens need."""
    return -(-tokens // PAGE)


class Pages:
    """The memory and who has what of it.

    k and v: for each layer a tensor (pages, kv heads, PAGE, head width), contiguous; made when the model first asks and
    then never moved, so that addresses hold. table: int32 (rows, most pages of a text). lengths: int32 (rows), tokens
    that are kept of each row's text; the engine sets both before a step.
    """

    def __init__(self, rows: int, pages: int, context: int, device: torch.device | str = "cpu"):
        self.rows, self.pages, self.device = rows, pages, torch.device(device)
        self.k: dict[int, Tensor] = {}
        self.v: dict[int, Tensor] = {}
        self.states: dict[tuple[int, str], Tensor] = {}  # (layer, name) -> (rows, …): what a layer carries on
        self.table = torch.full((rows, pages_for(context)), NOBODYS, dtype=torch.int32, device=self.device)
        self.lengths = torch.zeros(rows, dtype=torch.int32, device=self.device)
        self.longest = 0  # the largest of the lengths that `stand` was told, so that nobody has to ask the device

    def begin(self, at: int, shared: Sequence[int]) -> None:
        """A row begins with these pages, which others may hold too, and has no others yet."""
        self.table[at] = NOBODYS
        self.assign(at, 0, shared)

    def assign(self, at: int, first: int, pages: Sequence[int]) -> None:
        """A row's next pages, from a column on."""
        if pages:
            self.table[at, first : first + len(pages)] = torch.tensor(pages, dtype=torch.int32, device=self.device)

    def stand(self, lengths: Sequence[int]) -> None:
        """Rows 0, 1, … hold so many tokens each, which the next step goes on after."""
        self.lengths[: len(lengths)] = torch.tensor(lengths, dtype=torch.int32)
        self.longest = max(lengths)

    def settle(self, at: int, column: int, page: int) -> None:
        """A page of a row is full: it lies where others find it already."""

    def view(self, rows: slice | list[int]) -> "PagedView":
        """Some of the rows as the batch of one forward pass."""
        return PagedView(self, rows)

    def reserve(self, slots: int) -> None:
        """Refuse a text for which the table has no columns."""
        if pages_for(slots) > self.table.shape[1]:
            raise Problem(
                f"a text has {slots} tokens, and {self.table.shape[1] * PAGE} have room: give a larger context"
            )

    def layer(self, number: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """A layer's k and v, made when the model first asks: only then their shapes and precision are known."""
        if number not in self.k:
            self.k[number], self.v[number] = (
                untouched_zeros((self.pages, each.shape[1], PAGE, each.shape[3]), each) for each in (k, v)
            )
        return self.k[number], self.v[number]

    def write(self, layer: int, page: Tensor, offset: Tensor, k: Tensor, v: Tensor) -> None:
        """Keep k, v (batch, kv heads, time, head width), each token in its page at its offset, both (batch, time)."""
        keys, values = self.layer(layer, k, v)
        keys[page, :, offset] = k.transpose(1, 2)
        values[page, :, offset] = v.transpose(1, 2)

    def read(self, layer: int, table: Tensor) -> tuple[Tensor, Tensor]:
        """table (batch, n) -> all that lies in these pages: k, v (batch, kv heads, n · PAGE, head width)."""
        return gathered(self.k[layer], table), gathered(self.v[layer], table)

    def move(self, source: int, target: int, length: int) -> None:
        """One row's text becomes another's; its pages stay where they are."""
        for tensor in (self.table, self.lengths, *self.states.values()):
            tensor[target] = tensor[source]

    def swap(self, a: int, b: int) -> None:
        """Two rows change places."""
        for tensor in (self.table, self.lengths, *self.states.values()):
            tensor[[a, b]] = tensor[[b, a]]


class PagedView(View):
    """Pages as one forward pass sees them (the model's CacheLike)."""

    cache: Pages

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keep k, v (batch, kv heads, time, head width) at positions (batch, time); give all up to the last of them back."""
        if self.place is None:
            self._begin(positions)
            table = self.cache.table[self.rows].long()
            self.page, self.offset = table.gather(1, positions // PAGE), positions % PAGE
            self.columns = table[:, : pages_for(self.longest)]
        self.cache.write(layer, self.page, self.offset, k, v)
        keys, values = self.cache.read(layer, self.columns)
        return keys[:, :, : self.longest], values[:, :, : self.longest], self.seen


def gathered(pages: Tensor, table: Tensor) -> Tensor:
    """pages (pages, kv heads, PAGE, width), table (batch, n) -> (batch, kv heads, n · PAGE, width), in one piece."""
    batch, n = table.shape
    found = pages.index_select(0, table.flatten()).unflatten(0, (batch, n))  # (batch, n, kv heads, PAGE, width)
    return found.transpose(1, 2).flatten(2, 3)


def gathered_by_definition(pages: Tensor, table: Tensor) -> Tensor:
    """The same, one token after the other: token t of a row lies in its page t // PAGE at t % PAGE."""
    batch, n = table.shape
    out = pages.new_empty(batch, pages.shape[1], n * PAGE, pages.shape[3])
    for row in range(batch):
        for token in range(n * PAGE):
            out[row, :, token] = pages[table[row, token // PAGE], :, token % PAGE]
    return out


def untouched_zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Zeros that take no memory before somebody writes there, on processors; they begin on a line of the cache."""
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    line, size = 64, math.prod(shape) * like.element_size()
    memory = np.zeros(size + line, np.uint8)
    start = -memory.ctypes.data % line
    return torch.from_numpy(memory[start : start + size]).view(like.dtype).view(shape)
