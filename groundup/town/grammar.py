"""Patterns of sentences: one line of pattern stands for many readings, spelled out once and filled in quickly.

`[a|b|]` is a choice (it may nest and may be empty), `{word}` a slot for later. Pages pick a pattern, then one of its
readings, so a pattern with many readings is not told more often than one with few.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

Forms = tuple[tuple[str, ...], ...]  # patterns, each with all its readings

BRANCH = re.compile(r"\[([^\[\]]*)\]")
STRAY_BLANK = re.compile(r"\s+(?=[.!?])|(?<=\s)\s+")


def readings(pattern: str) -> tuple[str, ...]:
    """Every reading of a pattern, in order: `[a|the] cat` reads `a cat` and `the cat`."""
    found = BRANCH.search(pattern)
    if not found:
        return (STRAY_BLANK.sub("", pattern.strip()),)
    before, after = pattern[: found.start()], pattern[found.end() :]
    nested = [readings(before + choice + after) for choice in found[1].split("|")]
    return tuple(dict.fromkeys(reading for each in nested for reading in each))


def forms(text: str) -> Forms:
    """One pattern a line; empty lines do not count."""
    return tuple(readings(line) for line in text.splitlines() if line.strip())


def fill(patterns: Forms, slots: Mapping[str, str]) -> Forms:
    """All readings with their slots filled, for what is told again and again of the same subject."""
    return tuple(tuple(reading.format_map(slots) for reading in each) for each in patterns)


def pick(roll: Random, patterns: Sequence[Sequence[str]]) -> str:
    """Any reading of any pattern."""
    draw = roll.random
    each = patterns[int(draw() * len(patterns))]
    return each[int(draw() * len(each))]


def choose(roll: Random, items: Sequence):
    """Any item: three times as fast as `Random.choice`, and as even as a double can tell."""
    return items[int(roll.random() * len(items))]


def combine(*parts: Sequence[str]) -> tuple[str, ...]:
    """Every way to say one of each, parted by blanks where neither is empty."""
    return tuple(" ".join(word for word in each if word) for each in product(*parts))


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]
