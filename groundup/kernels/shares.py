"""Which domain gets the rows of each step: whole numbers beside growing wishes, never a row away from any of them.

A domain's k-th row may come once its wish passes k and must have come when its wish reaches k + 1. Every step first gives
what is due, then what will be due soonest: the earliest deadline first, which keeps all of them if anything does.
"""

import numpy as np

from groundup.kernels.compiled import loop


@loop
def realised(wished, rows, bits):
    """wished (steps + 1, domains) int64, of one row a step, in 2^-bits -> rows each domain has had before each step."""
    steps, domains = len(wished) - 1, wished.shape[1]
    counts = np.zeros((steps + 1, domains), np.int64)
    due = np.zeros(domains, np.int64)  # the step by which a domain's next row must have come
    for step in range(1, steps + 1):
        left = step * rows
        for d in range(domains):
            counts[step, d] = max(counts[step - 1, d], (wished[step, d] * rows) >> bits)
            left -= counts[step, d]
        for d in range(domains):
            due[d] = max(due[d], step)
            while due[d] <= steps and (wished[due[d], d] * rows) >> bits <= counts[step, d]:
                due[d] += 1
        while left > 0:
            first = -1
            for d in range(domains):
                begun = wished[step, d] * rows > counts[step, d] << bits
                if begun and (first < 0 or due[d] < due[first]):
                    first = d
            counts[step, first] += 1
            left -= 1
            while due[first] <= steps and (wished[due[first], first] * rows) >> bits <= counts[step, first]:
                due[first] += 1
    return counts
