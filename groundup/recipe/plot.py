"""A loss drawn with characters: four rows of two dots in each (braille), the values of its ends beside it.

Nothing but the numbers that a stage told comes in; lines of text go out, for a terminal that is wide enough.
"""

import math
from collections.abc import Sequence

WIDEST, ROWS = 72, 5  # characters
NARROWEST = 40  # of a terminal: below that nothing is drawn
MOST = 4096  # values remembered
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # bits of a braille character: left column, right column
BLANK = 0x2800


class History:
    """The values of a stage so far; of a long one every second, every fourth, ..."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.stride, self.told = 1, 0

    def add(self, value: float) -> None:
        """One more value."""
        if self.told % self.stride == 0:
            self.values.append(value)
        self.told += 1
        if len(self.values) > MOST:
            self.values, self.stride = self.values[::2], 2 * self.stride


def columns(values: Sequence[float], count: int) -> list[float]:
    """As many means, each of an equally long part of the values; fewer values stay as they are."""
    if len(values) <= count:
        return list(values)
    edges = [round(at * len(values) / count) for at in range(count + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def plot(values: Sequence[float], width: int, rows: int = ROWS) -> list[str]:
    """Lines of text, the largest value at the top; none while there is nothing to see or no room for it."""
    values = [value for value in values if math.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=0.0)
    labels = [f"{high:.2f}", *[""] * (rows - 2), f"{low:.2f}"]
    margin = max(map(len, labels))
    room = min(width - margin - 2, WIDEST)
    if len(values) < 3 or low == high or width < NARROWEST:
        return []
    means = columns(values, 2 * room)
    cells = [[BLANK] * math.ceil(len(means) / 2) for _ in range(rows)]
    before = None
    for at, value in enumerate(means):
        height = round((high - value) / (high - low) * (4 * rows - 1))  # dots from the top
        first = height if before is None else before + (height > before) - (height < before)
        for dot in range(min(first, height), max(first, height) + 1):  # no gaps where it falls steeply
            cells[dot // 4][at // 2] |= DOTS[at % 2][dot % 4]
        before = height
    return [f"{label:>{margin}} ┤{''.join(map(chr, row))}" for label, row in zip(labels, cells, strict=True)]
