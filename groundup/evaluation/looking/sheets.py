"""A document as somebody looks at it: its facts, its text in pieces of which some are lit, and its near copies beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from groundup.evaluation.looking.clusters import Member, clusters_of, documents_of
from groundup.evaluation.looking.evidence import Span, pieces, shared, spans, window, within
from groundup.evaluation.looking.finished import KEPT, Corpus, Document, Place

COPIES = ("duplicate", "near_duplicate")
OF = "of "  # how the detail of a copy begins, before the id of the one that stayed


@dataclass(frozen=True)
class Shown:
    """A stretch of a text: its pieces, and how many characters before and after it are left out."""

    pieces: list[tuple[str, bool]]
    before: int
    after: int


@dataclass(frozen=True)
class Beside:
    """Another one of the cluster; of `similarity` to the one that stayed."""

    id: str
    stays: bool
    similarity: float | None
    text: Shown


@dataclass(frozen=True)
class Sheet:
    """All of it."""

    document: Document
    heading: str
    text: Shown
    beside: list[Beside] = field(default_factory=list)


def sheets(corpus: Corpus, places: Sequence[Place], most: int, copies: int) -> list[Sheet]:
    """Sheets of these places in their order, `most` characters of each text and `copies` others of each cluster."""
    read = corpus.read(places)
    documents = [read[place] for place in places]
    near = clusters_of(corpus, {each.id for each in documents}) if copies else {}
    others = {each.id: _others(each, near.get(each.id, []))[:copies] for each in documents}
    texts = documents_of(corpus, {member.id for members in others.values() for member in members})
    return [_sheet(each, others[each.id], texts, most) for each in documents]


def _others(document: Document, members: Iterable[Member]) -> list[Member]:
    found = [member for member in members if member.id != document.id]
    if not found and document.reason in COPIES and document.detail.startswith(OF):
        first = document.detail.removeprefix(OF)
        found = [Member(first, first, None)]
    return found


def _sheet(document: Document, members: Iterable[Member], texts: dict[str, Document], most: int) -> Sheet:
    found = spans(document.text, document.reason, document.detail)
    beside = []
    for member in members:
        if member.id not in texts:
            continue
        other = texts[member.id]
        ours, theirs = shared(document.text, other.text)
        if not beside and document.reason in COPIES:
            found = ours
        beside.append(
            Beside(member.id, member.id == member.survivor, member.similarity, shown(other.text, theirs, most))
        )
    return Sheet(document, document.reason or KEPT, shown(document.text, found, most), beside)


def shown(text: str, found: list[Span], most: int) -> Shown:
    """A stretch of a text with its evidence."""
    begin, end = window(text, found, most)
    return Shown(pieces(text[begin:end], within(found, begin, end)), begin, len(text) - end)
