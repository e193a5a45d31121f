"""Makes a near duplicate of a page: a sentence dropped or added, paragraphs swapped, a word or two replaced.

Alterations stop while five-word shingles still agree by more than `NEAR`, so that nobody can doubt what was copied.
"""

import re

from groundup.town.grammar import choose
from groundup.town.pages import Draft
from groundup.town.prose import Pen

NEAR = 0.85
SHINGLE = 5
WORD = re.compile(r"\w+")
REPLACED = (
    ("also", "too"),
    ("while", "whereas"),
    ("small", "little"),
    ("often", "frequently"),
    ("beside", "next to"),
    ("house", "home"),
    ("very", "quite"),
    ("Then", "Next"),
    ("many", "lots of"),
    ("the", "this"),
    ("and", "&"),
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
    copy, paragraphs = draft, draft.paragraphs
    for _ in range(pen.number(2, 6)):
        changed = list(paragraphs)
        choose(pen.roll, CHANGES)(pen, changed)
        attempt = Draft(draft.kind, draft.title, changed, [], draft.redact)
        if changed != paragraphs and resemblance(draft.text, attempt.text) >= NEAR:
            copy, paragraphs = attempt, changed
    if copy.paragraphs == draft.paragraphs:
        copy = Draft(draft.kind, draft.title, [*draft.paragraphs, choose(pen.roll, ADDED)], [], draft.redact)
    return copy


def _drop(pen: Pen, paragraphs: list[str]) -> None:
    """One sentence less, unless it holds something private that the truth speaks of."""
    at = int(pen.draw() * len(paragraphs))
    sentences = paragraphs[at].split(". ")
    dropped = int(pen.draw() * len(sentences))
    if len(sentences) > 2 and not any(character.isdigit() or character == "@" for character in sentences[dropped]):
        del sentences[dropped]
        paragraphs[at] = ". ".join(sentences)


def _swap(pen: Pen, paragraphs: list[str]) -> None:
    at = int(pen.draw() * (len(paragraphs) - 1))
    paragraphs[at : at + 2] = paragraphs[at : at + 2][::-1]


def _replace(pen: Pen, paragraphs: list[str]) -> None:
    at, (old, new) = int(pen.draw() * len(paragraphs)), choose(pen.roll, REPLACED)
    paragraphs[at] = re.sub(rf"(?<!\w){old}(?!\w)", new, paragraphs[at], count=1)


def _add(pen: Pen, paragraphs: list[str]) -> None:
    paragraphs.insert(int(pen.draw() * (len(paragraphs) + 1)), choose(pen.roll, ADDED))


CHANGES = (_drop, _swap, _replace, _replace, _add)
