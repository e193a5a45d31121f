"""What repetition is, as plainly as it can be said: the references that `kernels/repeats.py` agrees with."""

import re
from collections import Counter
from collections.abc import Sequence


def pieces_plainly(text: str, gap: int) -> tuple[int, int, int]:
    """(pieces, those that stood before, their characters) of a text cut where at least `gap` lines end in a row."""
    found = re.split(rf"\n{{{gap},}}", text)
    seen: set[str] = set()
    again = [piece for piece in found if piece in seen or seen.add(piece)]
    return len(found), len(again), sum(map(len, again))


def commonest_plainly(words: Sequence[str], n: int) -> int:
    """The characters that the commonest run of n words covers, blanks within it included; of equals the first one counts."""
    runs = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not runs:
        return 0
    run, times = max(runs.items(), key=lambda item: item[1])
    return len(" ".join(run)) * times


def repeated_plainly(words: Sequence[str], n: int) -> int:
    """The characters of all runs of n words that stood before, read from the left, no word counted twice."""
    seen: set[tuple[str, ...]] = set()
    total, i = 0, 0
    while i + n <= len(words):
        run = tuple(words[i : i + n])
        if run in seen:
            total += sum(map(len, run))
            i += n
        else:
            seen.add(run)
            i += 1
    return total


def first_plainly(words: Sequence[str], characters: int, commonest: dict[int, float], repeated: dict[int, float]):
    """(which, n, share) of the first share above its limit; which is 0 for none, 1 for commonest, 2 for repeated."""
    for n in range(1, max([0, *commonest, *repeated]) + 1):
        for which, limits, count in ((1, commonest, commonest_plainly), (2, repeated, repeated_plainly)):
            share = count(words, n) / characters if n in limits else 0.0
            if n in limits and share > limits[n]:
                return which, n, share
    return 0, 0, 0.0
