"""The staged table of prepared documents, read in order and never held: one or several parquet files in a row.

A document's number is its place in all of them together; where its text begins among all texts is its place in bytes.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


class StagedTable:
    """Numbered parquet files that are one table."""

    def __init__(self, files: list[Path]):
        import pyarrow.parquet as parquet

        self.files = files
        told = [parquet.read_metadata(file) for file in files]
        self.documents = sum(each.num_rows for each in told)
        self.text_bytes = sum(_text_bytes(each) for each in told)  # about: what compares texts plans with it

    @cached_property
    def good(self) -> np.ndarray:
        """(documents,) bool: which ones nothing has removed yet."""
        import pyarrow.compute as compute

        found = np.zeros(self.documents, bool)
        for batch in self._groups(["number", "reason"]):
            found[numbers_of(batch)] = compute.equal(batch.column("reason"), "").to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]
        return found

    def batches(self, columns: list[str], wanted: np.ndarray) -> Iterator["pa.RecordBatch"]:
        """The number and `columns` of the documents that are wanted (documents,) bool."""
        import pyarrow as pa

        for batch in self._groups(["number", *columns]):
            there = wanted[numbers_of(batch)]
            if there.all():
                yield batch
            elif there.any():
                yield batch.filter(pa.array(there))

    def _groups(self, columns: list[str]) -> Iterator["pa.RecordBatch"]:
        import pyarrow.parquet as parquet

        for file in self.files:
            with parquet.ParquetFile(file) as opened:
                for group in range(opened.num_row_groups):
                    yield from opened.read_row_group(group, columns, use_threads=False).to_batches()


class Texts:
    """The wanted texts as bytes, one behind the other in one long row of bytes that nobody holds."""

    def __init__(self, staged: StagedTable, wanted: np.ndarray):
        self.staged, self.wanted = staged, wanted
        self.sizes = np.zeros(staged.documents, np.int64)

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        """(where it begins in the row of bytes, text (bytes,) uint8) of each."""
        at = 0
        for batch in self.staged.batches(["text"], self.wanted):
            data, ends = strings(batch.column("text"))
            self.sizes[numbers_of(batch)] = ends[1:] - ends[:-1]
            for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
                yield at, data[begin:end]
                at += end - begin


def _text_bytes(told: Any) -> int:
    groups = [told.row_group(number) for number in range(told.num_row_groups)]
    columns = [group.column(place) for group in groups for place in range(group.num_columns)]
    return sum(column.total_uncompressed_size for column in columns if column.path_in_schema == "text")


def numbers_of(batch: "pa.RecordBatch") -> np.ndarray:
    """The numbers of its documents."""
    return batch.column("number").to_numpy()


def strings(column: "pa.Array") -> tuple[np.ndarray, np.ndarray]:
    """A column of strings as (bytes, offsets (n + 1,)), without copying where they are large strings."""
    import pyarrow as pa

    _, offsets, data = column.cast(pa.large_string()).buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data or b"", np.uint8), ends


def names_of(staged: StagedTable, numbers: np.ndarray) -> "pa.Array":
    """The ids of documents whose numbers are given in order, without repeats."""
    import pyarrow as pa

    wanted = np.zeros(staged.documents, bool)
    wanted[numbers] = True
    found = [batch.column("id").cast(pa.large_string()) for batch in staged.batches(["id"], wanted)]
    return pa.concat_arrays(found) if found else pa.array([], pa.large_string())
