"""Parquet files that lie here, some rows at a time; one that is damaged is a sentence with its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData, ParquetFile


def opened(file: Path) -> "ParquetFile":
    """The file, its footer read."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        return parquet.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(file, error) from None


def told(file: Path) -> "FileMetaData":
    """What its footer says."""
    return opened(file).metadata


def batches(file: Path, rows: int, columns: list[str]) -> "Iterator[pa.RecordBatch]":
    """Some columns of all rows, so many rows at a time."""
    import pyarrow as pa

    try:
        yield from opened(file).iter_batches(rows, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(file, error) from None


def rows(file: Path, *columns: str) -> Iterator[dict[str, Any]]:
    """Some columns of all rows; one that is missing is a Problem."""
    there = opened(file).schema_arrow.names
    if missing := [name for name in columns if name not in there]:
        raise Problem(f"{file} has no column {missing[0]!r}; it has {', '.join(there)}")
    return (row for batch in batches(file, 4096, list(columns)) for row in batch.to_pylist())


@contextmanager
def reading(file: Path) -> "Iterator[ParquetFile]":
    """The file, open as long as the block lasts."""
    import pyarrow as pa

    try:
        with opened(file) as there:
            yield there
    except (OSError, pa.ArrowException) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> Problem:
    return Problem(f"{file} cannot be read as Parquet ({error}): it is damaged or not whole, make or fetch it again")
