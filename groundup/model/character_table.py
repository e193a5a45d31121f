"""A token's vector from its letters, added to one of its own: words that are spelt alike begin alike, even unseen ones.

The bytes of a token, between two signs for its ends, pass convolutions of several lengths; of each the largest value along the
token is kept (Kim et al. 2016) and all are projected to the model's width. The door is that of `embedding.Embedding`.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.character_settings import SIGNS, CharacterSettings
from groundup.model.embedding import Embedding, out_of_range
from groundup.model.linear import linear
from groundup.model.settings import ModelSettings

NOTHING, BEGIN, END, FIRST = 0, 1, 2, 3  # signs; a byte b is FIRST + b


class CharacterTable(Embedding):
    """One vector for each token: its own, plus what its letters say."""

    spelling: Tensor

    def __init__(self, vocabulary: int, width: int, deviation: float, settings: CharacterSettings | None = None):
        super().__init__(vocabulary, width, deviation)
        settings = settings or CharacterSettings()
        lengths = [(length, count) for length, count in enumerate(settings.filters, 1) if count]
        self.letters = nn.Parameter(torch.empty(SIGNS, settings.width))
        self.filters = nn.ParameterList(torch.empty(count, length * settings.width) for length, count in lengths)
        self.shifts = nn.ParameterList(torch.empty(count) for _, count in lengths)
        self.projection = nn.Parameter(torch.empty(width, sum(settings.filters)))
        self.register_buffer("spelling", torch.zeros(vocabulary, settings.longest, dtype=torch.int16))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Start values; how tokens are spelt stays."""
        super().initialise(generator)
        self.letters.copy_(torch.randn(self.letters.shape, generator=generator))
        for weight, scale in (*((each, 1.0) for each in self.filters), (self.projection, self.deviation)):
            bound = scale * math.sqrt(3 / weight.shape[1])
            weight.copy_((torch.rand(weight.shape, generator=generator) * 2 - 1) * bound)
        for shift in self.shifts:
            shift.zero_()

    def spell(self, tokens: Sequence[bytes]) -> None:
        """Learn how the tokens of a vocabulary are spelt; what has no bytes (a special token) is spelt as nothing."""
        if len(tokens) > self.rows:
            raise Problem(
                f"the table has {self.rows} rows and the tokenizer {len(tokens)} tokens: they do not belong together"
            )
        self.spelling[: len(tokens)] = spelt(tokens, self.spelling.shape[1]).to(self.spelling.device)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (batch, time) -> vectors (batch, time, width); the letters of each different token are read once."""
        try:
            different, place = ids.unique(return_inverse=True)
            return F.embedding(ids, self.weight) + F.embedding(place, self.read(self.spelling[different]))
        except IndexError:
            raise Problem(out_of_range(ids, self.rows)) from None

    def of_words(self, words: Sequence[bytes]) -> Tensor:
        """Vectors (words, width) of any words, in the vocabulary or not, by their letters alone."""
        return self.read(spelt(words, self.spelling.shape[1]).to(self.spelling.device))

    def table(self) -> Tensor:
        """All vectors (vocabulary, width)."""
        return self.weight + self.read(self.spelling)

    def project(self, x: Tensor) -> Tensor:
        """x (…, width) -> how much it resembles each token's vector (…, vocabulary)."""
        return linear(x, self.table())

    def read(self, spelling: Tensor) -> Tensor:
        """Signs (tokens, longest) -> vectors (tokens, width)."""
        used = int((spelling != NOTHING).sum(1).max()) if len(spelling) else 0
        spelling = spelling[:, : max(used, 1)].long()
        there = spelling != NOTHING  # (tokens, time)
        letters = F.embedding(spelling, self.letters) * there[..., None]
        found = [strongest(letters, there, *each) for each in zip(self.filters, self.shifts, strict=True)]
        return linear(torch.tanh(torch.cat(found, 1)) * there.any(1, keepdim=True), self.projection)


def table_for(settings: ModelSettings, deviation: float) -> Embedding:
    """The table of tokens that a model's settings ask for."""
    if settings.characters is None:
        return Embedding(settings.vocabulary, settings.width, deviation)
    return CharacterTable(settings.vocabulary, settings.width, deviation, settings.characters)


def strongest(letters: Tensor, there: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """letters (tokens, time, in), there (tokens, time), weight (filters, length·in) -> (tokens, filters): the largest value of each
    convolution that begins at a letter. Behind a token stand zeros."""
    width = letters.shape[2]
    length = weight.shape[1] // width
    kernel = weight.view(-1, length, width).transpose(1, 2)  # (filters, in, length)
    values = F.conv1d(F.pad(letters.transpose(1, 2), (0, length - 1)), kernel, bias)  # (tokens, filters, time)
    return values.masked_fill(~there[:, None], torch.finfo(values.dtype).min).amax(2)


def strongest_plainly(letters: Tensor, there: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`strongest`, one token, one place at a time."""
    rows = []
    for token, present in zip(letters, there, strict=True):
        length = weight.shape[1] // token.shape[1]
        padded = torch.cat((token, token.new_zeros(length - 1, token.shape[1])))
        places = [weight @ padded[at : at + length].flatten() + bias for at in range(len(token)) if present[at]]
        rows.append(torch.stack(places).amax(0))
    return torch.stack(rows)


def spelt(tokens: Sequence[bytes], longest: int) -> Tensor:
    """Tokens as signs (tokens, longest) int16: BEGIN, bytes, END, NOTHING…; a long token is cut before its END."""
    signs = np.full((len(tokens), longest), NOTHING, np.int16)
    for row, token in zip(signs, tokens, strict=True):
        if token:
            letters = np.frombuffer(token[: longest - 2], np.uint8)
            row[0], row[1 : 1 + len(letters)], row[1 + len(letters)] = BEGIN, letters.astype(np.int16) + FIRST, END
    return torch.from_numpy(signs)
