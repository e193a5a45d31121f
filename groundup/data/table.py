"""The table of a corpus: what came into each step and what went on, with a few examples to look at."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

EXAMPLES = 3
CLIP = 400


@dataclass
class Row:
    """One step."""

    name: str
    documents_in: int = 0
    documents_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)

    def passed(self, bytes_in: int, bytes_out: int) -> None:
        self.documents_in += 1
        self.documents_out += 1
        self.bytes_in += bytes_in
        self.bytes_out += bytes_out

    def stopped(self, bytes_in: int) -> None:
        self.documents_in += 1
        self.bytes_in += bytes_in

    def show(self, id: str, before: str, **more: str) -> None:
        """Keep an example, if there are not enough already."""
        if len(self.examples) < EXAMPLES:
            self.examples.append({"id": id, "before": clip(before)} | {key: clip(text) for key, text in more.items()})


class Table:
    """The steps of a corpus, filled document by document in input order."""

    def __init__(self, steps: list[str]):
        self.rows = {name: Row(name) for name in steps}
        self.removed: Counter[str] = Counter()
        self.redactions: Counter[str] = Counter()
        self.kept = self.kept_bytes = 0

    def add(self, row: dict[str, Any], text_bytes: int, final_bytes: int) -> None:
        """Count a document (a staged row whose reason, detail and step are final) through the steps it saw."""
        sizes = {
            "read": (row["raw_bytes"], row["read_bytes"]),
            "extract": (row["read_bytes"], row["extracted_bytes"]),
            "clean": (row["extracted_bytes"], row["cleaned_bytes"]),
            **_changed(row),
            "redact": (text_bytes, final_bytes),
        }
        after = 0
        for name, step in self.rows.items():
            before, after = sizes.get(name, (after, after))
            if name == row["step"]:
                step.stopped(before)
                step.show(row["id"], row["text"] or row["before_extract"], reason=f"{row['reason']}: {row['detail']}")
                break
            step.passed(before, after)
        if row["reason"]:
            self.removed[row["reason"]] += 1
            return
        self.kept += 1
        self.kept_bytes += final_bytes
        self._show_changes(row)

    def _show_changes(self, row: dict[str, Any]) -> None:
        if row["before_extract"]:
            self.rows["extract"].show(row["id"], row["before_extract"], after=row["after_clean"])
        if row["before_clean"]:
            self.rows["clean"].show(row["id"], row["before_clean"], after=row["after_clean"])
        for change in row["changes"]:
            if change["before"]:
                self.rows[change["step"]].show(row["id"], change["before"], after=change["after"])
        if row["redacted"] is not None:
            before, after = differing(row["text"], row["redacted"], None)
            self.rows["redact"].show(row["id"], before, after=after)

    def as_json(self, skipped: Counter[str]) -> dict[str, Any]:
        """What stands in table.json."""
        return {
            "documents": self.kept,
            "text_bytes": self.kept_bytes,
            "steps": [vars(row) for row in self.rows.values()],
            "removed": dict(sorted(self.removed.items())),
            "redactions": dict(sorted(self.redactions.items())),
            "skipped": dict(sorted(skipped.items())),
        }


def clip(text: str) -> str:
    return text if len(text) <= CLIP else text[:CLIP] + "…"


def differing(one: str, other: str, longest: int | None) -> tuple[str, str]:
    """Two texts from a little before where they begin to differ."""
    at = max(0, _first_difference(one, other) - CLIP // 2)
    return one[at:][:longest], other[at:][:longest]


def _changed(row: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Bytes into and out of each change that was made."""
    before, sizes = row["cleaned_bytes"], {}
    for change in row["changes"]:
        sizes[change["step"]] = (before, change["bytes"])
        before = change["bytes"]
    return sizes


def _first_difference(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
