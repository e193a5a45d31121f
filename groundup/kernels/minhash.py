"""MinHash (Broder 1997): a few numbers that two sets share as often as the sets share members.

Each of `permutations` keyed hashes keeps its smallest value over the set; two sets agree in one of them with the
probability of their Jaccard similarity. Bands of some rows each make equal signatures meet in one table.
"""

import numpy as np

from groundup.kernels.compiled import loop
from groundup.kernels.hashing import MIX_B, PRIME, SEED, mix


def keys(permutations: int, apart: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Odd multipliers and addends (permutations,) of the keyed hashes, the same on every machine and for ever; other ones for
    another `apart`."""
    draw = np.random.Generator(np.random.PCG64(apart))
    return (
        draw.integers(0, 1 << 63, permutations, np.uint64) * np.uint64(2) + np.uint64(1),
        draw.integers(0, 1 << 63, permutations, np.uint64),
    )


@loop
def signature(members, multipliers, addends):
    """members (n,) uint64 -> (permutations,) uint32; of an empty set all ones."""
    smallest = np.full(len(multipliers), 0xFFFFFFFF, np.uint32)
    for member in members:
        for k in range(len(multipliers)):
            value = np.uint32((member * multipliers[k] + addends[k]) >> np.uint64(32))
            smallest[k] = min(smallest[k], value)
    return smallest


@loop
def bands(minima, rows):
    """A signature (bands x rows,) -> the hash of each band (bands,), different bands never equal by their values."""
    found = np.empty(len(minima) // rows, np.uint64)
    for band in range(len(found)):
        value = SEED + np.uint64(band)
        for k in range(band * rows, band * rows + rows):
            value = (value ^ np.uint64(minima[k])) * MIX_B + PRIME
        found[band] = mix(value)
    return found


def sign_plainly(members: set[int], multipliers: list[int], addends: list[int]) -> list[int]:
    """`signature` as its definition says it."""
    return [
        min((member * a + b) % 2**64 >> 32 for member in members) for a, b in zip(multipliers, addends, strict=True)
    ]
