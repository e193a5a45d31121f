"""Sets of characters, and the bytes that they are written with in UTF-8.

A set is a sorted tuple of ranges of code points. Surrogates are in none: no text holds them.
"""

import sys
from collections.abc import Iterable
from functools import lru_cache

from groundup.generation.constrained.expressions import NOTHING, Expressions

Ranges = tuple[tuple[int, int], ...]  # first and last code point of each

LAST = sys.maxunicode
LENGTHS = (
    (0, 0x7F),
    (0x80, 0x7FF),
    (0x800, 0xD7FF),
    (0xE000, 0xFFFF),
    (0x10000, LAST),
)  # written with 1, 2, 3, 3, 4 bytes
DIGITS: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE: Ranges = ((9, 13), (32, 32))
LINE_ENDS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted, with no two that touch."""
    made: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if made and first <= made[-1][1] + 1:
            made[-1] = made[-1][0], max(made[-1][1], last)
        else:
            made.append((first, last))
    return tuple(made)


def others(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Every character that is in none of them."""
    made, free = [], 0
    for first, last in merged(ranges):
        if free < first:
            made.append((free, first - 1))
        free = last + 1
    return tuple([*made, (free, LAST)] if free <= LAST else made)


def both(some: Iterable[tuple[int, int]], more: Iterable[tuple[int, int]]) -> Ranges:
    """What is in the one and in the other."""
    return others((*others(some), *others(more)))


@lru_cache(maxsize=4)
def unicode_class(letter: str) -> Ranges:
    """Every character that Python's `re` counts as a digit, as part of a word, or as space; what their opposites leave out."""
    tests = {"d": str.isdecimal, "w": lambda one: one.isalnum() or one == "_", "s": str.isspace}
    return merged((point, point) for point in range(LAST + 1) if tests[letter](chr(point)))


def written(expressions: Expressions, ranges: Iterable[tuple[int, int]]) -> int:
    """One character of the set, as UTF-8."""
    options = []
    for first, last in merged(ranges):
        for lowest, highest in LENGTHS:
            low, high = max(first, lowest), min(last, highest)
            if low <= high:
                options.append(_between(expressions, chr(low).encode(), chr(high).encode()))
    return expressions.either(options)


def _between(expressions: Expressions, low: bytes, high: bytes) -> int:
    """Byte strings of one length from `low` to `high`, continuation bytes 80 to BF in each."""
    if len(low) == 1:
        return expressions.byte(span(low[0], high[0]))
    if low[0] == high[0]:
        return expressions.then(expressions.byte(1 << low[0]), _between(expressions, low[1:], high[1:]))
    rest = len(low) - 1
    least, most = b"\x80" * rest, b"\xbf" * rest
    first, last, options = low[0], high[0], [NOTHING]
    if low[1:] != least:
        options.append(expressions.then(expressions.byte(1 << first), _between(expressions, low[1:], most)))
        first += 1
    if high[1:] != most:
        options.append(expressions.then(expressions.byte(1 << last), _between(expressions, least, high[1:])))
        last -= 1
    if first <= last:
        anything = expressions.row([expressions.byte(span(0x80, 0xBF))] * rest)
        options.append(expressions.then(expressions.byte(span(first, last)), anything))
    return expressions.either(options)


def span(first: int, last: int) -> int:
    """The set of bytes from `first` to `last`."""
    return (1 << (last + 1)) - (1 << first)
