"""Decontamination: documents that quote what a model will be tested with are found before it can learn them by heart.

A document leaks if it has a long run of words in common with a question's context, or a question together with its
answer (Brown et al. 2020 took 13 words; shorter questions count as a whole).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from groundup.config import Settings
from groundup.data.cleaning.clean import normalise
from groundup.data.copies.benchmarks import Item, items
from groundup.data.copies.near import words_of
from groundup.errors import Problem

RUN = 13  # words in a run


class LeakSettings(Settings):
    """What counts as a quotation of what models are tested with, and what happens to it."""

    run: int = Field(RUN, ge=3, description="words in a row that make a quotation; shorter items count as a whole")
    fields: list[str] = Field([], description="fields of the items to protect; empty: those that are known")
    then: Literal["remove", "cut", "report"] = Field(
        "remove", description="remove the document, cut out the quotation with what is around it, or only report it"
    )
    around: int = Field(200, ge=0, description="for then=cut: bytes before and behind a quotation that go with it")


@dataclass(frozen=True)
class Runs:
    """All protected runs of one length: the hash of each, in order, and the place of its item."""

    keys: np.ndarray
    items: np.ndarray

    def of(self, key: int) -> np.ndarray:
        """The places of all items that have this run."""
        begin, end = (
            np.searchsorted(self.keys, np.uint64(key), "left"),
            np.searchsorted(self.keys, np.uint64(key), "right"),
        )
        return self.items[begin:end]


class Leaks:
    """Finds protected questions in texts; every worker builds its own from the same files."""

    def __init__(self, path: Path, settings: LeakSettings, ids: list[str], found: dict[int, Runs]):
        self.path, self.settings, self.ids, self.found = path, settings, ids, found
        self._tables: dict[int, np.ndarray] = {}

    def leak(self, words: np.ndarray) -> str:
        """What a text with these words (n,) quotes, or nothing."""
        from groundup.kernels import hashing

        for length, runs in self._possible(len(words)):
            hashes = hashing.runs(words, length)
            at = hashing.first_in(hashes, self._table(length))
            if at >= 0:
                return f"{length} words of {self.ids[runs.of(hashes[at])[-1]]}"
        return ""

    def quotations(self, words: np.ndarray) -> Iterator[tuple[int, int, int, np.ndarray]]:
        """(first word, how many, hash, places of the items) of every run of a text that is protected."""
        from groundup.kernels import hashing

        for length, runs in self._possible(len(words)):
            hashes = hashing.runs(words, length)
            for at in np.flatnonzero(hashing.all_in(hashes, self._table(length))).tolist():
                yield at, length, int(hashes[at]), runs.of(hashes[at])

    def _possible(self, words: int) -> list[tuple[int, Runs]]:
        return [(length, self.found[length]) for length in sorted(self.found, reverse=True) if length <= words]

    def _table(self, length: int) -> np.ndarray:
        from groundup.kernels import hashing

        if length not in self._tables:
            self._tables[length] = hashing.table(np.unique(self.found[length].keys))
        return self._tables[length]


def protect(path: str | None, settings: LeakSettings | None = None) -> Leaks | None:
    """The questions under a path (a file, or a folder of them), or nothing if there is no path."""
    if path is None:
        return None
    settings = settings or LeakSettings.model_validate({})
    ids: list[str] = []
    found: dict[int, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for item in items(Path(path), settings.fields):
        for length, hashes in protected(item, settings.run):
            keys, places = found.setdefault(length, ([], []))
            keys.append(hashes)
            places.append(np.full(len(hashes), len(ids), np.int32))
        ids.append(item.id)
    if not found:
        raise Problem(
            f"no questions to protect in {path}; name a file or folder of JSONL, JSON, CSV or parquet whose items have "
            "a question (or say which `leaks.fields` they have), or leave `protect` out"
        )
    return Leaks(Path(path), settings, ids, {length: _sorted(*found[length]) for length in sorted(found)})


def protected(item: Item, run: int) -> Iterator[tuple[int, np.ndarray]]:
    """(length, hashes) of the runs of each of an item's passages that are long enough to count."""
    from groundup.kernels import hashing

    for passage, least in item.passages:
        words = words_of(lowered(passage))
        if len(words) >= min(least, run):
            length = min(run, len(words))
            yield length, hashing.runs(words, length)


def lowered(text: str) -> str:
    """A passage in the form in which documents are compared."""
    return normalise(text).lower().replace("’", "'")


def _sorted(keys: list[np.ndarray], places: list[np.ndarray]) -> Runs:
    together, items = np.concatenate(keys), np.concatenate(places)
    order = np.argsort(together, kind="stable")
    return Runs(together[order], items[order])
