"""Who sees whom: which keys a query may look at, and what is added to its scores, worked out once and shared by layers.

A pattern says by positions alone what a layer of that kind looks at: everything before, a window, blocks, strides. To
it come the documents packed into a row, the slots of a cache, and biases by distance (ALiBi).
"""

from collections.abc import Callable

import torch
from torch import Tensor

SPARSE = ("window", "blocks", "strided")  # kinds of attention whose extent is the setting `window`


class Sight:
    """Which keys a query may see.

    `bias` is what is added to the scores, -inf where a key is out of sight: (time, slots), or (batch, time, slots)
    where rows differ, or (batch or 1, heads, time, slots) where heads do, or None where all is seen.
    `causal` says that it is the plain triangle, which some kernels know without being told.
    """

    def __init__(self, bias: Tensor | None, causal: bool = False):
        self.bias, self.causal = bias, causal

    @classmethod
    def triangle(cls, time: int, like: Tensor) -> "Sight":
        """No token sees a later one."""
        return cls(like.new_full((time, time), float("-inf")).triu(1), causal=True)

    @classmethod
    def within(cls, segments: Tensor, like: Tensor) -> "Sight":
        """segments (batch, time): nor one of another document that was packed into the same row."""
        return cls.where(alike(segments).tril(), like)

    @classmethod
    def where(cls, seen: Tensor, like: Tensor) -> "Sight":
        """seen bool (time, slots) or (batch, time, slots)."""
        return cls(like.new_zeros(()).masked_fill(~seen, float("-inf")))

    def plus(self, bias: Tensor) -> "Sight":
        """The same with a bias (batch or 1, heads, time, slots) for each head."""
        if self.bias is None:
            return Sight(bias)
        return Sight((self.bias if self.bias.ndim == 2 else self.bias[:, None]) + bias)


def alike(segments: Tensor) -> Tensor:
    """segments (batch, time) -> whether two tokens are of one document (batch, time, time)."""
    return segments[:, :, None] == segments[:, None, :]


def window(distance: Tensor, at: Tensor, size: int) -> Tensor:
    """The token itself and the size - 1 before it (Beltagy et al. 2020, Jiang et al. 2023)."""
    return distance < size


def blocks(distance: Tensor, at: Tensor, size: int) -> Tensor:
    """The tokens of the same block, and the last of each block before, which sums it up (Child et al. 2019, "fixed")."""
    key = at[..., :, None] - distance
    return (key // size == at[..., :, None] // size) | (key % size == size - 1)


def strided(distance: Tensor, at: Tensor, size: int) -> Tensor:
    """The last `size` tokens, and every size-th before them (Child et al. 2019, "strided")."""
    return (distance < size) | (distance % size == 0)


# distance (…, time, slots) from query back to key, at (…, time) where the query stands, size -> seen (…, time, slots)
PATTERNS: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {"window": window, "blocks": blocks, "strided": strided}


def distances(queries: Tensor, keys: Tensor) -> Tensor:
    """Positions (batch or 1, time) and (batch or 1, slots) -> how far back each key lies (time, slots), or with rows."""
    if len(queries) == 1 and len(keys) == 1:
        return queries[0][:, None] - keys[0][None, :]
    return queries[:, :, None] - keys[:, None, :]


def seen_by_definition(kind: str, at: int, key: int, size: int) -> bool:
    """The patterns, one pair at a time."""
    if key > at:
        return False
    if kind == "window":
        return at - key < size
    if kind == "blocks":
        return at // size == key // size or key % size == size - 1
    if kind == "strided":
        return at - key < size or (at - key) % size == 0
    return True


def join(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Seen by both, (time, slots) or (batch, time, slots); None sees everything."""
    return other if one is None else one if other is None else torch.logical_and(one, other)
