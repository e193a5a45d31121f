"""The fast way to remember: the texts that are going on lie side by side, where a pass reads them without gathering.

Only what others may need is put into pages: a page when it is full. A text that begins like an earlier one takes copies.
"""

from collections.abc import Sequence

from groundup.generation.cache import SLOTS, Cache
from groundup.generation.pages import PAGE, Pages


class Desk(Cache):
    """A cache of rows, beside it the pages that texts share."""

    def __init__(self, pages: Pages):
        super().__init__(pages.rows, SLOTS)
        self.shelf = pages

    def begin(self, at: int, shared: Sequence[int]) -> None:
        """A row begins with what lies in these pages."""
        if not shared:
            return
        tokens = len(shared) * PAGE
        self.reserve(tokens)
        for kept, shelf in ((self.k, self.shelf.k), (self.v, self.shelf.v)):
            for layer, tensor in kept.items():
                tensor[at, :, :tokens] = shelf[layer][list(shared)].transpose(0, 1).flatten(1, 2)

    def assign(self, at: int, first: int, pages: Sequence[int]) -> None:
        """A row needs no table here: its pages are only counted."""

    def settle(self, at: int, column: int, page: int) -> None:
        """A page of a row is full: put it where others find it."""
        here = slice(column * PAGE, column * PAGE + PAGE)
        for layer, keys in self.k.items():
            values = self.v[layer]
            k, v = self.shelf.layer(layer, keys, values)
            k[page], v[page] = keys[at, :, here], values[at, :, here]
