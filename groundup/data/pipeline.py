"""From files to a corpus: read, prepare each document in the engine, compare them, and write what stays and what goes.

The engine works on a stream of batches and leaves staged shards, behind the last of which a killed attempt goes on; only
fingerprints and bands are compared in one place. Nothing here depends on how many workers there are.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundup.data.copies.decontaminate import protect
from groundup.data.copies.verdicts import COMPARING, Verdicts, compared
from groundup.data.documents import HASH, batches, facts_known, kept_schema, schemas
from groundup.data.prepare import prepared_schema, steps
from groundup.data.profiles import Profile
from groundup.data.reading.files import Reader
from groundup.data.reading.remote import Remote, Store, Together, is_address
from groundup.data.sink import Parquet, open_parquet
from groundup.data.staging import StagedShards
from groundup.data.table import Table
from groundup.data.tokens.split import place
from groundup.data.workers.crew import Crew
from groundup.data.workers.job import Job, Limits
from groundup.data.workers.preparing import poison, preparing
from groundup.errors import Problem
from groundup.run import write_atomically

STAGED, FETCHED, TABLE = "staged", "fetched", "table.json"
HERE = Store.model_validate({})
ROWS = 256  # documents in memory at a time while writing
TOGETHER = 1024  # documents whose redactions make one group of rows
COMPARED = {"exact", "bands"}  # columns that only comparing needs
Tell = Callable[[float, float, str, str], None]
Read = Callable[[list[str]], Reader]


@dataclass(frozen=True)
class Way:
    """How the work is done: none of it shows in the result."""

    workers: int
    limits: Limits = Limits.model_validate({})
    runner: str = "native"
    tell: Tell = lambda *_: None
    stopping: Callable[[], bool] = lambda: False
    choose: Callable[[str, Callable[[], Any]], Any] = lambda _, function: function()  # remembers between attempts


def build(
    paths: list[str],
    profile: Profile,
    protected: str | None,
    out: Path,
    way: Way,
    store: Store = HERE,
    read: Read = Reader,
) -> dict[str, Any]:
    """Make a corpus in the folder `out`, going on where an earlier attempt stopped; what stands in its table.json."""
    if (out / TABLE).exists():  # an earlier attempt came as far as this
        for folder in (STAGED, FETCHED):
            _remove(out / folder)
        return json.loads((out / TABLE).read_text(encoding="utf-8"))
    leaks = protect(protected, profile.leaks)
    reader, staged = _reader(paths, store, out / FETCHED, way, read), StagedShards(out / STAGED, prepared_schema())
    if not staged.whole:
        stage(reader, preparing(profile, leaks, way.limits), staged, way)
        staged.close({"skipped": reader.skipped})
    if not staged.documents:
        _remove(staged.folder)
        raise Problem(_nothing_read(paths, reader))
    way.tell(0, staged.documents, "documents", "comparing")
    table = Table(list(steps(profile, leaks is not None)))
    _remove(out / COMPARING)  # of an attempt that was killed while it compared
    verdicts = compared(staged.paths, profile, leaks, out)
    _write(staged, out, verdicts, table, way)
    _remove(out / COMPARING)
    if not table.kept:
        raise Problem(_nothing_kept(staged.documents, table, out))
    told = table.as_json(Counter(staged.whole["skipped"] if staged.whole else {}))
    write_atomically(out / TABLE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    _remove(staged.folder)
    return told


def _reader(paths: list[str], store: Store, folder: Path, way: Way, read: Read) -> Any:
    """Of what lies here, and then of what lies elsewhere."""
    here, elsewhere = ([path for path in paths if is_address(path) is there] for there in (False, True))
    if not elsewhere:
        return read(here)
    remote = Remote(elsewhere, store, folder)
    if way.choose("elsewhere", lambda: remote.listed) != remote.listed:
        raise Problem(
            f"the files at {', '.join(elsewhere)} are no longer those that the interrupted attempt began to read; "
            "remove its .partial folder to start afresh"
        )
    return Together(*([read(here)] if here else []), remote)


def stage(reader: Any, job: Job, staged: StagedShards, way: Way) -> None:
    """Prepare what is not staged yet."""
    from groundup.data.engine import RUNNERS

    crew = Crew(job, poison, way.workers)
    prepared = RUNNERS[way.runner](batches(reader, staged.documents), schemas()["raw"], crew, prepared_schema())
    with closing(prepared):
        staged.add(_watched(prepared, reader, staged.documents, way))


def _watched(prepared: Iterator[Any], reader: Any, documents: int, way: Way) -> Iterator[Any]:
    for batch in prepared:
        if way.stopping():
            raise KeyboardInterrupt
        documents += batch.num_rows
        way.tell(min(reader.done_bytes, reader.total_bytes), reader.total_bytes, "bytes", f"{documents} documents")
        yield batch


def _batches(staged: StagedShards, columns: list[str]) -> Iterator[Any]:
    import pyarrow.parquet as parquet

    for path in staged.paths:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(ROWS, columns=columns)


def _write(staged: StagedShards, out: Path, verdicts: Verdicts, table: Table, way: Way) -> None:
    shapes, done, documents = schemas(), 0, staged.documents
    kept = Parquet(out, "kept", kept_schema(facts_known(staged.paths)))
    removed = Parquet(out / "removed", "removed", shapes["removed"])
    counts: list[dict[str, Any]] = []
    columns = [name for name in staged.schema.names if name not in COMPARED]
    rows = (row for batch in _batches(staged, columns) for row in batch.to_pylist())
    with open_parquet(out / "redactions.parquet", shapes["redactions"]) as redactions:
        for row in rows:
            _decide(row, verdicts)
            _place(row, kept, removed, counts, table)
            done += 1
            if done % TOGETHER and done < documents:
                continue
            redactions.write_batch(_batch(counts, shapes["redactions"]))
            counts.clear()
            way.tell(done, documents, "documents", "writing")
            if way.stopping():
                raise KeyboardInterrupt
    kept.close()
    removed.close()


def _decide(row: dict[str, Any], verdicts: Verdicts) -> None:
    """The last word on a document: what comparison found comes before leaks, as the steps are ordered."""
    verdicts.decide(row)
    if not row["reason"] and row["leak"]:
        row["reason"], row["detail"], row["step"] = "leak", row["leak"], "leak"


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _place(row: dict[str, Any], kept: Parquet, removed: Parquet, counts: list[dict[str, Any]], table: Table) -> None:
    final = row["text"] if row["redacted"] is None or row["reason"] else row["redacted"]
    table.add(row, _size(row["text"]), _size(final))
    if row["reason"]:
        removed.add({name: row[name] for name in removed.schema.names})
        return
    told = {name: row[name] for name in kept.schema.names if name != HASH}
    kept.add(told | {"text": final, HASH: place(final)})
    for found in row["redactions"]:
        counts.append({"id": row["id"], **found})
        table.redactions[found["kind"]] += found["count"]


def _batch(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(rows, schema)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _nothing_read(paths: list[str], reader: Any) -> str:
    skipped = ", ".join(f"{count} {kind}" for kind, count in sorted(reader.skipped.items()))
    left = f"; skipped: {skipped}" if skipped else ""
    return (
        f"no documents in {', '.join(paths)} ({len(reader.files)} files{left}); "
        "docs/formats.md says which files are read"
    )


def _nothing_kept(documents: int, table: Table, out: Path) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in table.removed.most_common())
    example = next((shown["reason"] for row in table.rows.values() for shown in row.examples if "reason" in shown), "")
    return (
        f"nothing is left of {documents} documents: {reasons} (the first: {example}); see "
        f"{out / 'removed'}, or set profile=none"
    )
