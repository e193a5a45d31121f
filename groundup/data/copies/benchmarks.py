"""What models are tested with, read from whatever file it comes in: JSON, JSON lines, CSV, TSV or parquet.

Sets name their fields in their own ways; the ones known here are guessed, others can be named. A set is called after
its file, an item after its `id` or `task_id` or its line.
"""

import csv
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundup.errors import Problem

QUOTED, ANSWERED = 8, 6  # the fewest words of a passage or question, and of a question with its answer, that leak
PASSAGES = ("context", "passage", "text", "story", "article", "document", "context_options")
QUESTIONS = ("question", "query", "prompt", "instruction", "problem", "goal", "ctx", "sentence")
ANSWERS = ("answer", "response", "solution", "completion", "continuation", "target", "output", "canonical_solution")
NAMES = ("id", "task_id", "question_id")
LETTERS = "ABCDEFGHIJ"
Fields = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One item of a set; each passage comes with the fewest words of it that count."""

    set: str
    id: str
    passages: tuple[tuple[str, int], ...]


def items(path: Path, fields: list[str]) -> Iterator[Item]:
    """Everything under a path that may not be quoted; `fields` instead of those that are guessed."""
    if not path.exists():
        raise Problem(f"{path}, whose questions are to be protected, does not exist")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if _format(file))
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        name = name.removesuffix(".gz").removesuffix(".xz").rpartition(".")[0] or name
        for number, row in _rows(file):
            if isinstance(row, dict):
                id = next((str(row[key]) for key in NAMES if row.get(key) is not None), f"{file.name}#{number}")
                yield Item(name, id, tuple(_named(row, fields) if fields else _guessed(row)))


def _rows(file: Path) -> Iterator[tuple[int, Any]]:
    try:
        yield from READERS[_format(file) or ".jsonl"](file)
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, csv.Error) as error:
        raise Problem(
            f"{file}, whose questions are to be protected, cannot be read ({error}); mend it or take it away"
        ) from None


def _guessed(row: Fields) -> Iterator[tuple[str, int]]:
    for passage in _texts(row, PASSAGES):
        yield passage, QUOTED
    for question in _texts(row, QUESTIONS):
        yield question, QUOTED
        for answer in [*_texts(row, ANSWERS), *_chosen(row)]:
            yield f"{question} {answer}", ANSWERED


def _named(row: Fields, fields: list[str]) -> Iterator[tuple[str, int]]:
    for passage in _texts(row, tuple(fields)):
        yield passage, QUOTED


def _texts(row: Fields, names: tuple[str, ...]) -> list[str]:
    found = [row[name] if isinstance(row.get(name), list) else [row.get(name)] for name in names]
    return [text for texts in found for text in texts if isinstance(text, str) and text]


def _chosen(row: Fields) -> list[str]:
    """The right one of the choices, where the answer is its letter or its place."""
    choices, said = row.get("choices"), row.get("answer", row.get("gold"))
    if not isinstance(choices, list):
        return []
    place = LETTERS.find(said) if isinstance(said, str) and len(said) == 1 else said
    if not isinstance(place, int) or not 0 <= place < len(choices):
        return []
    return [choices[place]] if isinstance(choices[place], str) else []


def _format(file: Path) -> str | None:
    packed = file.suffix in (".gz", ".xz")
    suffix = Path(file.stem).suffix if packed else file.suffix
    return suffix if suffix in READERS and file.is_file() else None


def _open(file: Path) -> Any:
    import gzip

    openers: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".xz": lzma.open}
    return openers.get(file.suffix, lambda path: open(path, "rb"))(file)


def _json_lines(file: Path) -> Iterator[tuple[int, Any]]:
    with _open(file) as stream:
        for number, line in enumerate((line for line in stream if line.strip()), 1):
            yield number, _loaded(line, f"line {number} of {file}")


def _json(file: Path) -> Iterator[tuple[int, Any]]:
    with _open(file) as stream:
        found = _loaded(stream.read(), str(file))
    values = found.values() if isinstance(found, dict) else [found]
    lists = [value for value in values if isinstance(value, list)]
    yield from enumerate((row for rows in lists for row in rows), 1)


def _loaded(raw: bytes, where: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise Problem(f"{where} is not JSON ({error}); its questions cannot be protected") from None


def _table(delimiter: str) -> Callable[[Path], Iterator[tuple[int, Any]]]:
    def read(file: Path) -> Iterator[tuple[int, Any]]:
        with _open(file) as stream:
            lines = (line.decode("utf-8-sig", "replace") for line in stream)
            yield from enumerate(csv.DictReader(lines, delimiter=delimiter), 1)

    return read


def _parquet(file: Path) -> Iterator[tuple[int, Any]]:
    import pyarrow.parquet as parquet

    rows = (row for batch in parquet.ParquetFile(file).iter_batches(1024) for row in batch.to_pylist())
    yield from enumerate(rows, 1)


READERS: dict[str, Callable[[Path], Iterator[tuple[int, Any]]]] = {
    ".jsonl": _json_lines,
    ".json": _json,
    ".csv": _table(","),
    ".tsv": _table("\t"),
    ".parquet": _parquet,
}
