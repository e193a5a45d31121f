"""JSON as expressions: strings, arrays and objects, and any value at all down to a depth.

Between parts at most one blank may stand, and none elsewhere: so a model cannot fill its answer with blanks.
"""

import json
from collections.abc import Sequence
from typing import Any

from groundup.generation.constrained.characters import Ranges, both, others, span, written
from groundup.generation.constrained.expressions import EMPTY, NOTHING, Expressions
from groundup.generation.constrained.json_numbers import Numbers

DEEPEST = 12  # values inside values, where nothing says how deep they go
QUOTE, ESCAPE = 34, 92
RAW = others(((0, 31), (QUOTE, QUOTE), (ESCAPE, ESCAPE)))  # what stands in a string as it is
SHORT = {34: '\\"', 92: "\\\\", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t"}


class Values:
    """Builds JSON out of one set of expressions."""

    def __init__(self, expressions: Expressions):
        self.make = expressions
        make = expressions
        hexadecimal = make.byte(span(48, 57) | span(65, 70) | span(97, 102))
        not_surrogate = [
            make.row(
                [
                    make.byte(span(48, 57) | span(65, 67) | span(69, 70) | span(97, 99) | span(101, 102)),
                    *[hexadecimal] * 3,
                ]
            ),
            make.row([make.byte(1 << 68 | 1 << 100), make.byte(span(48, 55)), hexadecimal, hexadecimal]),
        ]
        escaped = [
            make.byte(sum(1 << ord(letter) for letter in '"\\/bfnrt')),
            make.then(make.text(b"u"), make.either(not_surrogate)),
        ]
        self.character = make.either([written(make, RAW), make.then(make.text(b"\\"), make.either(escaped))])
        self.numbers = Numbers(make)
        self.colon, self.comma = self.mark(":"), self.mark(",")

    def mark(self, sign: str) -> int:
        """A sign between two parts, with a blank after it or none."""
        return self.make.then(self.make.text(sign.encode()), self.make.maybe(self.make.text(b" ")))

    def one_of(self, ranges: Ranges) -> int:
        """One character of a set, as a string holds it: what may not stand there as it is, is escaped."""
        escaped = [self.make.text(SHORT.get(point, f"\\u{point:04x}").encode()) for point in _apart(ranges)]
        return self.make.either([written(self.make, both(ranges, RAW)), *escaped])

    def quoted(self, inside: int) -> int:
        """A string with this in it."""
        return self.make.row([self.make.text(b'"'), inside, self.make.text(b'"')])

    def string(self, least: int = 0, most: int | None = None) -> int:
        """Any string of so many characters."""
        return self.quoted(self.make.repeat(self.character, least, most))

    def constants(self, values: Sequence[Any]) -> int:
        """One of these values."""
        return self.make.words(json.dumps(value, ensure_ascii=False).encode() for value in values)

    def array(self, item: int, least: int = 0, most: int | None = None) -> int:
        """A list of so many items of one kind."""
        return self.listed([], item, least, most)

    def listed(self, firsts: Sequence[int], item: int, least: int, most: int | None) -> int:
        """A list that begins with these, all of them, and goes on with items of one kind; least and most count all."""
        make, known = self.make, len(firsts)
        if most is not None and most < known:
            return NOTHING
        least, most = max(least - known, 0), None if most is None else most - known
        if firsts:
            more = make.repeat(make.then(self.comma, item), least, most)
            inside = make.then(make.row([firsts[0], *(make.then(self.comma, first) for first in firsts[1:])]), more)
        else:
            rest = None if most is None else max(most - 1, 0)
            inside = make.then(item, make.repeat(make.then(self.comma, item), max(least - 1, 0), rest))
            inside = EMPTY if most == 0 else inside if least else make.maybe(inside)
        return make.row([make.text(b"["), inside, make.text(b"]")])

    def entry(self, name: int, value: int) -> int:
        """A name and its value."""
        return self.make.row([name, self.colon, value])

    def named(self, name: str) -> int:
        """A name as it is written."""
        return self.constants([name])

    def map(self, name: int, value: int, least: int = 0, most: int | None = None) -> int:
        """An object with so many names of one kind."""
        make, one = self.make, self.entry(name, value)
        if one == NOTHING or most == 0:
            return NOTHING if least else make.text(b"{}")
        several = make.then(
            one, make.repeat(make.then(self.comma, one), max(least - 1, 0), None if most is None else most - 1)
        )
        return make.row([make.text(b"{"), several if least else make.maybe(several), make.text(b"}")])

    def properties(self, entries: Sequence[tuple[int, bool]], more: int = NOTHING) -> int:
        """An object with these entries in this order, each needed or not, and any number of `more` after them."""
        make = self.make
        others_ = make.repeat(make.then(self.comma, more), 0, None)  # after an entry
        inside = make.maybe(make.then(more, others_))
        for entry, needed in reversed(entries):
            begun = make.then(entry, others_)
            inside = begun if needed else make.either([begun, inside])
            later = make.then(self.comma, entry)
            others_ = make.then(later if needed else make.maybe(later), others_)
        return make.row([make.text(b"{"), inside, make.text(b"}")])

    def anything(self, depth: int = DEEPEST) -> int:
        """Any value, with so many more inside each other."""
        plain = [self.string(), self.numbers.number(), self.constants([True, False, None])]
        if depth == 0:
            return self.make.either(plain)
        return self.make.either([*plain, self.object(depth), self.array(self.anything(depth - 1))])

    def object(self, depth: int = DEEPEST) -> int:
        """Any object."""
        return self.map(self.string(), self.anything(depth - 1)) if depth else NOTHING

    def other_name(self, names: Sequence[str]) -> int:
        """Any name but these, written without escapes, so that it is none of them in other letters."""
        return self.make.then(self.make.text(b'"'), self._differs(list(names), written(self.make, RAW)))

    def _differs(self, names: Sequence[str], character: int) -> int:
        """The rest of a name that is none of these, with its closing quote."""
        make, close = self.make, self.make.text(b'"')
        if not names:
            return make.then(make.repeat(character, 0, None), close)
        taken = sorted({name[0] for name in names if name})
        free = written(make, both(RAW, others((ord(letter), ord(letter)) for letter in taken)))
        options = [make.row([free, make.repeat(character, 0, None), close])]
        options += [close] if "" not in names else []
        for letter in taken:
            rest = self._differs([name[1:] for name in names if name[:1] == letter], character)
            options.append(make.then(written(make, both(RAW, ((ord(letter), ord(letter)),))), rest))
        return make.either(options)


def _apart(ranges: Ranges) -> list[int]:
    """The characters of a set that a string cannot hold as they are."""
    return [point for point in (*range(32), QUOTE, ESCAPE) if any(first <= point <= last for first, last in ranges)]
