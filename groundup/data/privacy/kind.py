"""What a kind of private value is: how it looks, what a text that may hold one must contain, and when it is believed.

The quick test is what makes a text without candidates cost almost nothing; the belief weighs check digits and the words
before, so that what only looks alike stays.
"""

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

BEFORE = 40  # characters before a candidate in which words speak for or against it
NOT_PRIVATE = re.compile(
    r"(?:[$£€#]|\b(?:order|invoice|isbn|issn|part|serial|ticket|item|model|version|pages?|pp|ref|"
    r"reference|account|code|parcel|id|lot|room|years?|rfc|pep|batch|receipt|tracking|catalogue)\b)\W{0,3}"
    r"(?:(?:is|was|no|nr|number)\W{1,2})?$",
    re.I,
)


class Quick(Protocol):
    """Whether a text may hold a value at all."""

    def search(self, text: str, /) -> object: ...


class Kind(NamedTuple):
    """One row of the table; a group named `private` is what is blacked out, or else the whole match."""

    pattern: re.Pattern[str]
    needed: Quick
    believed: Callable[[re.Match[str]], bool]


class Words:
    """The quick test for values with a telling beginning: plain search, many times faster than a pattern."""

    def __init__(self, *words: str):
        self.words = words

    def search(self, text: str, /) -> bool:
        return any(word in text for word in self.words)


def always(found: re.Match[str]) -> bool:
    """Where the form alone is proof enough."""
    return True


def before(found: re.Match[str]) -> str:
    """The words just before a candidate."""
    return found.string[max(0, found.start() - BEFORE) : found.start()]


def spoken_of(*words: str) -> re.Pattern[str]:
    """One of these words, and at most four others, before the end of a text."""
    return re.compile(rf"(?:\b(?:{'|'.join(words)})\b\W*(?:\w+\W+){{0,4}}?)$", re.I)


def digits_of(found: re.Match[str]) -> str:
    """The digits of a candidate, without what groups them."""
    return re.sub(r"\D", "", found[0])
