"""Pieces that are cut out of documents: spans found all over the corpus, on disk, handed out document by document."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from groundup.data.copies.spill import Spill


class Cuts:
    """The spans (begin, end) in bytes that are cut out of each document."""

    def __init__(self, path: Path, counts: np.ndarray):
        """path: spans of int64, document after document; counts (documents,): how many each has."""
        self.path, self.counts = path, counts
        self.begins = np.cumsum(counts) - counts

    def of(self, number: int) -> list[tuple[int, int]]:
        """The spans of one document, in order."""
        if not self.counts[number]:
            return []
        with open(self.path, "rb") as file:
            raw = os.pread(file.fileno(), 16 * int(self.counts[number]), 16 * int(self.begins[number]))
        return [(begin, end) for begin, end in np.frombuffer(raw, np.int64).reshape(-1, 2).tolist()]


class Spans:
    """Collects spans in the one long row of all texts (see `staged.Texts`), in any order."""

    def __init__(self, folder: Path, name: str, total: int):
        self.path = folder / f"{name}.cuts"
        self._spill = Spill(folder, f"{name}-spans", 2, limit=max(1, total), rows=total // 8)

    def add(self, begins: np.ndarray, ends: np.ndarray) -> None:
        """Append spans."""
        self._spill.add(begins, ends)

    def cuts(self, sizes: np.ndarray) -> Cuts:
        """The spans by document, given the sizes (documents,) of the texts in the row."""
        base, counts = np.cumsum(sizes) - sizes, np.zeros(len(sizes), np.int64)
        with open(self.path, "wb") as file:
            for begins, ends in self._united():
                number = np.searchsorted(base, begins, "right") - 1
                np.stack([begins - base[number], ends - base[number]], 1).tofile(file)
                np.add.at(counts, number, 1)
        return Cuts(self.path, counts)

    def _united(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Spans that overlap as one; the last of a part waits for those of the next."""
        from groundup.kernels.pieces import united

        waiting = np.zeros((0, 2), np.int64)
        for rows in self._spill.sorted_parts():
            both = np.concatenate([waiting, rows.astype(np.int64)])
            begins, ends = united(both[:, 0].copy(), both[:, 1].copy())
            waiting = np.stack([begins[-1:], ends[-1:]], 1)
            yield begins[:-1], ends[:-1]
        yield waiting[:, 0], waiting[:, 1]


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text without some spans of its bytes (they may overlap); a blank behind a hole goes if one stands before it."""
    raw = text.encode("utf-8", "replace")
    kept, at = [], 0
    for begin, end in sorted(spans):
        if begin > at:
            kept.append(raw[at:begin])
        if end > at and (not begin or raw[begin - 1 : begin] in (b" ", b"\n")):
            while raw[end : end + 1] == b" ":
                end += 1
        at = max(at, end)
    kept.append(raw[at:])
    return b"".join(kept).decode("utf-8", "replace")
