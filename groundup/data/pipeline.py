"""From files to a corpus: read, prepare each document in the engine, compare them, and write what stays and what goes.

The engine works on a stream of batches and leaves a staged table; only fingerprints and bands are compared in one
place. Nothing here depends on how many workers there are.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from groundup.data.decontaminate import protect
from groundup.data.documents import batches, schemas
from groundup.data.prepare import prepared_schema, steps, worker
from groundup.data.profiles import Profile
from groundup.data.read import Reader
from groundup.data.sink import Parquet, open_parquet
from groundup.data.table import Table
from groundup.errors import Problem

STAGED = "staged.parquet"
Tell = Callable[[float, float, str, str], None]
Gone = dict[int, tuple[str, str, str]]  # number -> (reason, detail, step)


def build(paths: list[str], profile: Profile, protected: str | None, workers: int, out: Path, tell: Tell) -> Table:
    """Make a corpus in the folder `out` and return its table."""
    leaks = protect(protected)
    reader = Reader(paths)
    staged = out / STAGED
    documents = _stage(reader, partial(worker, profile, leaks), workers, staged, tell)
    if not documents:
        raise Problem(_nothing_read(paths, reader))
    tell(0, documents, "documents", "comparing")
    table = Table(list(steps(profile, leaks is not None)))
    _write(staged, out, _copies(staged, profile), table, tell, documents)
    staged.unlink()
    if not table.kept:
        raise Problem(_nothing_kept(documents, table, out))
    (out / "table.json").write_text(
        json.dumps(table.as_json(reader.skipped), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return table


def _stage(reader: Reader, make: Callable[[], Any], workers: int, staged: Path, tell: Tell) -> int:
    from groundup.data.engine import mapped

    schema, documents = prepared_schema(), 0
    with open_parquet(staged, schema) as writer:
        for batch in mapped(batches(reader), schemas()["raw"], make, schema, workers):
            if batch.num_rows and batch.column("number")[0].as_py() != documents:
                raise RuntimeError(f"the engine handed out document {batch.column('number')[0]} instead of {documents}")
            writer.write_batch(batch)
            documents += batch.num_rows
            tell(min(reader.done_bytes, reader.total_bytes), reader.total_bytes, "bytes", f"{documents} documents")
    return documents


def _copies(staged: Path, profile: Profile) -> Gone:
    from groundup.data.duplicates import exact_copies, near_copies
    from groundup.data.engine import engine

    exact = exact_copies(engine(), staged) if profile.exact else {}
    near = near_copies(engine(), staged, profile.near, exact) if profile.near else {}
    firsts = _ids(staged, {*exact.values(), *near.values()})
    return {
        **{copy: ("duplicate", f"of {firsts[first]}", "duplicate") for copy, first in exact.items()},
        **{copy: ("near_duplicate", f"of {firsts[first]}", "near_duplicate") for copy, first in near.items()},
    }


def _ids(staged: Path, numbers: set[int]) -> dict[int, str]:
    import pyarrow.parquet as parquet

    found: dict[int, str] = {}
    for batch in parquet.ParquetFile(staged).iter_batches(4096, columns=["number", "id"]):
        pairs = zip(batch.column("number").to_pylist(), batch.column("id").to_pylist(), strict=True)
        found.update((number, id) for number, id in pairs if number in numbers)
    return found


def _write(staged: Path, out: Path, gone: Gone, table: Table, tell: Tell, documents: int) -> None:
    import pyarrow.parquet as parquet

    shapes, done = schemas(), 0
    kept = Parquet(out, "kept", shapes["kept"])
    removed = Parquet(out / "removed", "removed", shapes["removed"])
    with open_parquet(out / "redactions.parquet", shapes["redactions"]) as redactions:
        for batch in parquet.ParquetFile(staged).iter_batches(1024):
            counts: list[dict[str, Any]] = []
            for row in batch.to_pylist():
                _decide(row, gone)
                _place(row, kept, removed, counts, table)
            redactions.write_batch(_batch(counts, shapes["redactions"]))
            done += batch.num_rows
            tell(done, documents, "documents", "writing")
    kept.close()
    removed.close()


def _decide(row: dict[str, Any], gone: Gone) -> None:
    """The last word on a document: what comparison found comes before leaks, as the steps are ordered."""
    if row["reason"]:
        return
    if row["number"] in gone:
        row["reason"], row["detail"], row["step"] = gone[row["number"]]
    elif row["leak"]:
        row["reason"], row["detail"], row["step"] = "leak", row["leak"], "leak"


def _place(row: dict[str, Any], kept: Parquet, removed: Parquet, counts: list[dict[str, Any]], table: Table) -> None:
    final = row["text"] if row["redacted"] is None or row["reason"] else row["redacted"]
    table.add(row, _size(row["text"]), _size(final))
    if row["reason"]:
        removed.add({name: row[name] for name in removed.schema.names})
        return
    kept.add({"id": row["id"], "text": final, "source": row["source"]})
    for found in row["redactions"]:
        counts.append({"id": row["id"], **found})
        table.redactions[found["kind"]] += found["count"]


def _batch(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(rows, schema)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _nothing_read(paths: list[str], reader: Reader) -> str:
    skipped = ", ".join(f"{count} {kind}" for kind, count in sorted(reader.skipped.items()))
    left = f"; skipped: {skipped}" if skipped else ""
    return (
        f"no documents in {', '.join(paths)} ({len(reader.files)} files{left}); "
        "name text, Markdown, HTML, JSONL, parquet or WARC files"
    )


def _nothing_kept(documents: int, table: Table, out: Path) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in table.removed.most_common())
    example = next((shown["reason"] for row in table.rows.values() for shown in row.examples if "reason" in shown), "")
    return (
        f"nothing is left of {documents} documents: {reasons} (the first: {example}); see "
        f"{out / 'removed'}, or set profile=none"
    )
