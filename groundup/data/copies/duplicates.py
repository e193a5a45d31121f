"""What only shows when documents are compared: which of them are copies of earlier ones, exactly or nearly.

Works on the staged table and sorts on disk: memory holds a few numbers a document, never its text or its bands.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groundup.data.copies.near import CROWD, NearSettings, resemblance, runs_of
from groundup.data.copies.spill import Spill, groups
from groundup.data.copies.staged import StagedTable, numbers_of

PAIRS = 1 << 20  # candidates looked at in one go
LATELY = 8 << 20  # numbers in all sets of runs that are kept at hand


def exact_copies(staged: StagedTable, folder: Path) -> np.ndarray:
    """first (documents,): the number of the first document with the same text, its own for all others."""
    spill = Spill(folder, "exact", 2, rows=staged.documents)
    for batch in staged.batches(["exact"], staged.good):
        spill.add(batch.column("exact").to_numpy().view(np.uint64), numbers_of(batch))
    first = np.arange(staged.documents)
    for rows in spill.sorted_parts():
        begins, ends = groups(rows[:, 0])
        first[rows[:, 1].astype(np.int64)] = np.repeat(rows[begins, 1].astype(np.int64), ends - begins)
    return first


@dataclass
class Clusters:
    """Documents that belong together: `label` (documents,) is the smallest number of each one's cluster."""

    label: np.ndarray
    runs: "Runs | None"  # of all that met somebody; where meeting is enough, nobody looked

    def close(self) -> None:
        if self.runs is not None:
            self.runs.close()


def near_copies(staged: StagedTable, folder: Path, settings: NearSettings, gone: np.ndarray) -> Clusters:
    """The clusters of documents that are nearly the same, among those not gone (documents,) bool."""
    from groundup.kernels import unions

    met, forest = _met(staged, folder, gone, settings.bands), np.arange(staged.documents)
    if not settings.verified:
        for rows in met.sorted_parts():
            begins, ends = groups(rows[:, 0])
            numbers = rows[:, 1].astype(np.int64)
            unions.unite(forest, np.repeat(numbers[begins], ends - begins), numbers)
        return Clusters(unions.roots(forest), None)
    pairs, asked = _pairs(met, folder, staged.documents)
    runs = Runs(staged, folder / "runs", settings.run, asked)
    for rows in pairs.sorted_parts():
        _decide(rows, forest, runs, settings.similarity)
    return Clusters(unions.roots(forest), runs)


def _met(staged: StagedTable, folder: Path, gone: np.ndarray, bands: int) -> Spill:
    """(band, number) of every document."""
    spill = Spill(folder, "bands", 2, rows=staged.documents * bands)
    for batch in staged.batches(["bands"], staged.good & ~gone):
        column = batch.column("bands")
        numbers = np.repeat(numbers_of(batch), column.value_lengths().fill_null(0).to_numpy())
        spill.add(column.flatten().to_numpy(), numbers)
    return spill


def _pairs(met: Spill, folder: Path, documents: int) -> tuple[Spill, np.ndarray]:
    """(other, one) of all that met, and which documents (documents,) bool those are.

    Parted by the later one: of those no place has many, while the first of a crowd stands in all its pairs.
    """
    from groundup.kernels import meetings

    spill, asked = Spill(folder, "pairs", 2, limit=max(1, documents), rows=4 * met.rows), np.zeros(documents, bool)
    for rows in met.sorted_parts():
        begins, ends = groups(rows[:, 0])
        several = ends - begins > 1
        begins, ends = begins[several], ends[several]
        for low, high in _slices(meetings.meetings(begins, ends, CROWD)):
            total = int(meetings.meetings(begins[low:high], ends[low:high], CROWD).sum())
            others, ones = meetings.pairs(rows[:, 1], begins[low:high], ends[low:high], CROWD, total)
            asked[others.astype(np.int64)] = asked[ones.astype(np.int64)] = True
            spill.add(others, ones)
    return spill, asked


def _slices(sizes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Neighbouring groups with about PAIRS pairs together."""
    done = np.cumsum(sizes)
    bounds = np.searchsorted(done, np.arange(PAIRS, int(done[-1]) if len(done) else 0, PAIRS)).tolist()
    bounds = sorted({0, *bounds, len(sizes)})
    yield from zip(bounds, bounds[1:], strict=False)


def _decide(rows: np.ndarray, forest: np.ndarray, runs: "Runs", similarity: float) -> None:
    """Join the documents of candidate pairs (other, one) that are alike enough; who is joined already is not asked."""
    from groundup.kernels import unions

    if len(rows):
        rows = rows[np.concatenate([[True], (rows[1:] != rows[:-1]).any(1)])]
    for begin in range(0, len(rows), PAIRS):
        others, ones = rows[begin : begin + PAIRS].astype(np.int64).T.copy()
        possible = unions.apart(forest, ones, others) & runs.could_reach(similarity, ones, others)
        for one, other in zip(ones[possible], others[possible], strict=True):
            if unions.root(forest, one) != unions.root(forest, other) and runs.alike(one, other) >= similarity:
                unions.unite(forest, np.array([one]), np.array([other]))


class Runs:
    """The runs of words of some documents, on disk; read one document at a time, so that memory stays flat."""

    def __init__(self, staged: StagedTable, path: Path, run: int, wanted: np.ndarray):
        self.sizes = np.zeros(staged.documents, np.int64)
        with open(path, "wb") as file:
            for batch in staged.batches(["text"], wanted):
                for number, text in zip(numbers_of(batch).tolist(), batch.column("text"), strict=True):
                    runs = runs_of(text.as_py(), run)
                    self.sizes[number] = len(runs)
                    runs.tofile(file)
        self.begins = np.cumsum(self.sizes) - self.sizes
        self._file = open(path, "rb")
        self._lately: OrderedDict[int, np.ndarray] = OrderedDict()
        self._held = 0
        path.unlink()  # the file is gone when it is closed

    def could_reach(self, similarity: float, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Whether sets of these sizes can be so similar at all: at best the smaller lies within the larger."""
        one, other = self.sizes[ones], self.sizes[others]
        return np.minimum(one, other) >= similarity * np.maximum(one, other) - 1e-6

    def alike(self, one: int, other: int) -> float:
        """How similar two documents are, by Jaccard's measure."""
        return resemblance(self.of(int(one)), self.of(int(other)))

    def of(self, number: int) -> np.ndarray:
        """The runs of one document."""
        if number in self._lately:
            self._lately.move_to_end(number)
            return self._lately[number]
        raw = os.pread(self._file.fileno(), 8 * int(self.sizes[number]), 8 * int(self.begins[number]))
        found = self._lately[number] = np.frombuffer(raw, np.uint64)
        self._held += len(found)
        while self._held > LATELY and len(self._lately) > 1:
            self._held -= len(self._lately.popitem(last=False)[1])
        return found

    def close(self) -> None:
        self._file.close()
