"""Answers to exercise 3.

python lessons/solutions/03_data.py shakespeare.txt
"""

import sys
from pathlib import Path


def jaccard(one: set[int], other: set[int]) -> float:
    """Common members by all members."""
    return len(one & other) / len(one | other) if one or other else 0.0


def signature(members: set[int], factors: list[int], addends: list[int]) -> list[int]:
    """The smallest of each keyed hash."""
    return [
        min((member * factor + addend) % 2**64 >> 32 for member in members)
        for factor, addend in zip(factors, addends, strict=True)
    ]


def meet(one: list[int], other: list[int], rows: int) -> bool:
    """Slices of the same place, compared."""
    return any(one[at : at + rows] == other[at : at + rows] for at in range(0, len(one), rows))


def rows_of_bands(numbers: int, similarity: float) -> int:
    """Try all divisors."""

    def off(rows: int) -> float:
        return abs(1 - (1 - similarity**rows) ** (numbers // rows) - 0.5)

    return min((rows for rows in range(1, numbers + 1) if numbers % rows == 0), key=lambda rows: (off(rows), rows))


def clean(text: str) -> str:
    """Lines first, and the page by the lines that would stay."""
    kept = [line.strip() for line in text.split("\n")]
    kept = [line for line in kept if line.endswith((".", "?", "!", '"', "'")) and not line.endswith("...")]
    kept = [line for line in kept if len(line.split()) >= 3]
    if any("lorem ipsum" in line.lower() or "{" in line for line in kept):
        return ""
    return "\n".join(line for line in kept if "javascript" not in line.lower())


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "exercises"))
    import checking

    checking.data(jaccard, signature, meet, rows_of_bands, clean)
