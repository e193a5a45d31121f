"""What a search may change, as a person writes it, and the values that its trials draw from it.

    training.optimizer.rate=log:1e-4..1e-1     evenly on a scale of powers
    model.width=lin:64..256                    evenly; whole numbers where both ends are whole
    model.depth=2,4,8                          one of these

A draw is a function of (seed, setting, trial) alone: trials may be made in any order, again, or never.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundup.config import Place, Section, overrides
from groundup.errors import Problem

SCALES = ("log", "lin")
FIGURES = 4  # of a drawn number, so that it can be read and typed again


@dataclass(frozen=True)
class Dimension:
    """One setting that is searched over."""

    name: str
    scale: str  # log, lin or choice
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Any, ...] = ()

    def draw(self, seed: int, trial: int) -> Any:
        """The value of that trial."""
        dice = random.Random(f"{seed}/{self.name}/{trial}")
        if self.scale == "choice":
            return dice.choice(self.choices)
        share = dice.random()
        if self.scale == "log":
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + (self.high - self.low) * share
        if self.whole:
            return min(int(self.high), max(int(self.low), round(value)))
        return float(f"{value:.{FIGURES}g}")

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return self.low.is_integer() and self.high.is_integer()

    def place(self, value: Any) -> float:
        """Where a value stands between the ends, in [0, 1]."""
        if self.scale == "choice":
            return self.choices.index(value) / max(1, len(self.choices) - 1)
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def dimensions(over: Mapping[str, Any]) -> list[Dimension]:
    """Every setting that is searched over, in the order of their names."""
    if not over:
        raise Problem("a search needs something to search over: --over training.optimizer.rate=log:1e-3..1e-1")
    return [dimension(name, over[name]) for name in sorted(over)]


def dimension(name: str, written: Any) -> Dimension:
    """One setting as it is written: a list, or text with a scale or commas."""
    if isinstance(written, list):
        return _choice(name, written)
    text = str(written).strip()
    scale, colon, ends = text.partition(":")
    if colon and ".." in ends:
        return _range(name, scale, ends)
    return _choice(name, [_value(name, part) for part in text.split(",") if part.strip()])


def _choice(name: str, values: list[Any]) -> Dimension:
    distinct = list(dict.fromkeys(values))
    if len(distinct) < 2:
        raise Problem(f"{name}: a search needs two values at least, as in {name}=2,4 or {name}=log:1e-3..1e-1")
    return Dimension(name, "choice", choices=tuple(distinct))


def _range(name: str, scale: str, ends: str) -> Dimension:
    if scale not in SCALES:
        raise Problem(f"{name}={scale}:{ends} is on no known scale: expected log:LOW..HIGH or lin:LOW..HIGH")
    parts = ends.split("..")
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise Problem(f"{name}={scale}:{ends}: expected two numbers as in {scale}:0.001..0.1") from None
    if not low < high or not math.isfinite(high - low) or (scale == "log" and low <= 0):
        above = ", and above 0" if scale == "log" else ""
        raise Problem(f"{name}={scale}:{ends}: expected the lower number first{above}")
    return Dimension(name, scale, low, high)


def _value(name: str, written: str) -> Any:
    """One of several values, read as on the command line."""
    found: Any = overrides([f"{name}={written.strip()}"])
    for part in name.split("."):
        found = found[part]
    return found


def drawn(over: list[Dimension], seed: int, trial: int) -> dict[str, Any]:
    """The values of one trial by name."""
    return {each.name: each.draw(seed, trial) for each in over}


def laid_over(said: Section, values: Mapping[str, Any], place: Place | None = None) -> Section:
    """The settings of a search with one trial's values in them."""
    from groundup.config import merge
    from groundup.recipe.making import nested

    return merge(said, nested(values))
