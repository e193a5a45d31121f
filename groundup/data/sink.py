"""Where documents end: numbered parquet shards, the same bytes for the same documents.

Rows arrive in input order; a shard is closed when it holds enough text. A rerun overwrites an earlier attempt.
"""

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from groundup.run.files import sync

if TYPE_CHECKING:
    import pyarrow as pa

SHARD_BYTES = 64 << 20
GROUP_BYTES = 4 << 20


class Parquet:
    """Writes rows of one schema as NAME-00000.parquet, NAME-00001.parquet, … into a folder."""

    def __init__(self, folder: Path, name: str, schema: "pa.Schema"):
        self.folder, self.name, self.schema = folder, name, schema
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}-*.parquet"):
            old.unlink()
        self.number = self.bytes = 0
        self._rows: list[dict[str, Any]] = []
        self._waiting = 0
        self._writer: Any = None

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; its `text` decides how much it weighs."""
        self._rows.append(row)
        self._waiting += 4 * len(row) + len(row.get("text", ""))
        if self._waiting >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what waits; a table without rows is a shard too, so that its columns can be read."""
        if self._rows or not self.number and self._writer is None:
            self._flush()
        self._end()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._writer is None:
            self._writer = open_parquet(self.folder / f"{self.name}-{self.number:05}.parquet", self.schema)
        columns = {name: [row[name] for row in self._rows] for name in self.schema.names}
        self._writer.write_batch(pa.RecordBatch.from_pydict(columns, self.schema))
        self.bytes += self._waiting
        self._rows, self._waiting = [], 0
        if self.bytes >= SHARD_BYTES:
            self._end()

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with open(self.folder / f"{self.name}-{self.number:05}.parquet", "rb") as file:
                sync(file.fileno())  # before the table says that all is there
            self._writer, self.number, self.bytes = None, self.number + 1, 0


def open_parquet(path: "Path | IO[bytes]", schema: "pa.Schema") -> Any:
    """A writer of one parquet file."""
    import pyarrow.parquet as parquet

    return parquet.ParquetWriter(path, schema, compression="zstd")
