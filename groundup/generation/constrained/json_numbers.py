"""Numbers of JSON as expressions: any of them, and those between two bounds.

They have at most so many digits that every reader of JSON can hold them.
"""

from decimal import Decimal

from groundup.generation.constrained.characters import span
from groundup.generation.constrained.expressions import EMPTY, NOTHING, Expressions

DIGITS = 17  # before the point, and after it, beside the first one


class Numbers:
    """Builds numbers out of one set of expressions."""

    def __init__(self, expressions: Expressions):
        self.make = expressions
        self.digit, self.first_digit = expressions.byte(span(48, 57)), expressions.byte(span(49, 57))

    def digits(self, least: int, most: int) -> int:
        """So many digits of any kind."""
        return self.make.repeat(self.digit, least, most)

    @property
    def whole(self) -> int:
        """A number without a sign or a point."""
        return self.make.either([self.make.text(b"0"), self.make.then(self.first_digit, self.digits(0, DIGITS))])

    @property
    def point(self) -> int:
        """A point and what follows it."""
        return self.make.then(self.make.text(b"."), self.digits(1, DIGITS))

    def integer(self) -> int:
        """Any integer."""
        return self.make.then(self.make.maybe(self.make.text(b"-")), self.whole)

    def number(self) -> int:
        """Any number."""
        make = self.make
        sign, power = make.maybe(make.byte(1 << 43 | 1 << 45)), make.byte(1 << 69 | 1 << 101)
        exponent = make.row([power, sign, self.digits(1, 2)])
        return make.row([self.integer(), make.maybe(self.point), make.maybe(exponent)])

    def between(self, low: Decimal | None, high: Decimal | None, with_low: bool, with_high: bool, point: bool) -> int:
        """A number within bounds, in plain digits; without a point if it is to be an integer."""
        make, zero = self.make, Decimal(0)
        upper = high is None or high > 0 or (high == 0 and with_high)
        lower = low is None or low < 0
        made = NOTHING
        if upper:
            begins = (low, with_low) if low is not None and low >= 0 else (zero, True)
            made = self._up(begins, (high, with_high), point)
        if lower:
            begins = (-high, with_high) if high is not None and high <= 0 else (zero, False)
            negative = self._up(begins, (None if low is None else -low, with_low), point)
            made = make.either([made, make.then(make.text(b"-"), negative)])
        return made

    def _up(self, low: tuple[Decimal, bool], high: tuple[Decimal | None, bool], point: bool) -> int:
        """Numbers from one that is not below 0 to another, or without end."""
        make = self.make
        rest = make.maybe(self.point) if point else EMPTY
        bottom, above = int(low[0]), _places(low[0])
        options = [make.then(make.text(str(bottom).encode()), self._fraction(above, low[1], None, False, point))]
        if high[0] is None:
            return make.either([*options, make.then(self._wholes(bottom + 1, None), rest)])
        top, below = int(high[0]), _places(high[0])
        if top < bottom:
            return NOTHING
        if top == bottom:
            return make.then(make.text(str(top).encode()), self._fraction(above, low[1], below, high[1], point))
        options.append(make.then(self._wholes(bottom + 1, top - 1), rest))
        options.append(make.then(make.text(str(top).encode()), self._fraction("", True, below, high[1], point)))
        return make.either(options)

    def _fraction(self, low: str, with_low: bool, high: str | None, with_high: bool, point: bool) -> int:
        """What may follow a whole number so that the digits after its point lie from `low` to `high`."""
        none = (with_low and low == "") and (high is None or high != "" or with_high)
        made = [EMPTY] if none else []
        if point:
            digits = self._places(low, with_low, high, with_high, DIGITS + 1)
            made.append(self.make.then(self.make.text(b"."), digits))
        return self.make.either(made)

    def _places(
        self, low: str, with_low: bool, high: str | None, with_high: bool, room: int, first: bool = True
    ) -> int:
        """Digits after a point from `low` to `high`, which are digits, too, without zeros at their end."""
        make, options = self.make, []
        ends = (with_low and not low) and (high is None or high != "" or with_high)
        if ends and not first:
            options.append(EMPTY)
        if not room:
            return make.either(options)
        if not low and with_low and high is None:
            return make.either([self.digits(1, room), *options])
        bottom = int(low[:1] or 0)
        top = 9 if high is None else int(high[:1] or 0)
        for digit in range(bottom, top + 1):
            under = (low[1:], with_low) if digit == bottom else ("", True)
            over = high[1:] if high is not None and digit == top else None
            rest = self._places(*under, over, with_high, room - 1, False)
            options.append(make.then(make.text(str(digit).encode()), rest))
        return make.either(options)

    def _wholes(self, low: int, high: int | None) -> int:
        """Whole numbers from one to another; without end: with a digit more than anybody needs."""
        make = self.make
        if high is None:
            limit = max(len(str(low)), DIGITS + 1)
            return make.either([self._wholes(low, 10 ** len(str(low)) - 1), self._longer(len(str(low)) + 1, limit)])
        if high < low:
            return NOTHING
        options = []
        for length in range(len(str(low)), len(str(high)) + 1):
            bottom, top = max(low, 10 ** (length - 1) if length > 1 else 0), min(high, 10**length - 1)
            options.append(self._same_length(str(bottom), str(top)))
        return make.either(options)

    def _longer(self, least: int, most: int) -> int:
        return self.make.then(self.first_digit, self.digits(least - 1, most - 1)) if least <= most else NOTHING

    def _same_length(self, low: str, high: str) -> int:
        """Digits from `low` to `high`, as many as they have."""
        make = self.make
        if not low or (set(low) == {"0"} and set(high) == {"9"}):
            return self.digits(len(low), len(low))
        if low[0] == high[0]:
            return make.then(make.text(low[0].encode()), self._same_length(low[1:], high[1:]))
        rest = len(low) - 1
        options = [
            make.then(make.text(low[0].encode()), self._same_length(low[1:], "9" * rest)),
            make.then(make.text(high[0].encode()), self._same_length("0" * rest, high[1:])),
        ]
        if int(high[0]) - int(low[0]) > 1:
            middle = make.byte(span(48 + int(low[0]) + 1, 48 + int(high[0]) - 1))
            options.append(make.then(middle, self.digits(rest, rest)))
        return make.either(options)


def _places(number: Decimal) -> str:
    """The digits after the point of a number that is not below 0."""
    return f"{number:f}".partition(".")[2].rstrip("0")
