"""A head in its pieces, for those who never want to hold all logits at once: see `objectives/chunked.py`.

Models hand them out (`taken_apart`) beside `head`, which puts the same pieces together.
"""

from typing import NamedTuple

from torch import Tensor

from groundup.model.attention import bent
from groundup.model.linear import linear


class Pieces(NamedTuple):
    """What logits are made of; the gradient of each finds its own way back into the model."""

    x: Tensor  # (n, width) as it meets the matrix
    weight: Tensor  # (vocabulary, width), in the precision of the masters
    bias: Tensor | None = None  # (vocabulary)
    cap: float = 0.0  # how far logits may reach; 0: anywhere

    def together(self) -> Tensor:
        """The logits (n, vocabulary)."""
        return bent(linear(self.x, self.weight, self.bias), self.cap)
