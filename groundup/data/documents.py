"""A document on its way in: some bytes that somebody called a text, with where they came from.

Readers make records, the pipeline carries them as Arrow batches of RAW, the shards of a finished corpus hold KEPT.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

HTML, TEXT = "html", "text"
BATCH_DOCUMENTS, BATCH_BYTES = 256, 2 << 20


@dataclass(frozen=True)
class Record:
    """One document as found: `body` in whatever encoding, or, where nothing could be read, the `problem` in words."""

    id: str
    source: str
    body: bytes = b""
    kind: str = TEXT  # HTML is taken apart, TEXT is left as it is
    charset: str = ""  # as declared outside the body, by an HTTP header; "utf-8" where the text is known to be
    problem: str = ""


def schemas() -> "dict[str, pa.Schema]":
    """The Arrow schemas of documents: raw (as read), kept, removed and redactions (as written)."""
    import pyarrow as pa

    named = [("id", pa.string()), ("text", pa.large_string()), ("source", pa.string())]
    return {
        "raw": pa.schema(
            [
                ("number", pa.int64()),
                ("id", pa.string()),
                ("source", pa.string()),
                ("kind", pa.string()),
                ("charset", pa.string()),
                ("problem", pa.string()),
                ("body", pa.large_binary()),
            ]
        ),
        "kept": pa.schema(named),
        "removed": pa.schema([*named, ("reason", pa.string()), ("detail", pa.string()), ("step", pa.string())]),
        "redactions": pa.schema([("id", pa.string()), ("kind", pa.string()), ("count", pa.int64())]),
    }


def batches(records: Iterable[Record]) -> "Iterator[pa.RecordBatch]":
    """Records numbered in input order, in Arrow batches small enough to hand from process to process."""
    import pyarrow as pa

    schema, number = schemas()["raw"], 0
    for group in _groups(records):
        columns: dict[str, list[Any]] = {"number": list(range(number, number + len(group)))}
        for name in schema.names[1:]:
            columns[name] = [getattr(record, name) for record in group]
        number += len(group)
        yield pa.RecordBatch.from_pydict(columns, schema)


def _groups(records: Iterable[Record]) -> Iterator[list[Record]]:
    group: list[Record] = []
    size = 0
    for record in records:
        group.append(record)
        size += len(record.body)
        if len(group) >= BATCH_DOCUMENTS or size >= BATCH_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
