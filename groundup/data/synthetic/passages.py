"""Passages of a corpus: documents cut where paragraphs or sentences end, of which chance picks as many as are wanted.

Which passages are picked hangs on the seed and on each document's own id, so that another document beside it changes nothing.
"""

import hashlib
import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from groundup.data.reading import parquets
from groundup.data.tokens.order import key
from groundup.errors import Problem

SENTENCE = re.compile(r"(?<=[.!?。！？])[\"'”’)]*\s+")
SHORTEST = 20  # words: shorter passages tell too little to ask about


@dataclass(frozen=True)
class Passage:
    """A stretch of a document, and which document it is of."""

    id: str  # of the document
    sha256: str  # of the document's text
    number: int  # within the document
    text: str


def passages(corpus: Path, words: int, count: int, seed: int) -> Iterator[Passage]:
    """At most `count` passages of about so many words, in the order of the corpus."""
    chosen: dict[int, set[int]] = {}
    for _, (place, number) in heapq.nsmallest(count, _keyed(corpus, words, seed)):
        chosen.setdefault(place, set()).add(number)
    if not chosen:
        raise Problem(f"{corpus} has no passage of {SHORTEST} words: give a corpus with longer documents")
    for place, (id, text) in enumerate(documents(corpus)):
        if place not in chosen:
            continue
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        for number, part in enumerate(cut(text, words)):
            if number in chosen[place]:
                yield Passage(id, digest, number, part)


def documents(corpus: Path) -> Iterator[tuple[str, str]]:
    """Id and text of every document that the corpus stage kept, in order."""
    files = sorted(corpus.glob("kept-*.parquet"))
    if not files:
        raise Problem(f"{corpus} has no kept-*.parquet; give the folder that the corpus stage made")
    for file in files:
        for batch in parquets.batches(file, 256, ["id", "text"]):
            yield from zip(batch.column("id").to_pylist(), batch.column("text").to_pylist(), strict=True)


def cut(text: str, words: int) -> Iterator[str]:
    """A text in passages of at most so many words, as far as its sentences allow; what is too short is left out."""
    waiting: list[str] = []
    size = 0
    for paragraph in text.split("\n\n"):
        for piece in _pieces(paragraph.strip(), words):
            length = len(piece.split())
            if size and size + length > words:
                yield from _long_enough("\n\n".join(waiting))
                waiting, size = [], 0
            waiting.append(piece)
            size += length
    yield from _long_enough("\n\n".join(waiting))


def _pieces(paragraph: str, words: int) -> Iterator[str]:
    """A paragraph, or where it is too long, its sentences put together again as far as they fit."""
    if len(paragraph.split()) <= words:
        yield paragraph
        return
    waiting: list[str] = []
    size = 0
    for sentence in SENTENCE.split(paragraph):
        length = len(sentence.split())
        if size and size + length > words:
            yield " ".join(waiting)
            waiting, size = [], 0
        waiting.append(sentence)
        size += length
    yield " ".join(waiting)


def _long_enough(passage: str) -> Iterator[str]:
    if len(passage.split()) >= SHORTEST:
        yield passage


def _keyed(corpus: Path, words: int, seed: int) -> Iterator[tuple[int, tuple[int, int]]]:
    for place, (id, text) in enumerate(documents(corpus)):
        for number, _ in enumerate(cut(text, words)):
            yield key(seed, "passages", id, number), (place, number)
