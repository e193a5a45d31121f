"""Heads: what is read out of a model's last vectors where it is not the next token.

A head takes the vectors (batch, time, width), where there is a token (batch, time; None: everywhere), and the table of
the vocabulary; what it gives is a number or a choice for each token, or for each text.
"""

import torch
from torch import Tensor, nn

from groundup.model.embedding import Embedding
from groundup.model.feedforward import FEEDFORWARDS
from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.settings import ModelSettings


def first(x: Tensor, seen: Tensor | None) -> Tensor:
    """x (batch, time, width) -> the vector of each text's first token (batch, width): [CLS] in BERT's texts."""
    return x[:, 0] if seen is None else x[torch.arange(len(x), device=x.device), seen.long().argmax(1)]


def last(x: Tensor, seen: Tensor | None) -> Tensor:
    """x (batch, time, width) -> the vector of each text's last token that is not padding (batch, width)."""
    if seen is None:
        return x[:, -1]
    places = torch.arange(x.shape[1], device=x.device)
    return x[torch.arange(len(x), device=x.device), (places * seen.long()).argmax(1)]


class MaskedWord(nn.Module):
    """Devlin et al. 2018: which token stands here, hidden or not: one more bend, then the likeness to each token's vector."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.dense = Linear(settings.width, settings.width, True)
        self.curve = FEEDFORWARDS[settings.feedforward][1]
        self.norm = NORMS[settings.norm](settings.width, settings.eps)
        self.words = None if settings.tied else Linear(settings.width, settings.vocabulary, scale=0)
        self.bias = nn.Parameter(torch.empty(settings.vocabulary))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        self.bias.zero_()

    def logits(self, x: Tensor, table: Embedding) -> Tensor:
        """Vectors (…, width) -> logits (…, vocabulary); training asks for the few places that are masked."""
        x = self.norm(self.curve(self.dense(x)))
        return (table.project(x) if self.words is None else self.words(x)) + self.bias.to(x.dtype)

    def forward(self, x: Tensor, seen: Tensor | None, table: Embedding) -> Tensor:
        """-> (batch, time, vocabulary)."""
        return self.logits(x, table)


class OfFirst(nn.Module):
    """A choice for each text by the vector of its first token, bent once more (BERT's pooler)."""

    def __init__(self, settings: ModelSettings, classes: int = 0):
        super().__init__()
        self.pooler = Linear(settings.width, settings.width, True)
        self.classes = Linear(settings.width, classes or settings.head.classes, True, scale=0)

    def choice(self, x: Tensor, seen: Tensor | None) -> Tensor:
        """-> (batch, classes)."""
        return self.classes(torch.tanh(self.pooler(first(x, seen))))

    def forward(self, x: Tensor, seen: Tensor | None, table: Embedding) -> Tensor:
        """-> (batch, classes)."""
        return self.choice(x, seen)


class NextSentence(OfFirst):
    """Devlin et al. 2018: whether the second part of the text follows the first (class 0), or comes from elsewhere (1)."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings, 2)


class Pretraining(NextSentence):
    """Both of what BERT was trained on: logits of words (batch, time, vocabulary) and of the order (batch, 2)."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        self.masked = MaskedWord(settings)

    def forward(self, x: Tensor, seen: Tensor | None, table: Embedding) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.masked(x, seen, table), self.choice(x, seen)


class OfLast(nn.Module):
    """A choice for each text by the vector of its last token, which in a decoder is the only one that has seen all."""

    def __init__(self, settings: ModelSettings, classes: int = 0):
        super().__init__()
        self.classes = Linear(settings.width, classes or settings.head.classes, scale=0)

    def forward(self, x: Tensor, seen: Tensor | None, table: Embedding) -> Tensor:
        """-> (batch, classes)."""
        return self.classes(last(x, seen))


class Reward(OfLast):
    """How good a text is as a whole, one number: what a preference is learnt as (Ouyang et al. 2022)."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings, 1)

    def forward(self, x: Tensor, seen: Tensor | None, table: Embedding) -> Tensor:
        """-> (batch)."""
        return super().forward(x, seen, table).squeeze(-1)


class Value(nn.Module):
    """What is still to be won from each place on, one number for each token: the critic beside a policy."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.number = Linear(settings.width, 1, True, scale=0)

    def forward(self, x: Tensor, seen: Tensor | None, table: Embedding) -> Tensor:
        """-> (batch, time)."""
        return self.number(x).squeeze(-1)


HEADS: dict[str, type[nn.Module]] = {
    "masked": MaskedWord,
    "next_sentence": NextSentence,
    "pretraining": Pretraining,
    "classify_first": OfFirst,
    "classify_last": OfLast,
    "value": Value,
    "reward": Reward,
}
