"""What goes wrong that a person can put right: one sentence for it, and the name that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


class Problem(Exception):
    """One sentence to a person: what was found, where, what was expected, and what to do about it."""

    exit_code = 2


class OutOfSpace(Problem):
    """The input was right and the machine gave out: what was made so far is kept, the same command goes on from it."""

    exit_code = 1


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like a word: the same but for case and punctuation, or a few letters away."""
    names = list(known)
    plain = {name.lower().replace("-", "_"): name for name in names}
    if word.lower().replace("-", "_") in plain:
        return plain[word.lower().replace("-", "_")]
    close = get_close_matches(word.lower(), list(plain), n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the nearest known name, or else all of them."""
    names = list(known)
    if found := nearest(word, names):
        return f"did you mean {found}?"
    return "known here: " + (", ".join(names) or "none")
