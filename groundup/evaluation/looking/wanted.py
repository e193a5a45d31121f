"""Which documents somebody wants to see, and in which order: as they lie, or in a shuffle that is a formula.

One pass over the light columns (and the texts, only where words are looked for); memory holds the places that were chosen.
"""

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from groundup.data.tokens.order import key, permute
from groundup.errors import Problem, did_you_mean
from groundup.evaluation.looking.finished import KEPT, REMOVED, Corpus, Part, Place


@dataclass(frozen=True)
class Wanted:
    """Everything named must hold; of several reasons, sources or ids one is enough."""

    sides: tuple[str, ...] = (KEPT, REMOVED)
    reasons: tuple[str, ...] = ()  # or steps
    sources: tuple[str, ...] = ()  # patterns with * and ?
    ids: tuple[str, ...] = ()
    words: str = ""  # that stand in the text, in large or small letters

    @property
    def columns(self) -> list[str]:
        """What must be read to decide."""
        light = ["id", *(["source"] if self.sources else []), "reason", *(["step"] if self.reasons else [])]
        return [*light, "text"] if self.words else light

    def there(self, part: Part) -> np.ndarray:
        """(rows,) bool: which of them are wanted."""
        import pyarrow.compute as compute

        batch, found = part.batch, np.ones(part.batch.num_rows, bool)
        if self.reasons:
            found &= part.side == REMOVED and (
                _among(batch.column("reason"), self.reasons) | _among(batch.column("step"), self.reasons)
            )
        if self.ids:
            found &= _among(batch.column("id"), self.ids)
        if self.sources:
            column = batch.column("source")
            fits = [s for s in compute.unique(column).to_pylist() if any(fnmatchcase(s or "", p) for p in self.sources)]  # type: ignore[attr-defined]
            found &= _among(column, fits)
        if self.words and found.any():
            hit = compute.match_substring(batch.column("text"), self.words, ignore_case=True)  # type: ignore[attr-defined]
            found &= hit.to_numpy(zero_copy_only=False)
        return found


@dataclass
class Chosen:
    """Places by heading (a reason, or `kept`), and how many documents there were to choose from."""

    places: dict[str, list[Place]] = field(default_factory=dict)
    fitting: Counter[str] = field(default_factory=Counter)


def check(corpus: Corpus, wanted: Wanted) -> None:
    """A reason that no document was removed for is a mistake in typing."""
    known = [*corpus.table["removed"], *(row["name"] for row in corpus.table["steps"])]
    for reason in wanted.reasons:
        if reason not in known:
            raise Problem(f"nothing was removed for {reason!r}; {did_you_mean(reason, corpus.table['removed'])}")


def first(corpus: Corpus, wanted: Wanted, count: int) -> list[Place]:
    """The first documents that are wanted, as they lie."""
    found: list[Place] = []
    for part in corpus.parts(wanted.columns, wanted.sides):
        found += [_place(part, int(row)) for row in np.flatnonzero(wanted.there(part))]
        if len(found) >= count:
            break
    return found[:count]


def drawn(corpus: Corpus, wanted: Wanted, count: int, seed: int) -> list[Place]:
    """The first ones in the shuffle of this seed: a fair sample without return."""
    chosen = _ranked(corpus, wanted, count, seed, lambda part: [""] * part.batch.num_rows)
    return chosen.places.get("", [])


def of_each(corpus: Corpus, wanted: Wanted, count: int, seed: int) -> Chosen:
    """So many kept documents and so many of each reason, fairly drawn."""

    def headings(part: Part) -> list[str]:
        return [KEPT] * part.batch.num_rows if part.side == KEPT else part.batch.column("reason").to_pylist()

    return _ranked(corpus, wanted, count, seed, headings)


def _ranked(corpus: Corpus, wanted: Wanted, count: int, seed: int, headings: Any) -> Chosen:
    total, secret = corpus.documents, key(seed, "look")
    best: dict[str, list[tuple[int, Place]]] = {}
    fitting: Counter[str] = Counter()
    for part in corpus.parts(wanted.columns, wanted.sides):
        rows = np.flatnonzero(wanted.there(part))
        if not len(rows):
            continue
        ranks = permute(part.first.number + rows, total, secret)
        of = np.array(headings(part), object)[rows]
        for heading in dict.fromkeys(of.tolist()):
            own = np.flatnonzero(of == heading)
            fitting[heading] += len(own)
            own = own[np.argsort(ranks[own])[:count]]
            fresh = [(int(ranks[at]), _place(part, int(rows[at]))) for at in own]
            best[heading] = sorted([*best.get(heading, []), *fresh], key=lambda pair: pair[0])[:count]
    return Chosen({heading: [place for _, place in pairs] for heading, pairs in best.items()}, fitting)


def _place(part: Part, row: int) -> Place:
    return Place(part.first.number + row, part.first.file, part.first.row + row)


def _among(column: Any, names: Any) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as compute

    return compute.is_in(column, pa.array(list(names), column.type)).to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]
