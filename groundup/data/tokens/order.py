"""In which order a text's windows are read: a shuffle that is a formula, so that no list of it is ever kept.

A Feistel network keyed by (seed, purpose, epoch) sends every number below `count` to another one, each exactly once;
batches ask it for the few places of one step, whichever step that is.
"""

import hashlib

import numpy as np

ROUNDS = 4
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: neighbouring numbers land far apart


def key(*parts: int | str) -> int:
    """64 bits that depend on all parts: (seed, purpose, step, …)."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little")


def permute(places: np.ndarray, count: int, secret: int) -> np.ndarray:
    """places, numbers below `count` -> where the shuffle of that key sends them: a bijection of range(count)."""
    left_bits, right_bits = _halves(count)
    keys = [np.uint64(key(secret, turn)) for turn in range(ROUNDS)]
    result = np.asarray(places, np.uint64).copy()
    outside = np.ones(result.shape, bool)  # the network shuffles the next power of two: walk on until we are inside
    while outside.any():
        result[outside] = _feistel(result[outside], left_bits, right_bits, keys)
        outside = result >= count
    return result.astype(np.int64)


def permute_by_walking(count: int, secret: int) -> list[int]:
    """The whole shuffle, one number at a time, by the formula as it is written."""
    left_bits, right_bits = (int(bits) for bits in _halves(count))
    result = []
    for place in range(count):
        while True:
            left, right = place >> right_bits, place & ((1 << right_bits) - 1)
            for turn in range(ROUNDS):
                mixed = ((right ^ key(secret, turn)) * int(ODD)) % 2**64
                mixed = ((mixed ^ (mixed >> 32)) * int(ODD)) % 2**64
                left, right = right, left ^ ((mixed >> 40) & ((1 << left_bits) - 1))
                left_bits, right_bits = right_bits, left_bits
            place = left << right_bits | right
            if place < count:
                break
        result.append(place)
    return result


def _halves(count: int) -> tuple[np.uint64, np.uint64]:
    bits = max(2, int(count - 1).bit_length())
    return np.uint64(bits - bits // 2), np.uint64(bits // 2)


def _feistel(place: np.ndarray, left_bits: np.uint64, right_bits: np.uint64, keys: list[np.uint64]) -> np.ndarray:
    """Each round hides one half behind a hash of the other, which can always be undone: hence a bijection."""
    one = np.uint64(1)
    left, right = place >> right_bits, place & ((one << right_bits) - one)
    for secret in keys:
        mixed = (right ^ secret) * ODD  # wraps around at 2^64
        mixed = (mixed ^ (mixed >> np.uint64(32))) * ODD
        left, right = right, left ^ ((mixed >> np.uint64(40)) & ((one << left_bits) - one))
        left_bits, right_bits = right_bits, left_bits
    return left << right_bits | right
