"""Decontamination: pages that quote what a model will be tested with are removed before it can learn them by heart.

A page leaks if it has a long run of words in common with a question's context, or a question together with its
answer (Brown et al. 2020 took 13 words; shorter questions count as a whole).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from groundup.data.near import words_of
from groundup.errors import Problem

RUN = 13  # words in a run
QUOTED, ANSWERED = 8, 6  # the fewest words of a passage or question, and of a question with its answer, that leak
PASSAGES = ("context", "passage", "text", "story", "article", "document")
QUESTIONS = ("question", "query", "prompt", "instruction", "problem", "goal", "ctx", "sentence")
ANSWERS = ("answer", "response", "solution", "completion", "continuation", "target", "output")
FILES = ("*.jsonl", "*.jsonl.gz")


class Leaks:
    """Finds protected questions in texts; built once, handed to every worker."""

    def __init__(self, found: dict[int, dict[int, str]]):
        self.found = found  # words in a run -> hash of a run -> the id of its question
        self._tables: dict[int, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"found": self.found, "_tables": {}}

    def leak(self, words: np.ndarray) -> str:
        """What a text with these words (n,) quotes, or nothing."""
        from groundup.kernels import hashing

        for length in sorted(self.found, reverse=True):
            if len(words) < length:
                continue
            if length not in self._tables:
                keys = np.fromiter(self.found[length], np.uint64, len(self.found[length]))
                self._tables[length] = hashing.table(np.sort(keys))
            runs = hashing.runs(words, length)
            at = hashing.first_in(runs, self._tables[length])
            if at >= 0:
                return f"{length} words of {self.found[length][int(runs[at])]}"
        return ""


def protect(path: str | None) -> Leaks | None:
    """The questions under a path (JSONL files, or folders of them), or nothing if there is no path."""
    if path is None:
        return None
    from groundup.kernels import hashing

    found: dict[int, dict[int, str]] = {}
    for id, passage, least in quotable(Path(path)):
        words = words_of(passage.lower())
        if len(words) >= least:
            length = min(RUN, len(words))
            found.setdefault(length, {}).update((int(run), id) for run in hashing.runs(words, length))
    if not found:
        raise Problem(
            f"no questions to protect in {path}; name a folder of JSONL files whose lines have a question, "
            "or leave `protect` out"
        )
    return Leaks({length: found[length] for length in sorted(found)})


def quotable(path: Path) -> Iterator[tuple[str, str, int]]:
    """(id, words, the fewest of them that count) of everything that may not be quoted."""
    if not path.exists():
        raise Problem(f"{path}, whose questions are to be protected, does not exist")
    files = [path] if path.is_file() else sorted(file for pattern in FILES for file in path.rglob(pattern))
    for file in files:
        for number, line in enumerate(_lines(file), 1):
            try:
                fields = json.loads(line)
            except ValueError as error:
                raise Problem(
                    f"line {number} of {file} is not JSON ({error}); its questions cannot be protected"
                ) from None
            if isinstance(fields, dict):
                yield from _of(fields, str(fields.get("id", f"{file.name}#{number}")))


def _of(fields: dict[str, Any], id: str) -> Iterator[tuple[str, str, int]]:
    def texts(names: tuple[str, ...]) -> list[str]:
        return [fields[name] for name in names if isinstance(fields.get(name), str) and fields[name]]

    for passage in texts(PASSAGES):
        yield id, passage, QUOTED
    for question in texts(QUESTIONS):
        yield id, question, QUOTED
        for answer in texts(ANSWERS):
            yield id, f"{question} {answer}", ANSWERED


def _lines(file: Path) -> Iterator[bytes]:
    import gzip

    with gzip.open(file) if file.suffix == ".gz" else open(file, "rb") as stream:
        yield from (line for line in stream if line.strip())
