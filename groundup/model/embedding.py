"""The table between tokens and vectors: ids become vectors at the bottom and, if tied, vectors logits at the top."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.linear import linear


class Embedding(nn.Module):
    """One vector for each token."""

    def __init__(self, vocabulary: int, width: int, deviation: float):
        super().__init__()
        self.rows, self.deviation = vocabulary, deviation
        self.weight = nn.Parameter(torch.empty(vocabulary, width))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        self.weight.copy_(torch.randn(self.weight.shape, generator=generator) * self.deviation)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (batch, time) -> vectors (batch, time, width)."""
        try:
            return F.embedding(ids, self.weight)
        except IndexError:
            raise Problem(out_of_range(ids, self.rows)) from None

    def table(self) -> Tensor:
        """All vectors (vocabulary, width)."""
        return self.weight

    def project(self, x: Tensor) -> Tensor:
        """x (…, width) -> how much it resembles each token's vector (…, vocabulary)."""
        return linear(x, self.weight)


def out_of_range(ids: Tensor, rows: int) -> str:
    """The sentence that names the first id which the table does not have."""
    wrong = ids[(ids < 0) | (ids >= rows)]
    return f"Token id {int(wrong[0])} is outside the vocabulary of {rows} tokens: was it made by another tokenizer?"
