"""More numbers than memory holds: rows are thrown into files by their first column, and each file is sorted by itself.

Every part holds a range of the first column, so the parts one after another are the whole in order.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

WAITING = 24 << 20  # bytes that may wait in memory before they are written
PARTS, MOST_PARTS = 64, 4096
PART = 48 << 20  # bytes of rows that a part should not exceed


class Spill:
    """Rows of `columns` uint64 each, parted by the range in which their first column falls."""

    def __init__(self, folder: Path, name: str, columns: int, limit: int = 1 << 64, rows: int = 0):
        """`limit`: the first column is below it; `rows`: about how many there may be, which decides how fine the parts are."""
        folder.mkdir(parents=True, exist_ok=True)
        self.columns, self.parts = columns, min(MOST_PARTS, max(PARTS, 8 * columns * rows // PART))
        self.width = -(-limit // self.parts)  # of a part's range
        self.paths = [folder / f"{name}-{part:04}.rows" for part in range(self.parts)]
        for path in self.paths:
            path.unlink(missing_ok=True)
        self.rows = self._bytes = 0
        self._waiting: list[np.ndarray] = []

    def add(self, *columns: np.ndarray) -> None:
        """Append rows, given column by column."""
        if not len(columns[0]):
            return
        rows = np.empty((len(columns[0]), self.columns), np.uint64)
        for at, column in enumerate(columns):
            rows[:, at] = column
        self._waiting.append(rows)
        self.rows += len(rows)
        self._bytes += rows.nbytes
        if self._bytes >= WAITING:
            self._write()

    def sorted_parts(self) -> Iterator[np.ndarray]:
        """Each part's rows (n, columns) in order of the first column, then the second; the files go as they are read."""
        self._write()
        for path in self.paths:
            if path.exists():
                yield in_order(np.fromfile(path, np.uint64).reshape(-1, self.columns))
                path.unlink()

    def _write(self) -> None:
        if not self._waiting:
            return
        rows = np.concatenate(self._waiting)
        self._waiting, self._bytes = [], 0
        part = (rows[:, 0] // np.uint64(self.width)).astype(np.uint16)  # of 16 bits, since numpy sorts those by digits
        order = np.argsort(part, kind="stable")
        ends = np.searchsorted(part[order], np.arange(self.parts, dtype=np.uint16), "right")
        begin = 0
        for path, end in zip(self.paths, ends.tolist(), strict=True):
            if end > begin:
                with open(path, "ab") as file:
                    rows[order[begin:end]].tofile(file)
            begin = end


def in_order(rows: np.ndarray) -> np.ndarray:
    """Rows by their first column, then by their second."""
    rows = rows[np.argsort(rows[:, 1], kind="stable")] if rows.shape[1] > 1 else rows
    return rows[np.argsort(rows[:, 0], kind="stable")]


def groups(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each run of equal keys begins and ends in sorted keys (n,)."""
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.int64)
    return begins, np.append(begins[1:], len(keys)).astype(np.int64)
