"""What comparison says about each document: it goes, since another stays, or it stays without some of its pieces.

Made once from the staged table; whoever writes the corpus asks for one document after another.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundup.data.cleaning.clean import normalise
from groundup.data.copies.cuts import Cuts, without
from groundup.data.copies.staged import StagedTable, names_of
from groundup.data.privacy.redact import redact
from groundup.data.table import differing

if TYPE_CHECKING:
    from groundup.data.copies.decontaminate import Leaks
    from groundup.data.profiles import Profile

COMPARING = "comparing"  # the folder of what is sorted on disk, beside the corpus until it is written
CLIP = 600  # of what is shown as an example


class Verdicts:
    """Asked in any order; holds a few bytes a document."""

    def __init__(self, documents: int, profile: "Profile"):
        self.why = np.zeros(documents, np.uint8)  # place in `reasons`, 0: stays
        self.first = np.arange(documents)
        self.reasons = [""]
        self.cuts: dict[str, Cuts] = {}
        self.leaking = True  # whether a document goes for the first quotation that was seen in it
        self._profile = profile

    @property
    def gone(self) -> np.ndarray:
        """(documents,) bool: the copies."""
        return self.why > 0

    def copies(self, reason: str, first: np.ndarray) -> None:
        """Every document whose first (documents,) is another one goes for this reason."""
        self.reasons.append(reason)
        copies = np.flatnonzero((first != np.arange(len(first))) & ~self.gone)
        self.why[copies], self.first[copies] = len(self.reasons) - 1, first[copies]

    def named(self, staged: StagedTable) -> "Verdicts":
        """Look up the ids of the documents that copies are copies of."""
        self._firsts = np.unique(self.first[self.gone])
        self._names = names_of(staged, self._firsts)
        return self

    def decide(self, row: dict[str, Any]) -> None:
        """The last word on a staged row: reason, detail and step, or its text without what is cut."""
        number = row["number"]
        if row["reason"]:
            return
        if self.why[number]:
            reason = self.reasons[self.why[number]]
            name = self._names[int(np.searchsorted(self._firsts, self.first[number]))].as_py()
            row["reason"], row["detail"], row["step"] = reason, f"of {name}", reason
            return
        row["leak"] = row["leak"] if self.leaking else ""
        spans: list[tuple[int, int]] = []
        whole = row["text"]
        for step, cuts in self.cuts.items():
            found = cuts.of(number)
            spans += found
            self._cut(row, step, whole, spans, bool(found))
            if row["reason"]:
                return

    def _cut(self, row: dict[str, Any], step: str, whole: str, spans: list[tuple[int, int]], found: bool) -> None:
        before = row["text"]
        after = normalise(without(whole, spans)) if found else before
        if not after.strip():
            row["reason"], row["detail"], row["step"] = step, "nothing is left of it when that is cut out", step
            return
        seen = differing(before, after, CLIP) if found else ("", "")
        size = len(after.encode("utf-8", "replace"))
        row["changes"] = [*row["changes"], {"step": step, "bytes": size, "before": seen[0], "after": seen[1]}]
        row["text"] = after
        if found and row["redacted"] is not None:
            text, counts = redact(after, self._profile.redact, self._profile.placeholders)
            row["redacted"] = text if counts else None
            row["redactions"] = [{"kind": kind, "count": count} for kind, count in sorted(counts.items())]


def compared(files: list[Path], profile: "Profile", leaks: "Leaks | None", out: Path) -> Verdicts:
    """Hold all documents of a staged table against each other, as the profile says; the clusters are left in `out`."""
    from groundup.data.copies.contamination import Contamination
    from groundup.data.copies.duplicates import exact_copies, near_copies
    from groundup.data.copies.survivors import survivors

    staged, folder = StagedTable(files), out / COMPARING
    verdicts = Verdicts(staged.documents, profile)
    if profile.exact:
        verdicts.copies("duplicate", exact_copies(staged, folder))
    if profile.near:
        clusters = near_copies(staged, folder, profile.near, verdicts.gone)
        verdicts.copies("near_duplicate", survivors(staged, profile.near, clusters, out))
        clusters.close()
    for step, find in cutting(profile).items():
        verdicts.cuts[step] = find(staged, folder, staged.good & ~verdicts.gone)
    if leaks is not None:
        contamination = Contamination(leaks)
        quotations = contamination.read(staged, folder, staged.good & ~verdicts.gone)
        contamination.write(out)
        verdicts.leaking = leaks.settings.then == "remove"
        if leaks.settings.then == "cut":
            verdicts.cuts["leak"] = quotations
    return verdicts.named(staged)


def cutting(profile: "Profile") -> dict[str, Callable[[StagedTable, Path, np.ndarray], Cuts]]:
    """The steps that cut pieces out of documents, in their order."""
    from groundup.data.copies.repeated import repeated_passages, repeated_pieces

    steps: dict[str, Callable[[StagedTable, Path, np.ndarray], Cuts]] = {}
    if (paragraphs := profile.repeated_paragraphs) is not None:
        steps["repeated_paragraphs"] = lambda staged, folder, there: repeated_pieces(
            staged, folder, paragraphs, there, 2
        )
    if (lines := profile.repeated_lines) is not None:
        steps["repeated_lines"] = lambda staged, folder, there: repeated_pieces(staged, folder, lines, there, 1)
    if (passages := profile.substrings) is not None:
        steps["substrings"] = lambda staged, folder, there: repeated_passages(staged, folder, passages, there)
    return steps
