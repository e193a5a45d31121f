"""Pages made of whole documents: what fits into a row is never cut, what is left of a row is padding without weight.

Documents of a folder come in; those longer than a row are cut into rows of their own and a rest. Windows of neighbouring
documents are packed one by one, best fit first, so the same folder always gives the same rows; epochs shuffle the rows.
"""

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np

from groundup.data.tokens.batches import Batch, Mask, Pages
from groundup.data.tokens.examples import shuffled
from groundup.data.tokens.packing import best_fit
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem

TOGETHER = 1 << 14  # pieces that are packed among themselves: enough for hardly any padding, few enough to be quick


class Packed:
    """Rows of whole documents. Every token is read once an epoch, and foretells the one that follows it in the folder.

    A piece of a document is known by where it starts and how long it is: 16 bytes each are kept in memory, and as much a row.
    """

    def __init__(self, shards: Shards, rows: int, time: int, seed: int, mask: Mask = "documents"):
        self.shards, self.rows, self.time, self.seed, self.mask = shards, rows, time, seed, mask
        starts, lengths = pieces(np.asarray(shards.offsets), time)
        order, self.first = packed(lengths, time)
        self.starts, self.lengths = starts[order], lengths[order]
        self.windows = len(self.first) - 1
        if self.windows < 1:
            raise Problem(f"{shards.folder} holds no tokens to be packed into rows: give it some text.")

    @property
    def padding(self) -> float:
        """The share of all places that hold nothing."""
        return 1 - int(self.lengths.sum()) / (self.windows * self.time)

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step, each one that the epoch has not read yet."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        return self.read(step * self.rows + which.astype(np.int64))

    def read(self, numbers: np.ndarray) -> Batch:
        """The rows that come first, second, … in an endless reading (numbers int64, (rows))."""
        chosen = shuffled(numbers, self.windows, self.seed, "packed rows")
        shape = len(chosen), self.time
        ids, targets, positions = (np.zeros(shape, np.int64) for _ in range(3))
        weights, segments = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
        for row, number in enumerate(chosen.tolist()):
            at = segment = 0
            for piece in range(self.first[number], self.first[number + 1]):
                start, length = int(self.starts[piece]), int(self.lengths[piece])
                text = np.asarray(self.shards.tokens[start : start + length + 1], np.int64)
                here = row, slice(at, at + length)
                ids[here], segments[here], positions[here] = text[:length], segment, np.arange(length)
                known = len(text) - 1  # the very last token of the folder foretells nothing
                targets[row, at : at + known], weights[row, at : at + known] = text[1:], 1
                at, segment = at + length, segment + 1
            segments[row, at:], positions[row, at:] = segment, np.arange(self.time - at)
        self.shards.check(ids)
        first = np.searchsorted(self.shards.offsets, self.starts[self.first[chosen]], "right") - 1
        hidden = (segments, positions) if self.mask == "documents" else (None, None)
        return Batch(ids, targets, weights, *hidden, documents=first)


def pieces(offsets: np.ndarray, time: int) -> tuple[np.ndarray, np.ndarray]:
    """Borders of documents -> where pieces of at most `time` tokens start, and their lengths; most are whole documents."""
    lengths = np.diff(offsets)
    counts = -(-lengths // time)
    document = np.repeat(np.arange(len(lengths)), counts)
    number = np.arange(len(document)) - np.repeat(np.cumsum(counts) - counts, counts)
    return offsets[:-1][document] + number * time, np.minimum(lengths[document] - number * time, time)


def packed(lengths: np.ndarray, time: int, together: int = TOGETHER) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of pieces -> the pieces in the order of rows, and where in that order each row begins (rows + 1)."""
    order, counts = [np.zeros(0, np.int64)], [np.zeros(1, np.int64)]
    for start in range(0, len(lengths), together):
        rows = [sorted(row) for row in best_fit(lengths[start : start + together], time)]
        order.append(start + np.fromiter(chain.from_iterable(rows), np.int64))
        counts.append(np.fromiter(map(len, rows), np.int64, len(rows)))
    return np.concatenate(order), np.cumsum(np.concatenate(counts))


# How documents become rows.
PAGES: dict[str, Callable[..., Pages | Packed]] = {"concatenate": Pages, "best_fit": Packed}
