"""Prepared documents between preparing and comparing: numbered shards on disk, each whole or not there.

A shard is a parquet file and, once that is safe on the disk, a small JSON beside it that says which documents it holds.
So work that was killed goes on behind the last shard that has its JSON.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.data.sink import open_parquet
from groundup.run import write_atomically
from groundup.run.files import WRITING, sync, sync_folder

if TYPE_CHECKING:
    import pyarrow as pa

SHARD_BYTES, SHARD_DOCUMENTS = 32 << 20, 20_000  # of raw text in a shard: what a kill costs at most
WHOLE = "whole.json"


class StagedShards:
    """The shards of one folder: those of an earlier attempt, as far as they are whole, and those still to be added."""

    def __init__(self, folder: Path, schema: "pa.Schema"):
        self.folder, self.schema = folder, schema
        folder.mkdir(parents=True, exist_ok=True)
        self.shards = list(_whole(folder))
        for path in set(folder.iterdir()) - {self.folder / WHOLE, *map(_json, self.paths), *self.paths}:
            path.unlink()

    @property
    def paths(self) -> list[Path]:
        """The shards' files, in the order of their documents."""
        return [self.folder / shard["file"] for shard in self.shards]

    @property
    def documents(self) -> int:
        """How many documents are staged."""
        return sum(shard["documents"] for shard in self.shards)

    @property
    def whole(self) -> dict[str, Any] | None:
        """What was told when the last shard had been added; None as long as some are missing."""
        path = self.folder / WHOLE
        told = json.loads(path.read_text()) if path.exists() else None
        return told if told and told["documents"] == self.documents else None

    def add(self, batches: "Iterator[pa.RecordBatch]") -> None:
        """Stage prepared batches that follow those already here."""
        shard: Shard | None = None
        try:
            for batch in batches:
                if shard is None:
                    shard = Shard(self.folder, len(self.shards), self.documents, self.schema)
                shard.add(batch)
                if shard.full:
                    self.shards.append(shard.commit())
                    shard = None
            if shard is not None:
                self.shards.append(shard.commit())
        except BaseException:
            if shard is not None:
                shard.drop()
            raise

    def close(self, told: dict[str, Any]) -> None:
        """Nothing more comes; `told` is there again as `whole` when this is opened once more."""
        write_atomically(self.folder / WHOLE, json.dumps(told | {"documents": self.documents}) + "\n")

    def remove(self) -> None:
        """The shards are no longer needed."""
        (self.folder / WHOLE).unlink(missing_ok=True)
        shutil.rmtree(self.folder)


class Shard:
    """A shard that is being written, under another name until it is whole."""

    def __init__(self, folder: Path, number: int, first: int, schema: "pa.Schema"):
        self.path, self.first = folder / f"staged-{number:05}.parquet", first
        self.beside = folder / f".{self.path.name}{WRITING}"
        self.documents = self.raw_bytes = 0
        self._file = open(self.beside, "wb")  # noqa: SIM115
        self._writer = open_parquet(self._file, schema)

    @property
    def full(self) -> bool:
        return self.raw_bytes >= SHARD_BYTES or self.documents >= SHARD_DOCUMENTS

    def add(self, batch: "pa.RecordBatch") -> None:
        """Append a batch; its documents must be the next ones."""
        if not batch.num_rows:
            return
        number = batch.column("number")[0].as_py()
        if number != self.first + self.documents:
            raise RuntimeError(f"the engine handed out document {number} instead of {self.first + self.documents}")
        self._writer.write_batch(batch)
        self.documents += batch.num_rows
        self.raw_bytes += sum(batch.column("raw_bytes").to_pylist())

    def commit(self) -> dict[str, Any]:
        """Bytes on the disk, then their name, then the JSON: in this order a shard is never taken for more than it is."""
        self._writer.close()
        self._file.flush()
        sync(self._file.fileno())
        self._file.close()
        told = {
            "file": self.path.name,
            "first": self.first,
            "documents": self.documents,
            "raw_bytes": self.raw_bytes,
            "sha256": _sha256(self.beside),
        }
        os.replace(self.beside, self.path)
        sync_folder(self.path.parent)
        write_atomically(_json(self.path), json.dumps(told) + "\n")
        return told

    def drop(self) -> None:
        """Leave nothing of a shard that will not be whole."""
        for writer in (self._writer, self._file):
            with suppress(Exception):  # such as the full disk that is the reason
                writer.close()
        self.beside.unlink(missing_ok=True)


def _whole(folder: Path) -> Iterator[dict[str, Any]]:
    """What is told of the shards from the first to the last that follows on it and is what it was."""
    documents = 0
    for number in range(len(list(folder.glob("staged-*.json")))):
        path = folder / f"staged-{number:05}.parquet"
        if not _json(path).exists() or not path.exists():
            return
        told = json.loads(_json(path).read_text())
        if told["first"] != documents or told["sha256"] != _sha256(path):
            return
        documents += told["documents"]
        yield told


def _json(path: Path) -> Path:
    return path.with_suffix(".json")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
