"""Texts with a label each, as people have them: JSON lines with a label or a score, or folders of one sort each.

Anything the corpus stage reads can be one sort; a file of JSON lines says for each text what it is. Texts come decoded
and cleaned as the filters will see them; which of them are held out is decided by each text's own hash.
"""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundup.data.cleaning.clean import normalise
from groundup.data.cleaning.extract import extract
from groundup.data.documents import HTML
from groundup.data.reading.bounds import Allowance
from groundup.data.reading.encoding import decode
from groundup.data.reading.files import Reader
from groundup.data.reading.unpack import unpacked
from groundup.data.reading.walk import find
from groundup.data.tokens.split import WHOLE, place
from groundup.errors import Problem

LONGEST_LINE = 64 << 20


@dataclass(frozen=True)
class Example:
    """A text and what it is."""

    text: str
    label: str


def labelled(paths: list[str], text_field: str, label_field: str) -> Iterator[Example]:
    """From JSON lines whose label is a word or a number."""
    for where, record in _records(paths):
        label = record.get(label_field)
        if isinstance(label, bool) or not isinstance(label, str | int) or label == "":
            raise Problem(f"{where}: `{label_field}` is {label!r}; expected the label as text or a whole number")
        yield Example(_text(where, record, text_field), str(label))


def scored(
    paths: list[str], text_field: str, score_field: str, boundary: float, names: tuple[str, str]
) -> Iterator[Example]:
    """From JSON lines whose score makes them of the second name (at the boundary and above) or of the first."""
    for where, record in _records(paths):
        score = record.get(score_field)
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise Problem(f"{where}: `{score_field}` is {score!r}; expected a number")
        yield Example(_text(where, record, text_field), names[score >= boundary])


def of_one_sort(paths: list[str], label: str) -> Iterator[Example]:
    """Every readable text of some files and folders."""
    return (Example(text, label) for text in plain(paths))


def plain(paths: list[str]) -> Iterator[str]:
    """The texts of files and folders as filters see them; what cannot be read or is empty is left out."""
    for record in Reader(_shards(paths)):
        if record.problem:
            continue
        read = decode(record.body, record.charset)
        text = normalise(extract(read) if record.kind == HTML else read)
        if text.strip():
            yield text


def first(texts: Iterable[str], most: int) -> Iterator[str]:
    """Texts until there are so many bytes of them."""
    size = 0
    for text in texts:
        if size > most:
            return
        size += len(text.encode("utf-8", "replace"))
        yield text


def sampled(examples: Iterable[Example], most: int) -> list[Example]:
    """At most so many of each label, those whose hashes are smallest, in the order in which they came."""
    heaps: dict[str, list[tuple[int, int, Example]]] = {}
    for number, example in enumerate(examples):
        heap = heaps.setdefault(example.label, [])
        entry = (-place(example.text), number, example)
        if len(heap) < most:
            heapq.heappush(heap, entry)
        elif entry[0] > heap[0][0]:
            heapq.heapreplace(heap, entry)
    chosen = [(number, example) for heap in heaps.values() for _, number, example in heap]
    return [example for _, example in sorted(chosen, key=lambda pair: pair[0])]


def parted(examples: list[Example], share: float) -> tuple[list[Example], list[Example]]:
    """(learnt from, held out): the same text always falls on the same side."""
    held = [place(example.text) < share * WHOLE for example in examples]
    learnt = [example for example, out in zip(examples, held, strict=True) if not out]
    return learnt, [example for example, out in zip(examples, held, strict=True) if out]


def digest(examples: Iterable[Example]) -> str:
    """sha256 of the texts and their labels, in order."""
    found = hashlib.sha256()
    for example in examples:
        found.update(json.dumps([example.label, example.text]).encode())
    return found.hexdigest()


def _shards(paths: list[str]) -> list[str]:
    """A folder that the corpus stage made stands for what was kept."""
    return [str(Path(path) / "kept-*.parquet") if any(Path(path).glob("kept-*.parquet")) else path for path in paths]


def _records(paths: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(file and line, what stands there) of all JSON lines."""
    seen = False
    for found in find(paths, Counter()):
        path, name = found.path, found.name
        if not {".jsonl", ".ndjson"} & set(path.suffixes):
            continue
        with open(path, "rb") as file:
            stream = unpacked(file, path.suffix.lower(), Allowance(found.size))
            for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE), b""), 1):  # noqa: B023
                if line.strip():
                    seen = True
                    yield f"{name}:{number}", _object(f"{name}:{number}", line)
    if not seen:
        raise Problem(f"no JSON lines in {', '.join(paths)}; name .jsonl files with a text and a label on each line")


def _object(where: str, line: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Problem(f"{where} is not JSON: {error}") from None
    if not isinstance(record, dict):
        raise Problem(f"{where} is no table of names and values; expected a text and a label")
    return record


def _text(where: str, record: Mapping[str, Any], field: str) -> str:
    text = record.get(field)
    if not isinstance(text, str):
        raise Problem(f"{where}: no text under `{field}`; there are {', '.join(map(str, record)) or 'no names'}")
    return normalise(text)
