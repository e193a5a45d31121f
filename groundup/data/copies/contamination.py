"""What of the tests stood in the corpus: `contamination.json`, set by set and item by item, for whoever examines models.

Only documents in which a worker has seen a quotation are read again, and here every quotation counts.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from groundup.data.copies.benchmarks import Item, items
from groundup.data.copies.cuts import Cuts, Spans
from groundup.data.copies.decontaminate import Leaks, protected
from groundup.data.copies.near import words_of
from groundup.data.copies.staged import StagedTable, numbers_of
from groundup.errors import Problem

FILE = "contamination.json"
NAMED = 20  # documents that are named for an item
PIECES = 10  # a document that quotations cut into more pieces goes as a whole (Brown et al. 2020)


class Contamination:
    """Every quotation in the documents of a staged table."""

    def __init__(self, leaks: Leaks):
        self.leaks = leaks
        self.runs: dict[int, set[int]] = defaultdict(set)  # place of an item -> its runs that were found
        self.documents: dict[int, list[str]] = defaultdict(list)
        self.counts: dict[int, int] = defaultdict(int)
        self.leaking = 0

    def read(self, staged: StagedTable, folder: Path, there: np.ndarray) -> Cuts:
        """Look through the documents there (documents,) bool; what would be cut out of them."""
        quoting = _quoting(staged, there)
        sizes, at = np.zeros(staged.documents, np.int64), 0
        begins, ends = [], []
        for batch in staged.batches(["id", "text"], quoting):
            rows = zip(numbers_of(batch).tolist(), batch.column("id"), batch.column("text"), strict=True)
            for number, id, text in rows:
                raw = text.as_py().encode("utf-8", "replace")
                for begin, end in self._document(id.as_py(), raw):
                    begins.append(begin + at)
                    ends.append(end + at)
                sizes[number] = len(raw)
                at += len(raw)
        spans = Spans(folder, "leaks", at)
        spans.add(np.array(begins, np.int64), np.array(ends, np.int64))
        return spans.cuts(sizes)

    def _document(self, id: str, raw: bytes) -> list[tuple[int, int]]:
        """Count what a document quotes; the spans to cut."""
        from groundup.kernels.pieces import word_places

        lower = _same_size(raw)
        begins, ends = word_places(np.frombuffer(lower.encode("utf-8", "replace"), np.uint8))
        spans, seen = [], set()
        for at, length, key, places in self.leaks.quotations(words_of(lower)):
            spans.append((int(begins[at]), int(ends[at + length - 1])))
            for place in places.tolist():
                self.runs[place].add(key)
                seen.add(place)
        for place in seen:
            self.counts[place] += 1
            if len(self.documents[place]) < NAMED:
                self.documents[place].append(id)
        self.leaking += bool(spans)
        return around(raw, spans, self.leaks.settings.around)

    def told(self) -> dict[str, Any]:
        """What stands in contamination.json."""
        sets: dict[str, dict[str, Any]] = {}
        for place, item in enumerate(items(self.leaks.path, self.leaks.settings.fields)):
            empty = {"items": 0, "contaminated": 0, "found": {}, "too_short": [], "clean": []}
            told = sets.setdefault(item.set, empty)
            told["items"] += 1
            self._tell(place, item, told)
        settings = self.leaks.settings
        head = {"run": settings.run, "then": settings.then, "documents": self.leaking}
        return head | {"sets": dict(sorted(sets.items()))}

    def _tell(self, place: int, item: Item, told: dict[str, Any]) -> None:
        runs = list(protected(item, self.leaks.settings.run))
        if not runs:
            told["too_short"].append(item.id)
        elif place not in self.runs:
            told["clean"].append(item.id)
        else:
            told["contaminated"] += 1
            told["found"][item.id] = {
                "share": round(max(_share(hashes, length, self.runs[place]) for length, hashes in runs), 4),
                "runs": len(self.runs[place]),
                "documents": self.documents[place],
                "in_documents": self.counts[place],
            }

    def write(self, out: Path) -> None:
        """Leave contamination.json in a folder."""
        (out / FILE).write_text(json.dumps(self.told(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def contaminated(path: Path, ids: list[str]) -> list[str]:
    """Which of the ids of questions stand in what a corpus still has, by its contamination.json (or its folder)."""
    file = path / FILE if path.is_dir() else path
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        found = {id for each in told["sets"].values() for id in each["found"]}
        known = found | {id for each in told["sets"].values() for id in [*each["clean"], *each["too_short"]]}
        left = told["then"] == "report"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Problem(
            f"{file} is no report of contamination ({type(error).__name__}: {error}); give a corpus made with `protect`"
        ) from None
    if not known & set(ids):
        raise Problem(f"{file} tells of other questions than those that are asked; make the corpus with `protect` them")
    return [id for id in ids if left and id in found]


def around(raw: bytes, spans: list[tuple[int, int]], margin: int) -> list[tuple[int, int]]:
    """Spans with so many bytes around them, up to the next white space, and pieces between them shorter than that."""
    if not spans:
        return []
    holes: list[list[int]] = []
    for begin, end in sorted((_back(raw, begin - margin), _on(raw, end + margin)) for begin, end in spans):
        if holes and begin - holes[-1][1] < margin:
            holes[-1][1] = max(end, holes[-1][1])
        else:
            holes.append([begin if begin >= margin else 0, end])
    if len(raw) - holes[-1][1] < margin:
        holes[-1][1] = len(raw)
    return [(0, len(raw))] if len(holes) >= PIECES else [(begin, end) for begin, end in holes]


def _back(raw: bytes, at: int) -> int:
    while at > 0 and raw[at - 1] > 32:
        at -= 1
    return max(0, at)


def _on(raw: bytes, at: int) -> int:
    while at < len(raw) and raw[at] > 32:
        at += 1
    return min(len(raw), at)


def _same_size(raw: bytes) -> str:
    """The text in the form that is compared, each word where it was: characters that change their size stay as they are."""
    text = raw.decode("utf-8", "replace")
    lower = text.lower()
    if len(lower.encode("utf-8", "replace")) != len(raw):
        lower = "".join(c.lower() if len(c.lower().encode()) == len(c.encode()) else c for c in text)
    return lower.replace("’", "'''")  # as many bytes, and no part of a word either


def _share(hashes: np.ndarray, length: int, found: set[int]) -> float:
    """The share of a passage's words that lie in a run that was found."""
    covered = np.zeros(len(hashes) + length - 1, bool)
    for at in [at for at, key in enumerate(hashes.tolist()) if key in found]:
        covered[at : at + length] = True
    return float(covered.mean())


def _quoting(staged: StagedTable, there: np.ndarray) -> np.ndarray:
    found = np.zeros(staged.documents, bool)
    for batch in staged.batches(["leak"], there):
        found[numbers_of(batch)] = [bool(leak) for leak in batch.column("leak").to_pylist()]
    return found
