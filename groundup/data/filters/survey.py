"""A text as the compiled filters read it: its bytes, its table of characters and its words, each made once.

The kernels are only imported here, when a filter first asks: that takes a second, and some seconds where they must be compiled.
"""

from functools import cached_property
from typing import Any

import numpy as np

from groundup.data.filters.words import table

SPARE = 8  # bytes that the kernels may read after the end


class Survey:
    """What is known of a text before it is judged."""

    def __init__(self, text: str):
        encoded = text.encode("utf-8", "surrogatepass")
        self.bytes, self.characters = encoded, len(text)
        self.size, self.table = len(encoded), table()
        self.raw = np.frombuffer(encoded + bytes(SPARE), np.uint8)

    @cached_property
    def _words(self) -> tuple[Any, np.ndarray]:
        from groundup.kernels import prose

        key, rows = prose.words(self.raw, self.size, self.table)
        return np.uint64(key), rows

    @property
    def key(self) -> Any:
        """What hashes of this text are keyed with."""
        return self._words[0]

    @property
    def rows(self) -> np.ndarray:
        """The words (words, 3) uint64 as `kernels/prose.py` writes them."""
        return self._words[1]

    def words_at(self, first: int, count: int) -> str:
        """The words from the first on, for a person to read."""
        start = int(self.rows[first, 0])
        last = int(self.rows[first + count - 1, 0])
        size = int(self.rows[first + count - 1, 2]) >> 8
        end = self.bytes[last : last + 4 * size].decode("utf-8", "ignore")[:size]
        return f"{self.bytes[start:last].decode('utf-8', 'ignore')}{end}"
