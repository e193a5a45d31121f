"""Tokens on their way into a training step: fixed windows of the token stream, in an order that is a formula.

`batch(step)` is pure: any step's rows can be had at any time, by any device, without the steps before it. Shards of
tokens come in, a Batch of ids, targets and weights goes to an objective.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from groundup.data.tokens.flat import windows
from groundup.data.tokens.order import key, permute
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem

Mask = Literal["documents", "none"]


@dataclass(frozen=True)
class Batch:
    """Some rows of one step; arrays are (rows, time) unless said otherwise."""

    ids: np.ndarray  # int64
    targets: np.ndarray  # int64: the token that follows each of `ids`
    weights: np.ndarray  # f32: how much it matters that the target is foretold; 0 where not at all
    segments: np.ndarray | None = None  # int32: texts packed into a row, blind to each other; None: one text a row
    positions: np.ndarray | None = None  # int64: where each token stands in its text; None: counted along the row
    columns: dict[str, np.ndarray] = field(default_factory=dict)  # what an objective asked to have beside the tokens
    documents: np.ndarray | None = None  # int64 (rows): the first document of each row, for the log


class Source(Protocol):
    """Whatever batches come from."""

    rows: int  # in a whole step
    time: int

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step (all of them by default): the same ones whenever, and on whichever device, it is asked."""
        ...


class Windowed(Protocol):
    """Whatever has rows that come first, second, … in an endless reading."""

    def read(self, numbers: np.ndarray) -> Batch:
        """Those rows (numbers int64, (rows))."""
        ...


class Pages:
    """Windows of `time` tokens. Each epoch shifts where windows begin and reads every window once, in another order."""

    def __init__(self, shards: Shards, rows: int, time: int, seed: int, mask: Mask = "none"):
        self.shards, self.rows, self.time, self.seed, self.mask = shards, rows, time, seed, mask
        self.windows = (len(shards.tokens) - time) // time  # so that even the furthest shifted one has a last target
        if self.windows < 1:
            raise Problem(
                f"{shards.folder} holds {len(shards.tokens)} tokens, too few for one window of {time} in every epoch: "
                f"give it at least {2 * time}, or make `time` smaller."
            )

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step, each a window that the epoch has not read yet."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        return self.read(step * self.rows + which.astype(np.int64))

    def read(self, numbers: np.ndarray) -> Batch:
        """The windows that come first, second, … in an endless reading (numbers int64, (rows))."""
        starts = self.starts(numbers)
        texts = windows(self.shards.tokens, starts, self.time + 1)
        self.shards.check(texts)
        ids, targets = texts[:, :-1], texts[:, 1:]
        segments = positions = None
        first = np.searchsorted(self.shards.offsets, starts, "right") - 1
        if self.mask == "documents":
            at = starts[:, None] + np.arange(self.time)
            document = np.searchsorted(self.shards.offsets, at, "right") - 1
            segments = (document - first[:, None]).astype(np.int32)
            positions = np.minimum(at - self.shards.offsets[document], np.arange(self.time))
        weights = np.ones(ids.shape, np.float32)
        return Batch(ids, targets, weights, segments, positions, documents=first)

    def starts(self, numbers: np.ndarray) -> np.ndarray:
        """Where in the token stream those windows begin."""
        epochs, places = np.divmod(numbers, self.windows)
        starts = np.empty_like(places)
        for epoch in np.unique(epochs).tolist():
            here = epochs == epoch
            shift = key(self.seed, "shift", epoch) % self.time
            starts[here] = permute(places[here], self.windows, key(self.seed, "pages", epoch)) * self.time + shift
        return starts


def pages(shards: Shards, rows: int, time: int, seed: int, mask: Mask = "none") -> Pages:
    """Batches of `rows` windows of `time` tokens; `mask: documents` hides the document before from the one after."""
    return Pages(shards, rows, time, seed, mask)
