"""A finished corpus as its folder holds it: rows of kept and removed documents, counted by their footers, read a few at a time.

A document's number is its place among those kept, or after them among those removed.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.data.reading import parquets
from groundup.errors import Problem

if TYPE_CHECKING:
    import pyarrow as pa

KEPT, REMOVED = "kept", "removed"
TABLE, CONTAMINATION, CLUSTERS, REDACTIONS = (
    "table.json",
    "contamination.json",
    "clusters.parquet",
    "redactions.parquet",
)
LIGHT, HEAVY = 8192, 64  # rows read at once: without their texts, and with them


@dataclass(frozen=True)
class Place:
    """Where a document lies: its number, the file, and its row there."""

    number: int
    file: int
    row: int


@dataclass(frozen=True)
class Document:
    """A row of a corpus; of a kept document `reason`, `detail` and `step` are empty."""

    id: str
    text: str
    source: str
    reason: str = ""
    detail: str = ""
    step: str = ""
    url: str = ""
    license: str = ""


@dataclass(frozen=True)
class Part:
    """Some columns of some rows in a row; `first` is the place of the first."""

    first: Place
    side: str
    batch: "pa.RecordBatch"


class Corpus:
    """Opened by its folder, or by the folder of a recipe that made one."""

    def __init__(self, folder: Path):
        self.folder = folder if (folder / TABLE).is_file() else folder / "corpus"
        if not (self.folder / TABLE).is_file():
            raise Problem(
                f"{folder} has no {TABLE}: name the folder of a finished corpus, as `groundup corpus` makes it"
            )
        kept, removed = sorted(self.folder.glob("kept-*.parquet")), sorted((self.folder / REMOVED).glob("*.parquet"))
        if not kept:
            raise Problem(f"{self.folder} has no kept-*.parquet: name the folder of a finished corpus")
        self.files = kept + removed
        self.sides = [KEPT] * len(kept) + [REMOVED] * len(removed)

    @property
    def name(self) -> str:
        """How people call it: the folder's name as it was given."""
        return self.folder.name or self.folder.resolve().name

    @cached_property
    def table(self) -> dict[str, Any]:
        """What the corpus stage told of its steps."""
        told = self._json(TABLE)
        if not isinstance(told, dict) or not {"steps", "removed"} <= told.keys():
            raise Problem(f"{self.folder / TABLE} is not what the corpus stage writes: make the corpus again")
        return told

    @cached_property
    def contamination(self) -> dict[str, Any] | None:
        """What of protected questions was found, where somebody looked."""
        return self._json(CONTAMINATION) if (self.folder / CONTAMINATION).is_file() else None

    @cached_property
    def rows(self) -> list[int]:
        """Documents in each file."""
        return [parquets.told(file).num_rows for file in self.files]

    @property
    def documents(self) -> int:
        """All of them, kept and removed."""
        return sum(self.rows)

    def parts(self, columns: Iterable[str], sides: Iterable[str] = (KEPT, REMOVED)) -> Iterator[Part]:
        """Columns of all documents in order, a few rows at a time; a column that a file lacks is left out."""
        wanted, number = list(columns), 0
        size = HEAVY if "text" in wanted else LIGHT
        for place, (file, side) in enumerate(zip(self.files, self.sides, strict=True)):
            if side in sides:
                with parquets.reading(file) as opened:
                    there, row = [name for name in wanted if name in opened.schema_arrow.names], 0
                    for batch in opened.iter_batches(size, columns=there, use_threads=False):
                        yield Part(Place(number + row, place, row), side, batch)
                        row += batch.num_rows
            number += self.rows[place]

    def read(self, places: Iterable[Place]) -> dict[Place, Document]:
        """The documents at these places; of each file only the groups of rows that hold them are read."""
        of_file: dict[int, list[Place]] = defaultdict(list)
        for place in places:
            of_file[place.file].append(place)
        found: dict[Place, Document] = {}
        for file, asked in sorted(of_file.items()):
            found |= self._of_file(file, asked)
        return found

    def _of_file(self, file: int, asked: list[Place]) -> dict[Place, Document]:
        rows, found, begin = {place.row: place for place in asked}, {}, 0
        names = Document.__dataclass_fields__
        with parquets.reading(self.files[file]) as opened:
            there = [name for name in names if name in opened.schema_arrow.names]
            for group in range(opened.num_row_groups):
                size = opened.metadata.row_group(group).num_rows
                if any(begin <= row < begin + size for row in rows):
                    at = begin
                    for batch in opened.iter_batches(HEAVY, row_groups=[group], columns=there, use_threads=False):
                        for row in sorted(rows.keys() & set(range(at, at + batch.num_rows))):
                            told = batch.slice(row - at, 1).to_pylist()[0]
                            found[rows[row]] = Document(**{name: value or "" for name, value in told.items()})
                        at += batch.num_rows
                begin += size
        return found

    def _json(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text(encoding="utf-8"))
        except ValueError as error:
            raise Problem(f"{self.folder / name} is damaged ({error}); make the corpus again") from None
