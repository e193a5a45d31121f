"""How a filter says that a measure is outside its limits: measure, value, limit, in a few words."""

import math

from groundup.data.filters.finding import Finding


def outside(
    reason: str, measure: str, value: float, least: float = -math.inf, most: float = math.inf
) -> Finding | None:
    """A finding if the value is below the least or above the most that is allowed."""
    if value < least:
        return Finding(reason, f"{measure} {_apart(value, least)} < {least:g}")
    if value > most:
        return Finding(reason, f"{measure} {_apart(value, most)} > {most:g}")
    return None


def _apart(value: float, limit: float) -> str:
    """The value in as few digits as tell it from the limit."""
    if value == int(value):
        return str(int(value))
    told = (f"{value:.{digits}g}" for digits in range(3, 17))
    return next((short for short in told if float(short) != limit), repr(value))
