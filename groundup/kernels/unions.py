"""Which things belong together when some pairs do: a forest in one array, whose roots are the smallest of each tree."""

import numpy as np

from groundup.kernels.compiled import loop


@loop
def root(forest, i):
    """The smallest member of the tree of i; paths are halved on the way."""
    while forest[i] != i:
        forest[i] = forest[forest[i]]
        i = forest[i]
    return i


@loop
def unite(forest, ones, others):
    """Join the trees of each pair (ones[k], others[k])."""
    for k in range(len(ones)):
        left, right = root(forest, ones[k]), root(forest, others[k])
        if left < right:
            forest[right] = left
        elif right < left:
            forest[left] = right


@loop
def apart(forest, ones, others):
    """(pairs,) bool: which pairs are not joined yet."""
    found = np.empty(len(ones), np.bool_)
    for k in range(len(ones)):
        found[k] = root(forest, ones[k]) != root(forest, others[k])
    return found


@loop
def roots(forest):
    """The root of every thing (n,)."""
    found = np.empty(len(forest), forest.dtype)
    for i in range(len(forest)):
        found[i] = root(forest, i)
    return found


def roots_plainly(things: int, pairs: list[tuple[int, int]]) -> list[int]:
    """`roots` after `unite` as its definition says it: sets that grow."""
    groups = [{thing} for thing in range(things)]
    for one, other in pairs:
        joined = groups[one] | groups[other]
        for member in joined:
            groups[member] = joined
    return [min(group) for group in groups]
