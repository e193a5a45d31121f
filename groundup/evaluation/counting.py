"""What counting alone foretells of held-out tokens: how often each token followed the one before it, or the two before it.

A model that is no better than pairs has not yet learnt to look further back than one token, whatever it could learn.
"""

import numpy as np
from numpy.typing import NDArray

PULL = 5.0  # how many occurrences the shorter context's shares are worth beside what was counted (MacKay and Peto 1995)


def by_counts(learnt: NDArray, held: NDArray, longest: int = 3) -> list[float]:
    """Mean nats of a token of `held` by what was counted in `learnt`: alone, in pairs, in triples, …

    Shares of a longer context: (count + PULL · share of the shorter one) / (count of the context + PULL).
    """
    learnt, held = np.asarray(learnt, np.int64), np.asarray(held, np.int64)
    vocabulary = int(max(learnt.max(), held.max())) + 1
    share, losses = np.full(len(held), 1 / vocabulary), []
    for length in range(1, longest + 1):
        whole, context = keys(learnt, held, length, vocabulary), keys(learnt, held, length - 1, vocabulary)
        # A context is counted where a token follows it, and ends one place before that token.
        followed, before = context[0][:-1], np.concatenate((context[1][:1], context[1][:-1]))
        pull = share * PULL
        share = (counted(*whole) + pull) / (counted(followed, before) + PULL)
        losses.append(float(-np.log(share[longest - 1 :]).mean()))
    return losses


def keys(learnt: NDArray, held: NDArray, length: int, vocabulary: int) -> tuple[NDArray, NDArray]:
    """For each place of both texts a number for the `length` tokens that end there; 0 for no token at all."""
    found = []
    for text in (learnt, held):
        key = np.zeros(len(text), np.int64)
        for back in range(length):
            key[back:] += (text[: len(text) - back] if back else text) * vocabulary**back
        found.append(key)
    return found[0], found[1]


def counted(among: NDArray, asked: NDArray) -> NDArray:
    """How often each of `asked` occurs in `among`."""
    known, counts = np.unique(among, return_counts=True)
    at = np.searchsorted(known, asked).clip(max=len(known) - 1)
    return np.where(known[at] == asked, counts[at], 0)
