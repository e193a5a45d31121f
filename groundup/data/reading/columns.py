"""Parquet and Arrow files: tables whose columns are read by name, a few hundred rows at a time."""

import io
from collections.abc import Iterable, Iterator
from typing import IO, Any

from groundup.data.documents import Record
from groundup.data.reading.bounds import HELD, whole
from groundup.data.reading.fields import NAMED, columns_of, record_of
from groundup.data.reading.found import Found

ROWS = 256


def read_parquet(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A row is a document; row groups come one after another."""
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(seekable(stream))
    names = file.schema_arrow.names
    if not _has_text(names, found):
        yield _no_text(names, found)
        return
    columns = [name for name in columns_of(found.fields) if name in names]
    yield from _rows(file.iter_batches(ROWS, columns=columns), found)


def read_arrow(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A row is a document, in the stream or file that Arrow writes; what `save_to_disk` of datasets leaves."""
    import pyarrow as pa

    file = seekable(stream)
    is_file = file.read(6) == b"ARROW1"
    file.seek(0)
    opened = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
    if not _has_text(opened.schema.names, found):
        yield _no_text(opened.schema.names, found)
        return
    batches = map(opened.get_batch, range(opened.num_record_batches)) if is_file else opened
    yield from _rows((part for batch in batches for part in _parts(batch)), found)


def seekable(stream: IO[bytes]) -> IO[bytes]:
    """The stream itself if its end can be read first, or else all of it in memory, within bounds."""
    return stream if stream.seekable() else io.BytesIO(whole(stream, HELD))


def _parts(batch: Any) -> Iterator[Any]:
    batch.validate(full=True)  # offsets that point out of a column would end the process
    for start in range(0, batch.num_rows, ROWS):
        yield batch.slice(start, ROWS)


def _rows(batches: Iterable[Any], found: Found) -> Iterator[Record]:
    number = 0
    for batch in batches:
        for row in _as_bytes(batch, columns_of(found.fields)).to_pylist():
            number += 1
            plain = {name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                     for name, value in row.items()}  # fmt: skip
            yield record_of(plain, f"{found.name}#{number}", found.name, found.fields, found.license)


def _as_bytes(batch: Any, wanted: list[str]) -> Any:
    """The wanted columns with strings as bytes: some writers leave strings that are no UTF-8."""
    import pyarrow as pa

    names = [name for name in wanted if name in batch.schema.names]
    columns = [batch.column(name) for name in names]
    turned = [each.cast(pa.large_binary()) if _holds_text(each.type) else each for each in columns]
    return pa.RecordBatch.from_arrays(turned, names)


def _has_text(names: list[str], found: Found) -> bool:
    named = [found.fields.text] if found.fields.text in names else NAMED.findall(found.fields.text)
    return any(name.split(".")[0] in names for name in named or [found.fields.text])


def _no_text(names: list[str], found: Found) -> Record:
    problem = record_of(dict.fromkeys(names), found.name, found.name, found.fields).problem
    return Record(found.name, found.name, problem=problem)


def _holds_text(type_: Any) -> bool:
    import pyarrow.types as types

    return types.is_string(type_) or types.is_large_string(type_) or types.is_binary(type_)
