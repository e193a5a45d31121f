"""An optimizer's moments go into bf16 or 8 bits and come back in one walk over them: the fast form of `storage.py`'s formulas.

torch walks over all numbers for each operation, two dozen times for a moment in 8 bits. Here a block of them is made from end to
end while it is in the cache. The same bits.
"""

import numpy as np
from numba import njit

from groundup.kernels.softmax import lanes

BLOCK = 256  # numbers that share a scale
LEAST = np.float32(1e-38)  # what a scale counts as at least, as a divisor


@lanes
def opened(codes, scales, shares, root, out):
    """out[i] (n,) float32 = the share of codes[i] (n,) uint8 times its block's scale; its square where roots are kept."""
    for block in range(len(scales)):
        scale, first, last = scales[block], block * BLOCK, min((block + 1) * BLOCK, len(codes))
        for i in range(first, last):
            out[i] = shares[codes[i]] * scale
        if root:
            for i in range(first, last):
                out[i] = out[i] * out[i]


@lanes
def closed(values, between, nearest, root, codes, scales):
    """The way back: of each block its largest as its scale, of each number the code of the nearest share.

    values (n,) float32; nearest (m,) uint8: the smallest code of numbers with such upper bits; between (k,) float32: half way to
    the next share."""
    held = np.empty(BLOCK, np.float32)
    bits = held.view(np.int32)
    for block in range(len(scales)):
        first, count = block * BLOCK, min(BLOCK, len(values) - block * BLOCK)
        for i in range(count):
            held[i] = values[first + i]
        if root:
            for i in range(count):
                held[i] = np.sqrt(held[i])
        largest = np.float32(0)
        for i in range(count):
            largest = max(largest, abs(held[i]))
        scales[block] = largest
        divisor = max(largest, LEAST)
        for i in range(count):
            held[i] = abs(held[i] / divisor)
        for i in range(count):
            code = np.int32(nearest[min(bits[i] >> 12, len(nearest) - 1)])
            codes[first + i] = code + np.int32(held[i] > between[code])
        if root:
            for i in range(count):  # what is divided by never becomes zero
                codes[first + i] = max(codes[first + i], np.uint8(held[i] > 0))
        else:
            for i in range(count):  # without a branch, which chance would decide
                codes[first + i] += np.uint8(128) * np.uint8((values[first + i] < 0) & (codes[first + i] > 0))


@njit(inline="always")
def _mixed(number):
    number = np.uint32((number ^ (number >> np.uint32(16))) * np.uint32(0x7FEB352D))
    number = np.uint32((number ^ (number >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(number ^ (number >> np.uint32(16)))


@lanes
def rounded(values, key, out):
    """out (n,) uint16: the upper halves of values (n,), float32 seen as uint32, raised by 16 bits of chance that follow from `key`
    and the place: two places share the 32 bits of `model/noise.py`."""
    pairs = len(values) // 2
    for pair in range(pairs):
        noise = _mixed(np.uint32(_mixed(np.uint32(pair)) + key))
        out[2 * pair] = np.uint32(values[2 * pair] + (noise & np.uint32(0xFFFF))) >> np.uint32(16)
        out[2 * pair + 1] = np.uint32(values[2 * pair + 1] + (noise >> np.uint32(16))) >> np.uint32(16)
    if len(values) % 2:
        noise = _mixed(np.uint32(_mixed(np.uint32(pairs)) + key))
        out[2 * pairs] = np.uint32(values[2 * pairs] + (noise & np.uint32(0xFFFF))) >> np.uint32(16)
