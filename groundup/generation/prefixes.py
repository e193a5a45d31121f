"""Texts that begin alike need their beginning read only once: which pages hold what, found by what stands in them.

A page's key is made of its tokens, the key of the page before it, and the salt before the first: equal keys mean that
everything up to the page's end is equal, and was asked for with the same salt. Only full pages have keys, and a full page
never changes, so sharing needs no copies.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from groundup.generation.pages import PAGE

BYTES = 20  # of a key: two different beginnings have the same one less often than memory errs


def lengthen(keys: list[bytes], tokens: Sequence[int], salt: str) -> None:
    """Add the keys of those full pages of a text that `keys` has none of yet."""
    for start in range(len(keys) * PAGE, len(tokens) - PAGE + 1, PAGE):
        before = keys[-1] if keys else blake2b(salt.encode(), digest_size=BYTES).digest()
        keys.append(blake2b(before + array("q", tokens[start : start + PAGE]).tobytes(), digest_size=BYTES).digest())


class Prefixes:
    """Pages by their keys. Those that no text holds rest here, the longest unused first, until their memory is needed."""

    def __init__(self):
        self.page_of: dict[bytes, int] = {}
        self.key_of: dict[int, bytes] = {}
        self.resting: OrderedDict[int, None] = OrderedDict()

    def find(self, keys: Sequence[bytes]) -> list[int]:
        """The pages of as much of the beginning as is known."""
        found = []
        for key in keys:
            if key not in self.page_of:
                break
            found.append(self.page_of[key])
        return found

    def learn(self, key: bytes, page: int) -> bool:
        """From now on the page can be found; False if another one holds the same."""
        if key in self.page_of:
            return False
        self.page_of[key], self.key_of[page] = page, key
        return True

    def rest(self, page: int) -> bool:
        """Nobody holds the page any more; False if it has no key, so that nobody will ever ask for it."""
        if page not in self.key_of:
            return False
        self.resting[page] = None
        return True

    def wake(self, page: int) -> None:
        """Somebody holds the page again."""
        self.resting.pop(page, None)

    def forget_oldest(self) -> int:
        """Give up the page that has rested longest."""
        page, _ = self.resting.popitem(last=False)
        del self.page_of[self.key_of.pop(page)]
        return page
