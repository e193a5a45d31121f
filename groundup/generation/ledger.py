"""Who holds which page: every page is free, held by one text or several, or rests because a text may come that begins so.

Plain bookkeeping over numbers; what lies in the pages is in `pages.py`, what is known of it in `prefixes.py`.
"""

from collections.abc import Iterable, Sequence

from groundup.generation.pages import NOBODYS
from groundup.generation.prefixes import Prefixes


class Ledger:
    """Pages 1 … total; page 0 is nobody's."""

    def __init__(self, total: int):
        self.total = total
        self.free = list(range(total, NOBODYS, -1))  # taken from the end: neighbours while nothing was given back
        self.holders = [0] * (total + 1)
        self.prefixes = Prefixes()

    @property
    def available(self) -> int:
        """Pages that can be taken: free ones, and those that only rest."""
        return len(self.free) + self.cached

    @property
    def cached(self) -> int:
        """Pages that rest."""
        return len(self.prefixes.resting)

    @property
    def used(self) -> int:
        """Pages that texts hold."""
        return self.total - self.available

    def take(self, count: int) -> list[int] | None:
        """So many pages for one text, with what rested longest given up if need be; None, and nothing changed, if there
        are not so many."""
        if count > self.available:
            return None
        while len(self.free) < count:
            self.free.append(self.prefixes.forget_oldest())
        taken = [self.free.pop() for _ in range(count)]
        for page in taken:
            self.holders[page] = 1
        return taken

    def share(self, pages: Iterable[int]) -> None:
        """One more text holds these pages."""
        for page in pages:
            self.prefixes.wake(page)
            self.holders[page] += 1

    def give_back(self, pages: Sequence[int]) -> None:
        """A text gives up its pages, the last first: of a beginning, the end is forgotten before what leads to it."""
        for page in reversed(pages):
            self.holders[page] -= 1
            if not self.holders[page] and not self.prefixes.rest(page):
                self.free.append(page)
