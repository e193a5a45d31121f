"""The words of a training text as arrays, and the pairs in them: which to join next, and the joining of it.

The loops are those of `kernels.piece_train`; here are the arrays that they work in, and when one has to grow. While the most
frequent pair is wanted, only pairs of at least `least` occurrences are looked at; when none is left, it is halved.
"""

import numpy as np

from groundup.kernels import piece_train


class Joins:
    """Words cut into numbered pieces, their pairs counted."""

    def __init__(self, words: list[list[int]], counts: list[int], size: int):
        """words: the numbers of each word's pieces; size: how many numbers there will be."""
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        self.symbols = np.fromiter((number for word in words for number in word), np.int64, int(lengths.sum()))
        self.spans = np.stack([np.cumsum(lengths) - lengths, lengths, np.array(counts, np.int64)], axis=1)
        bound = (
            3 * len(self.symbols) + 16
        )  # every join of two places makes at most two new pairs; untouched pages cost nothing
        self.pairs, self.heads = np.empty((bound, 4), np.int64), np.empty(bound, np.int64)
        self.entries, self.uses = np.empty((bound, 2), np.int64), np.zeros(size + 1, np.int64)
        self.candidates, self.chosen = np.empty(bound, np.int64), np.zeros(bound, np.bool_)
        self.state, self.fresh = np.zeros(4, np.int64), np.zeros(int(lengths.max()), np.bool_)
        self.slots = np.zeros((1 << 12, 2), np.uint64)
        self.least, self.next = 0, -1
        while self._count() < len(self.spans):
            self._enlarge()

    def best(self, wanted: int, by_likelihood: bool) -> tuple[int, int] | None:
        """The pair that scores highest of those that occur at least `wanted` times."""
        if not self.least:
            most = int(self.pairs[: self.state[piece_train.NUMBER], 2].max())
            self._choose(wanted if by_likelihood else max(wanted, most // 2))
        while True:
            place = self.pairs, self.uses, self.state, self.candidates
            self.next = int(piece_train.best(*place, self.least, by_likelihood))
            if self.next >= 0 or self.least == wanted:
                break
            self._choose(max(wanted, self.least // 2))
        return (int(self.pairs[self.next, 0]), int(self.pairs[self.next, 1])) if self.next >= 0 else None

    def join(self, made: int) -> None:
        """Join the pair that `best` found last to the piece of that number."""
        while 2 * (int(self.state[piece_train.NUMBER]) + 2 * int(self.pairs[self.next, 3])) > len(self.slots):
            self._enlarge()
        place = self.symbols, self.spans, self.slots, self.pairs, self.heads, self.entries, self.uses, self.state
        piece_train.join(self.next, made, *place, self.candidates, self.chosen, self.least, self.fresh)

    def _count(self) -> int:
        place = self.symbols, self.spans, self.slots, self.pairs, self.heads, self.entries, self.uses, self.state
        return int(piece_train.count(*place))

    def _enlarge(self) -> None:
        number = int(self.state[piece_train.NUMBER])
        self.slots = piece_train.enlarged(self.pairs, number, 2 * len(self.slots))

    def _choose(self, least: int) -> None:
        self.least = least
        piece_train.choose(self.pairs, self.state, least, self.candidates, self.chosen)
