"""What an encoder of pieces remembers: the words it has seen, and their ids."""

from typing import NamedTuple

import numpy as np

SMALLEST, LARGEST = 12, 19  # log2 of the slots
SPARE = 64  # bytes, and ids, that the next word may need


class Memory(NamedTuple):
    """One thread's at a time; what stands in it is said by `kernels.unigram_viterbi`."""

    table: np.ndarray
    arena: np.ndarray
    ids: np.ndarray
    state: np.ndarray

    @classmethod
    def of_size(cls, bits: int) -> "Memory":
        """Empty, for 2^(bits - 1) words."""
        arena, ids = np.empty(8 << bits, np.uint8), np.empty(4 << bits, np.uint32)
        return cls(np.zeros((1 << bits, 4), np.uint64), arena, ids, np.zeros(3, np.int64))

    def larger(self) -> "Memory":
        """Itself, or an empty larger one where it is full and may grow."""
        words, used, ids = self.state.tolist()
        roomy = 2 * words < len(self.table) and used + SPARE < len(self.arena) and ids + SPARE < len(self.ids)
        bits = len(self.table).bit_length() - 1
        return self if roomy or bits >= LARGEST else Memory.of_size(min(LARGEST, bits + 2))
