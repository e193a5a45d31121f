"""Short texts side by side in rows of one length, so that little of a step is spent on padding.

Lengths come in, rows of text numbers go out; the same lengths always give the same rows.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from groundup.data.tokens.batches import Batch, Mask

EMPTY = {"pair": -1, "side": 0}  # what a column holds in rows that know nothing of it


@dataclass(frozen=True)
class Text:
    """One rendered conversation."""

    ids: np.ndarray  # int64 (tokens)
    answers: np.ndarray  # bool (tokens): what the assistant says


@dataclass
class Counted:
    """What did not fit, to be told."""

    kept: int = 0
    cut: int = 0  # later turns left out
    dropped: int = 0  # no answer fits, or there is none
    weighted: int = 0  # tokens that are learnt from


def best_fit(lengths: np.ndarray, room: int) -> list[list[int]]:
    """Rows of text numbers, none longer than `room`: longest first, each into the fullest row that still takes it."""
    rows: list[list[int]] = []
    open_rows: dict[int, list[int]] = {}  # room left -> rows that have exactly that much
    lefts: list[int] = []  # the keys of open_rows, sorted
    for text in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[text])
        place = bisect_left(lefts, length)
        if place == len(lefts):
            row, left = len(rows), room
            rows.append([])
        else:
            left = lefts[place]
            row = open_rows[left].pop()
            if not open_rows[left]:
                del open_rows[left], lefts[place]
        rows[row].append(text)
        left -= length
        if left not in open_rows:
            open_rows[left] = []
            insort(lefts, left)
        open_rows[left].append(row)
    return rows


def fit(text: Text, time: int, counted: Counted) -> Text | None:
    """The text, or as many of its turns as fit (the last one an answer), or None; the count is kept."""
    ends = [int(end) for end in ends_of(text) if end <= time + 1]
    if not ends:
        counted.dropped += 1
        return None
    counted.kept += 1
    counted.cut += len(text.ids) > time + 1
    kept = Text(text.ids[: ends[-1]], text.answers[: ends[-1]]) if len(text.ids) > time + 1 else text
    counted.weighted += int(kept.answers[1:].sum())
    return kept


def lay(rows: Sequence[Sequence[Text]], time: int, mask: Mask) -> Batch:
    """Texts side by side in each row (their last token is only ever a target); what is left over has no weight."""
    shape = len(rows), time
    ids, targets, positions = (np.zeros(shape, np.int64) for _ in range(3))
    weights, segments = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    for number, row in enumerate(rows):
        at = 0
        for segment, text in enumerate(row):
            here = slice(at, at + len(text.ids) - 1)
            ids[number, here], targets[number, here] = text.ids[:-1], text.ids[1:]
            weights[number, here], segments[number, here] = text.answers[1:], segment
            positions[number, here] = np.arange(len(text.ids) - 1)
            at = here.stop
        segments[number, at:] = len(row)
        positions[number, at:] = np.arange(time - at)
    return Batch(ids, targets, weights, *((segments, positions) if mask == "documents" else (None, None)))


def with_column(batch: Batch, name: str, value: bool) -> Batch:
    """The same batch with one more column (rows, time) of one value."""
    return replace(batch, columns=batch.columns | {name: np.full(batch.ids.shape, value)})


def stack(parts: Sequence[Batch]) -> Batch:
    """Rows of several batches below each other; what only some have is filled: one segment, nothing paired."""
    if len(parts) == 1:
        return parts[0]
    segments = positions = None
    if any(part.segments is not None for part in parts):
        segments = np.concatenate([_filled(part.segments, part, 0) for part in parts])
        positions = np.concatenate([_filled(part.positions, part, np.arange(part.ids.shape[1])) for part in parts])
    columns: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(name for part in parts for name in part.columns):
        have = [part for part in parts if name in part.columns or name in EMPTY]
        columns[name] = np.concatenate([_filled(part.columns.get(name), part, EMPTY.get(name, 0)) for part in have])
    ids, targets, weights = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "targets", "weights")
    )
    documents = np.concatenate([part.documents for part in parts if part.documents is not None])
    return Batch(ids, targets, weights, segments, positions, columns, documents)


def _filled(column: np.ndarray | None, batch: Batch, empty: int | np.ndarray) -> np.ndarray:
    return np.zeros(batch.ids.shape, np.int64) + empty if column is None else column


def ends_of(text: Text) -> np.ndarray:
    """Where answers end: the places just after them."""
    return np.flatnonzero(np.diff(np.append(text.answers, False).astype(np.int8)) == -1) + 1
