"""A document on its way in: some bytes that somebody called a text, with where they came from.

Readers make records, the pipeline carries them as Arrow batches of RAW, the shards of a finished corpus hold KEPT.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

HTML, TEXT = "html", "text"
FACTS = ("url", "license")  # columns of kept shards that are there only where some document has them
HASH, HASHED = "hash", {b"hash": b"of text, by data/tokens/split.py"}  # a column of kept shards, and what marks it as ours
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
    url: str = ""  # its address, where that is not its id
    license: str = ""  # what its owners allow, by the SPDX name where it has one


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
                ("url", pa.string()),
                ("license", pa.string()),
            ]
        ),
        "kept": pa.schema([*named, pa.field(HASH, pa.uint64(), metadata=HASHED)]),
        "removed": pa.schema([*named, ("reason", pa.string()), ("detail", pa.string()), ("step", pa.string())]),
        "redactions": pa.schema([("id", pa.string()), ("kind", pa.string()), ("count", pa.int64())]),
    }


def kept_schema(facts: Iterable[str]) -> "pa.Schema":
    """The schema of kept documents, with the facts that are known of some of them."""
    import pyarrow as pa

    return pa.schema([*schemas()["kept"], *((name, pa.string()) for name in facts)])


def facts_known(staged: "Iterable[Path]") -> list[str]:
    """Which of FACTS any document of the staged tables has; the others get no column."""
    import pyarrow.compute as compute
    import pyarrow.parquet as parquet

    known = set()
    for path in staged:
        for batch in parquet.ParquetFile(path).iter_batches(4096, columns=list(FACTS)):
            known |= {name for name in FACTS if compute.any(compute.not_equal(batch.column(name), "")).as_py()}  # type: ignore[attr-defined]
    return [name for name in FACTS if name in known]


def batches(records: Iterable[Record], skip: int = 0) -> "Iterator[pa.RecordBatch]":
    """Records numbered in input order (without the first `skip`), in Arrow batches small enough to hand around."""
    import pyarrow as pa

    schema, number = schemas()["raw"], skip
    for group in _groups(islice(records, skip, None)):
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
