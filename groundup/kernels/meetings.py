"""Who meets whom in the bands of signatures, and how much two sorted sets have in common."""

import numpy as np

from groundup.kernels.compiled import loop


@loop
def meetings(begins, ends, crowd):
    """How many pairs each group (begins[k], ends[k]) makes: all of a small one, in a crowd those with the first."""
    found = np.empty(len(begins), np.int64)
    for k in range(len(begins)):
        size = ends[k] - begins[k]
        found[k] = size * (size - 1) // 2 if size <= crowd else size - 1
    return found


@loop
def pairs(numbers, begins, ends, crowd, total):
    """The pairs (others, ones), each (total,), that the groups of numbers make; one < other where numbers ascend."""
    ones, others = np.empty(total, np.uint64), np.empty(total, np.uint64)
    at = 0
    for k in range(len(begins)):
        last = ends[k] if ends[k] - begins[k] <= crowd else begins[k] + 1
        for i in range(begins[k], last):
            for j in range(i + 1, ends[k]):
                ones[at], others[at] = numbers[i], numbers[j]
                at += 1
    return others, ones


@loop
def common(one, other):
    """How many members two sorted sets share."""
    i = j = found = 0
    while i < len(one) and j < len(other):
        if one[i] == other[j]:
            found += 1
            i += 1
            j += 1
        elif one[i] < other[j]:
            i += 1
        else:
            j += 1
    return found


def pairs_plainly(groups: list[list[int]], crowd: int) -> list[tuple[int, int]]:
    """`pairs` as its definition says it, one before other."""
    return [
        (one, other)
        for group in groups
        for i, one in enumerate(group if len(group) <= crowd else group[:1])
        for other in group[i + 1 :]
    ]
