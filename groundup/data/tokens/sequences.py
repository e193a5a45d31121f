"""A text to be read and a text to be written, on their way into a training step of an encoder-decoder.

Pairs of ids come in, one to a row; rows of sources and of targets come out, each target beside what was written before it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from groundup.data.tokens.batches import Batch
from groundup.data.tokens.examples import checked, lines, shuffled
from groundup.errors import Problem


class Sequences:
    """Pairs (source ids, target ids) in rows as long as the longest of each; every epoch reads them all, in another order.

    A target begins after `start_id` and ends in `end_id`, which is learnt as well. `longest` tokens fit; longer pairs are
    left out and counted in `dropped`.
    """

    def __init__(
        self,
        pairs: Iterable[tuple[Sequence[int], Sequence[int]]],
        rows: int,
        longest: int,
        seed: int,
        start_id: int,
        end_id: int,
    ):
        given = [(np.asarray(source, np.int64), np.asarray([*target, end_id], np.int64)) for source, target in pairs]
        self.pairs = [pair for pair in given if 0 < len(pair[0]) <= longest and len(pair[1]) <= longest]
        self.dropped = len(given) - len(self.pairs)
        if not self.pairs:
            raise Problem(
                f"No pair of source and target fits into {longest} tokens ({self.dropped} were dropped): make `time` larger."
            )
        self.rows, self.seed, self.start_id = rows, seed, start_id
        self.lengths = tuple(max(len(pair[side]) for pair in self.pairs) for side in range(2))
        self.time = sum(self.lengths)  # tokens of a row that pass through the model

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        numbers = step * self.rows + which.astype(np.int64)
        found = [self.pairs[number] for number in shuffled(numbers, len(self.pairs), self.seed, "sequences")]
        source, there = _filled([pair[0] for pair in found], self.lengths[0])
        targets, learnt = _filled([pair[1] for pair in found], self.lengths[1])
        return reading_and_writing(source, there, targets, learnt, self.start_id)


def reading_and_writing(
    source: np.ndarray, there: np.ndarray, targets: np.ndarray, learnt: np.ndarray, start_id: int
) -> Batch:
    """source int64 and there bool (rows, slots), targets int64 and learnt bool (rows, time) -> a batch whose ids are the
    targets one later, after the start; columns `source` and `source_mask`."""
    before = np.concatenate([np.full((len(targets), 1), start_id), targets[:, :-1]], 1)
    return Batch(before, targets, learnt.astype(np.float32), columns={"source": source, "source_mask": there})


def sequences(files: Sequence[Path | str], tokenizer: Any, rows: int, time: int, seed: int, end_id: int) -> Sequences:
    """Batches of the pairs in JSON lines {"source": text, "target": text}; the id that ends a target also begins it."""
    told = [[checked(where, record, side, str) for side in ("source", "target")] for where, record in lines(files)]
    sides = [tokenizer.encode_many([pair[side] for pair in told]) for side in range(2)]
    return Sequences(zip(*sides, strict=True), rows, time, seed, end_id, end_id)


def _filled(texts: Sequence[np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts -> ids int64 (texts, length), zero where nothing is, and bool where there is a token."""
    ids, there = np.zeros((len(texts), length), np.int64), np.zeros((len(texts), length), bool)
    for row, text in enumerate(texts):
        ids[row, : len(text)], there[row, : len(text)] = text, True
    return ids, there
