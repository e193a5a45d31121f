"""Makes a near duplicate of a page: a sentence dropped or added, paragraphs swapped, a word or two replaced.

Each change says how many five-word shingles it costs, and changes end while at least `NEAR` of them agree for certain,
so that nobody can doubt what was copied.
"""

import re

from groundup.town.grammar import choose
from groundup.town.pages import Draft
from groundup.town.prose import Pen

NEAR = 0.85
SHINGLE = 5
WORD = re.compile(r"\w+")
SEAM = SHINGLE - 1  # shingles that span the place where two texts meet
REPLACED = tuple(
    (re.compile(rf"(?<!\w){old}(?!\w)"), new)
    for old, new in {
        "also": "too",
        "while": "whereas",
        "small": "little",
        "often": "frequently",
        "beside": "next to",
        "house": "home",
        "very": "quite",
        "Then": "Next",
        "many": "lots of",
        "the": "this",
        "and": "plus",
    }.items()
)
ADDED = (
    "Copied from another site.",
    "This page was updated last week.",
    "Read this text on our partner site too.",
    "Posted by a guest.",
    "All text without warranty.",
    "Reader's note: seen elsewhere.",
)


def shingles(text: str) -> set[tuple[str, ...]]:
    """All runs of five words, without case and punctuation."""
    found = WORD.findall(text.lower())
    return set(zip(*(found[at:] for at in range(SHINGLE)), strict=False))


def resemblance(one: str, other: str) -> float:
    """Jaccard's measure: shingles in both, among shingles in either."""
    left, right = shingles(one), shingles(other)
    return len(left & right) / max(1, len(left | right))


def altered(pen: Pen, draft: Draft) -> Draft:
    """A copy with as many small changes as leave it clearly the same page; at least one."""
    paragraphs, lost, gained = list(draft.paragraphs), 0, 0
    every = len(draft.text.split()) - SEAM
    for _ in range(pen.number(2, 6)):
        changed = list(paragraphs)
        less, more = choose(pen.roll, CHANGES)(pen, changed)
        if changed != paragraphs and every - lost - less >= NEAR * (every + gained + more):
            paragraphs, lost, gained = changed, lost + less, gained + more
    if paragraphs == draft.paragraphs:
        paragraphs.append(choose(pen.roll, ADDED))
    return Draft(draft.kind, draft.title, paragraphs, [], draft.redact)


def _drop(pen: Pen, paragraphs: list[str]) -> tuple[int, int]:
    """One sentence less, unless it holds something private that the truth speaks of."""
    at = int(pen.draw() * len(paragraphs))
    sentences = paragraphs[at].split(". ")
    dropped = sentences[int(pen.draw() * len(sentences))]
    if len(sentences) > 2 and not any(character.isdigit() or character == "@" for character in dropped):
        sentences.remove(dropped)
        paragraphs[at] = ". ".join(sentences)
    return len(dropped.split()) + SEAM, SEAM


def _swap(pen: Pen, paragraphs: list[str]) -> tuple[int, int]:
    """Two neighbours change places: three seams are new."""
    at = int(pen.draw() * (len(paragraphs) - 1))
    paragraphs[at : at + 2] = paragraphs[at : at + 2][::-1]
    return 3 * SEAM, 3 * SEAM


def _replace(pen: Pen, paragraphs: list[str]) -> tuple[int, int]:
    at, (pattern, new) = int(pen.draw() * len(paragraphs)), choose(pen.roll, REPLACED)
    paragraphs[at] = pattern.sub(new, paragraphs[at], count=1)
    return SHINGLE, SHINGLE + 1


def _add(pen: Pen, paragraphs: list[str]) -> tuple[int, int]:
    added = choose(pen.roll, ADDED)
    paragraphs.insert(int(pen.draw() * (len(paragraphs) + 1)), added)
    return SEAM, len(added.split()) + SEAM


CHANGES = (_drop, _swap, _replace, _replace, _add)  # each says how many shingles it takes away and brings at most
