"""All pieces that begin at a place of a text, shortest first: a trie in one array, each step of it one look-up.

A node is a row (base, check, value, -). The child of node k by byte b is row base[k] ^ b, if check there says k: so children
of many nodes share rows, and a row says whose it is (Aoe 1989). Value: the number of the piece that ends here, or -1.
"""

import numpy as np

from groundup.kernels.compiled import load8, loop

BASE, CHECK, VALUE = 0, 1, 2
TRIES = 32  # free rows that are tried for a node with several children before it gets rows at the end


@loop
def lengthened(nodes, size):
    """The same rows, and free ones up to at least `size`."""
    bigger = np.full((max(size, 2 * len(nodes)), 4), -1, np.int32)
    bigger[: len(nodes)] = nodes
    return bigger


@loop
def fits(nodes, base, labels, count):
    """Whether the rows of all children are free; rows beyond the end are."""
    for k in range(count):
        row = base ^ labels[k]
        if row == 0 or (row < len(nodes) and nodes[row, CHECK] != -1):
            return False
    return True


@loop
def place(nodes, low, end, labels, count):
    """(base, first row that may be free, first row behind all taken ones) for a node with these children."""
    row, tried = low, 0
    while tried < TRIES and row < end:
        if nodes[row, CHECK] == -1:
            if fits(nodes, row ^ labels[0], labels, count):
                return row ^ labels[0], (row + 1 if row == low else low), end
            tried += 1
        elif row == low:
            low += 1
        row += 1
    base = (end + 255) & ~255
    return base, (row if tried >= TRIES else low), base + 256


@loop
def build(text, ends):
    """The rows for pieces text[ends[p]:ends[p + 1]], which are sorted, distinct and not empty."""
    nodes = np.full((1 << 12, 4), -1, np.int32)
    total = ends[-1] + 1  # nodes at most
    first, last = np.empty(total, np.int64), np.empty(total, np.int64)
    depth, row_of = np.empty(total, np.int64), np.empty(total, np.int64)
    first[0], last[0], depth[0], row_of[0] = 0, len(ends) - 1, 0, 0
    nodes[0, CHECK] = -2  # the root is taken, and nobody's child
    labels, borders = np.empty(257, np.int64), np.empty(257, np.int64)
    low, end, todo = 1, 256, 1
    while todo > 0:  # depth first: what is looked up together lies together
        todo -= 1
        p, stop, d, row = first[todo], last[todo], depth[todo], row_of[todo]
        if p < stop and ends[p + 1] - ends[p] == d:
            nodes[row, VALUE] = p
            p += 1
        count = 0
        while p < stop:
            label = text[ends[p] + d]
            labels[count], borders[count] = label, p
            count += 1
            while p < stop and text[ends[p] + d] == label:
                p += 1
        if count == 0:
            continue
        borders[count] = stop
        base, low, end = place(nodes, low, end, labels, count)
        if max(end, (base | 255) + 1) > len(nodes):
            nodes = lengthened(nodes, max(end, (base | 255) + 1))
        nodes[row, BASE] = base
        for k in range(count - 1, -1, -1):
            child = base ^ labels[k]
            nodes[child, CHECK] = row
            first[todo], last[todo], depth[todo], row_of[todo] = borders[k], borders[k + 1], d + 1, child
            todo += 1
    return nodes[: max(end, 256)].copy()


@loop
def step(nodes, row, byte):
    """The row of the child, or -1."""
    base = nodes[row, BASE]
    if base < 0:
        return -1
    child = base ^ byte
    return child if nodes[child, CHECK] == row else -1


@loop
def matches(nodes, text, i, n):
    """The numbers of the pieces that text[i:n] begins with, and their lengths (pieces, 2)."""
    found, count, row = np.empty((n - i, 2), np.int64), 0, 0
    for j in range(i, n):
        row = step(nodes, row, load8(text, j))
        if row < 0:
            break
        if nodes[row, VALUE] >= 0:
            found[count, 0], found[count, 1] = nodes[row, VALUE], j + 1 - i
            count += 1
    return found[:count].copy()
