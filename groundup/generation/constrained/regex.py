"""Regular expressions as Python's `re` writes them: read here, made into expressions over bytes.

What is written fits `re.fullmatch`. Classes like \\d and \\w are the ASCII part of what `re` means by them; their opposites
leave out all of what it means. What would need a look back or around (references, look-arounds, borders of words) is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from groundup.errors import Problem
from groundup.generation.constrained import characters
from groundup.generation.constrained.characters import LAST, Ranges, merged, others, unicode_class, written
from groundup.generation.constrained.expressions import EMPTY, NOTHING, Expressions

MOST_CHARACTERS = 8192  # of a pattern
DEEPEST = 60  # groups inside groups
CLASSES: dict[str, Ranges] = {"d": characters.DIGITS, "w": characters.WORD, "s": characters.SPACE}
CONTROLS = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7, "0": 0}
HEXADECIMAL = {"x": 2, "u": 4, "U": 8}
DOT = others(((10, 10),))

Write = Callable[[Ranges], int]  # a set of characters -> the expression of one of them


def regex(expressions: Expressions, pattern: str) -> int:
    """A whole text that the pattern matches."""
    parts = Reader(pattern, lambda ranges: written(expressions, ranges), expressions).alternatives()
    return expressions.either(part.body for part in parts)


def search(expressions: Expressions, pattern: str, write: Write, anything: int) -> int:
    """A text in which the pattern is found somewhere, with `anything` before and after it where it has no ^ and no $."""
    dot = others(characters.LINE_ENDS)  # as JSON Schema's own dialect has it
    options = []
    for part in Reader(pattern, write, expressions, dot).alternatives():
        before, after = EMPTY if part.begins else anything, EMPTY if part.ends else anything
        options.append(expressions.row([before, part.body, after]))
    return expressions.either(options)


@dataclass
class Alternative:
    """One of the ways that a | leaves, and whether it is tied to the beginning and to the end."""

    body: int
    begins: bool = False
    ends: bool = False


@dataclass
class Reader:
    """Reads a pattern once, from left to right."""

    pattern: str
    write: Write
    expressions: Expressions
    dot: Ranges = DOT
    at: int = 0
    names: set[str] = field(default_factory=set)

    def alternatives(self) -> list[Alternative]:
        """The whole pattern."""
        if len(self.pattern) > MOST_CHARACTERS:
            raise Problem(
                f"the regular expression has {len(self.pattern)} characters: at most {MOST_CHARACTERS} are read"
            )
        made = self._either(0)
        if self.at < len(self.pattern):
            raise self._wrong("a ) that closes nothing")
        return made

    def _either(self, depth: int) -> list[Alternative]:
        made = [self._row(depth)]
        while self._next("|"):
            made.append(self._row(depth))
        return made

    def _row(self, depth: int) -> Alternative:
        made, parts = Alternative(EMPTY), []
        while depth == 0 and (self._next("^") or self._next("\\A")):
            made.begins = True
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            if depth == 0 and (self._next("$") or self._next("\\Z") or self._next("\\z")):
                made.ends = True
                continue
            if made.ends:
                raise self._wrong("something after the end of the text")
            parts.append(self._times(self._one(depth)))
        made.body = self.expressions.row(parts)
        return made

    def _one(self, depth: int) -> int:
        """A character, a class of them, or a group."""
        letter = self.pattern[self.at]
        if letter == "(":
            return self._group(depth + 1)
        self.at += 1
        if letter in "*+?":
            raise self._wrong(f"a {letter} with nothing before it to repeat")
        if letter in "^$":
            raise self._wrong(
                f"a {letter} inside the pattern, where it is understood only at the outermost beginning or end"
            )
        if letter == ".":
            return self.write(self.dot)
        if letter == "[":
            return self._some(self._class())
        return self._some(self._escape() if letter == "\\" else self._just(ord(letter)))

    def _some(self, ranges: Ranges) -> int:
        one = self.write(ranges)
        if one == NOTHING:
            raise self._wrong("a class that no character is in")
        return one

    def _group(self, depth: int) -> int:
        start = self.at
        if depth > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} groups inside each other")
        self.at += 1
        if self._next("?") and not self._next(":"):
            name, closed, _ = self.pattern[self.at + 2 :].partition(">")
            if not (self._next("P<") and closed and name.isidentifier() and name not in self.names):
                raise self._wrong(
                    "a look-around, a reference, a flag or another group that begins with (?, which cannot be followed"
                )
            self.names.add(name)
            self.at += len(name) + 1
        made = self._either(depth)
        if not self._next(")"):
            self.at = start
            raise self._wrong("a ( that is never closed")
        return self.expressions.either(part.body for part in made)

    def _times(self, part: int) -> int:
        """What stands before, as often as what stands here says."""
        found = self._quantifier()
        if found is None:
            return part
        least, most = found
        if not self._next("?") and self._next("+"):
            raise self._wrong("a possessive quantifier, which cannot be followed")
        if most is not None and most < least:
            raise self._wrong(f"a quantifier from {least} down to {most}")
        if self._quantifier() is not None:
            raise self._wrong("two quantifiers after each other")
        return self.expressions.repeat(part, least, most)

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._next(sign):
                return times
        closing = self.pattern.find("}", self.at)
        if not self.pattern.startswith("{", self.at) or closing < 0:
            return None
        least, comma, most = self.pattern[self.at + 1 : closing].partition(",")
        numbers = [number for number in (least, most) if number]
        if not numbers and not comma or not all(number.isascii() and number.isdecimal() for number in numbers):
            return None  # a brace that is meant as such
        if any(len(number) > 7 for number in numbers):
            raise self._wrong("a count of repetitions that is too large")
        self.at = closing + 1
        lowest = int(least or 0)
        return lowest, (int(most) if most else None) if comma else lowest

    def _class(self) -> Ranges:
        """What stands between [ and ]."""
        start, found = self.at, []
        negated, first = self._next("^"), True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                self.at = start
                raise self._wrong("a [ that is never closed")
            first = False
            low, broad = self._member(negated)
            dash = self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at)
            if not dash or self.at + 1 >= len(self.pattern):
                found += low
                continue
            self.at += 1
            high, broad_end = self._member(negated)
            if broad or broad_end or high[0][0] < low[0][0]:
                raise self._wrong("a range in a class that does not go from a character up to another")
            found.append((low[0][0], high[0][0]))
        self.at += 1
        return others(found) if negated else merged(found)

    def _member(self, negated: bool) -> tuple[Ranges, bool]:
        """One character of a class, or a class of them inside it (True); a negated one leaves out all that `re` means."""
        if not self._next("\\"):
            self.at += 1
            return self._just(ord(self.pattern[self.at - 1])), False
        letter = self.pattern[self.at : self.at + 1]
        if letter.lower() in CLASSES and letter:
            self.at += 1
            if negated:
                wide = unicode_class(letter.lower())
                return (wide if letter.islower() else others(CLASSES[letter.lower()])), True
            return class_of(letter), True
        if self._next("b"):
            return self._just(8), False
        return self._escape(), False

    def _escape(self) -> Ranges:
        """What a backslash makes of the letters after it."""
        letter = self.pattern[self.at : self.at + 1]
        self.at += 1
        if not letter:
            raise self._wrong("a backslash at the end")
        if letter.lower() in CLASSES:
            return class_of(letter)
        if letter in CONTROLS:
            return self._just(CONTROLS[letter])
        if letter in HEXADECIMAL:
            digits = self.pattern[self.at : self.at + HEXADECIMAL[letter]]
            if len(digits) < HEXADECIMAL[letter] or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise self._wrong(f"a \\{letter} without {HEXADECIMAL[letter]} hexadecimal digits")
            self.at += len(digits)
            return self._just(int(digits, 16))
        if letter.isascii() and letter.isalnum():
            raise self._wrong(f"\\{letter}, which cannot be followed here")
        return self._just(ord(letter))

    def _just(self, point: int) -> Ranges:
        if point > LAST or 0xD800 <= point <= 0xDFFF:
            raise self._wrong("a character that no text can hold")
        return ((point, point),)

    def _next(self, word: str) -> bool:
        """Whether the pattern goes on with the word, which is then behind us."""
        found = self.pattern.startswith(word, self.at)
        self.at += len(word) if found else 0
        return found

    def _wrong(self, found: str) -> Problem:
        return Problem(f"the regular expression has, near its character {min(self.at, len(self.pattern))}, {found}")


def class_of(letter: str) -> Ranges:
    """What \\d, \\w, \\s and their opposites stand for."""
    small = CLASSES.get(letter)
    return small if small is not None else others(unicode_class(letter.lower()))
