"""Texts on their way to becoming numbers: documents of one or several corpora, in an order that never changes.

Folders of the corpus stage, and anybody's Parquet and JSON lines with a column of texts, come in; blocks of documents go
out, each as long as keeps all cores busy, from the first or from any later one on.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from queue import Empty, Full, Queue
from typing import TypeVar

from groundup.data.documents import HASH, HASHED
from groundup.data.reading import parquets
from groundup.data.reading.fields import Fields
from groundup.data.reading.files import Reader, format_of
from groundup.data.reading.walk import find
from groundup.data.tokens.split import place
from groundup.errors import Problem

BLOCK = 16 << 20  # bytes of text that are encoded at once
WAIT = 0.1  # seconds after which a reader that is ahead looks whether anybody still wants to read
LINES = (".jsonl", ".ndjson")
Item = TypeVar("Item")
Placed = tuple[bytes, int]  # a text and its place among texts, which decides whether it is held out


class Corpora:
    """The documents of some folders or files, those of the first one first."""

    def __init__(self, paths: Sequence[str], column: str = "text"):
        self.column = column
        self.files = [file for path in paths for file in text_files(Path(path))]

    @property
    def known(self) -> int:
        """How many documents there are, or 0 where only reading all lines would tell."""
        if any(file.suffix != ".parquet" for file in self.files):
            return 0
        return sum(map(rows_in, self.files))

    def documents(self, skip: int = 0) -> Iterator[bytes]:
        """Every document's text as UTF-8, but for the first `skip`."""
        return (text for text, _ in self._rows(skip))

    def placed(self, skip: int = 0) -> Iterator[Placed]:
        """The same, each with its place among texts: read where the corpus stage wrote it, else computed."""
        return (as_placed(text) if known is None else (text, known) for text, known in self._rows(skip))

    def _rows(self, skip: int) -> Iterator[tuple[bytes, int | None]]:
        for file in self.files:
            if skip and file.suffix == ".parquet" and (count := rows_in(file)) <= skip:
                skip -= count
                continue
            for row in self._read(file):
                if skip:
                    skip -= 1
                else:
                    yield row

    def _read(self, file: Path) -> Iterator[tuple[bytes, int | None]]:
        return rows(file, self.column) if file.suffix == ".parquet" else lines(file, self.column)


def as_placed(text: str | bytes) -> Placed:
    """A text with its place."""
    raw = text if isinstance(text, bytes) else text.encode()
    return raw, place(raw)


def in_blocks(documents: Iterable[Placed], size: int = BLOCK) -> Iterator[tuple[list[bytes], list[int]]]:
    """Documents of about `size` bytes together, and their places."""
    texts, places, length = [], [], 0
    for text, at in documents:
        texts.append(text)
        places.append(at)
        length += len(text)
        if length >= size:
            yield texts, places
            texts, places, length = [], [], 0
    if texts:
        yield texts, places


def text_files(path: Path) -> list[Path]:
    """The files of a corpus in order: kept-*.parquet of the corpus stage, or all Parquet and JSON lines in a folder."""
    if path.is_dir() and (kept := sorted(path.glob("kept-*.parquet"))):
        return kept
    found = (file.path for file in find([str(path)], Counter()))
    files = [file for file in found if format_of(file.name)[0] in (".parquet", *LINES)]
    if not files:
        raise Problem(
            f"{path} has no kept-*.parquet, and no Parquet or JSON lines of other people either: give the folder that the "
            "corpus stage made (groundup corpus files=… reads all other formats)"
        )
    return files


def rows_in(file: Path) -> int:
    """How many documents a Parquet file holds."""
    return parquets.told(file).num_rows


def rows(file: Path, column: str) -> Iterator[tuple[bytes, int | None]]:
    """The texts of a Parquet file, a missing one is an empty one; and the places of those that the corpus stage wrote."""
    import pyarrow as pa

    found = parquets.opened(file).schema_arrow
    texts = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    if column not in found.names or found.field(column).type not in texts:
        raise Problem(
            f"{file} has no column {column!r} of texts; it has {', '.join(found.names)}: name one with column=…"
        )
    known = column == "text" and HASH in found.names and found.field(HASH).metadata == HASHED
    for batch in parquets.batches(file, 256, [column, HASH] if known else [column]):
        texts = batch.column(column).cast(pa.large_binary()).to_pylist()
        places = batch.column(HASH).to_pylist() if known else [None] * len(texts)
        yield from ((text or b"", at) for text, at in zip(texts, places, strict=True))


def lines(file: Path, column: str) -> Iterator[tuple[bytes, None]]:
    """The texts of a file of JSON lines, compressed or not; a line without one is a Problem."""
    for record in Reader([str(file)], Fields.model_validate({"text": column})):
        if record.problem:
            raise Problem(
                f"{file}, {record.id.rpartition('#')[2]}: {record.problem}; take the line out, or name a column"
            )
        yield record.body, None


def ahead(items: Iterator[Item], most: int = 2) -> Iterator[Item]:
    """The same items, drawn by a thread of their own that is up to `most` of them ahead."""
    waiting: Queue[tuple[str, Item | BaseException | None]] = Queue(most)
    enough = threading.Event()

    def put(kind: str, value: Item | BaseException | None) -> None:
        while not enough.is_set():
            try:
                return waiting.put((kind, value), timeout=WAIT)
            except Full:
                continue

    def draw() -> None:
        try:
            for item in items:
                put("item", item)
                if enough.is_set():
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "end":
                return
            if isinstance(value, BaseException):
                raise value
            yield value  # type: ignore[misc]
    finally:
        enough.set()
        while thread.is_alive():
            try:
                waiting.get_nowait()
            except Empty:
                thread.join(WAIT)
