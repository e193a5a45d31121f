"""What a filter says of a document that should go: why, in one word of the table, and what it saw."""

from dataclasses import dataclass
from typing import Protocol

from groundup.data.filters.phrases import Text


@dataclass(frozen=True)
class Finding:
    """A reason to remove a document, and the evidence in a few words."""

    reason: str
    detail: str


class Filter(Protocol):
    """A part that looks at one document alone."""

    reason: str

    def judge(self, text: Text) -> Finding | None: ...
