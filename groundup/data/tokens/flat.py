"""Several files of tokens that read like one: each is mapped into memory, and a place is found by its file's first token.

Shards are written in files of a size that can be moved and hashed one by one; whoever reads them sees one long array.
"""

from collections.abc import Sequence

import numpy as np


class Joined:
    """Arrays laid end to end without copying; indexed by numbers, arrays of numbers and slices, like one of them."""

    def __init__(self, parts: Sequence[np.ndarray]):
        self.parts, self.dtype = list(parts), parts[0].dtype
        self.starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        self.shape = (int(self.starts[-1]),)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, place: int | slice | np.ndarray) -> np.ndarray:
        if isinstance(place, slice):
            start, stop, stride = place.indices(len(self))
            return self.between(start, stop)[::stride] if stride > 0 else self[np.arange(start, stop, stride)]
        at = np.asarray(place, np.int64)
        at = np.where(at < 0, at + len(self), at)
        if at.size and (int(at.min()) < 0 or int(at.max()) >= len(self)):
            raise IndexError(f"a place outside the {len(self)} tokens")
        found, files = np.empty(at.shape, self.dtype), np.searchsorted(self.starts, at, "right") - 1
        for file in np.unique(files).tolist():
            here = files == file
            found[here] = self.parts[file][at[here] - self.starts[file]]
        return found[()]

    def between(self, start: int, stop: int) -> np.ndarray:
        """The tokens from start to stop; a copy only where they cross from one file to the next."""
        if start >= stop:
            return np.zeros(0, self.dtype)
        first, last = np.searchsorted(self.starts, [start, stop - 1], "right") - 1
        cut = [
            self.parts[file][max(0, start - self.starts[file]) : stop - self.starts[file]]
            for file in range(first, last + 1)
        ]
        return cut[0] if len(cut) == 1 else np.concatenate(cut)

    def max(self) -> np.integer:
        """The largest of all."""
        return max(part.max() for part in self.parts if len(part))

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.concatenate(self.parts).astype(dtype or self.dtype)


def windows(tokens: np.ndarray | Joined, starts: np.ndarray, length: int) -> np.ndarray:
    """The `length` tokens from each of `starts` on (starts, length) int64."""
    found = np.empty((len(starts), length), np.int64)
    for row, start in enumerate(starts.tolist()):
        found[row] = tokens[start : start + length]
    return found


def windows_by_definition(tokens: np.ndarray | Joined, starts: np.ndarray, length: int) -> np.ndarray:
    """The same, every token looked up by its own place."""
    return np.asarray(tokens[starts[:, None] + np.arange(length)], np.int64)
