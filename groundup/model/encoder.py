"""A model that reads: token ids in, for each of them a vector that has seen the whole text, both ways.

BERT and RoBERTa are settings of it: the same layers as everywhere, under a head that guesses hidden words, or tells
whether one sentence follows another, or which class a text is of.
"""

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model.attention import named
from groundup.model.embedding import Embedding
from groundup.model.headed import Headed, places_in
from groundup.model.norms import NORMS
from groundup.model.reading import BothWays
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Layers


class EncoderLayers(Layers):
    """All that lies between ids and head: what a token is, where it stands, and which of two texts it belongs to."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        if settings.token_types:
            self.token_types = Embedding(settings.token_types, settings.width, deviation=0.02)
        if settings.embedding_norm:
            self.embedding_norm = NORMS[settings.norm](settings.width, settings.eps)


class Encoder(Headed):
    """An encoder under one of HEADS. `attention` and `compute` are as in `Transformer`."""

    body = EncoderLayers
    model: EncoderLayers

    def forward(  # type: ignore[override]
        self,
        ids: Tensor,
        seen: Tensor | None = None,
        types: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """ids (batch, time), seen (batch, time): where there is a token, types (batch, time): of which of two texts it is,
        0 or 1 -> what the head reads out of them."""
        x = self.hidden(ids, positions, seen, types)
        return self.readout(x, seen, self.model.embed_tokens)

    def hidden(  # type: ignore[override]
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        segments: Tensor | None = None,
        types: Tensor | None = None,
    ) -> Tensor:
        """ids (batch, time) -> vectors after the last layer (batch, time, width).

        segments (batch, time): only tokens of one number see each other; padding has one of its own, and so has each text
        packed into a row. positions are counted within them unless they are given.
        """
        if positions is None:
            told = segments is not None
            positions = places_in(segments) if told else torch.arange(ids.shape[1], device=ids.device)[None]
        x = self.model.embed_tokens(ids)
        x = x if self.compute is None else x.to(self.compute)
        x = self.model.positions.add(x * self.settings.embedding_scale, positions)
        if self.settings.token_types:
            x = x + self._of_types(torch.zeros_like(ids) if types is None else types).to(x.dtype)
        if self.settings.embedding_norm:
            x = self.model.embedding_norm(x)
        reading = BothWays(self.settings, self.model.positions, named(self.attention), x, positions, segments)
        for layer in self.model.layers:
            x = layer(x, reading)
        return self.model.norm(x)

    def _of_types(self, types: Tensor) -> Tensor:
        try:
            return self.model.token_types(types)
        except Problem:
            raise Problem(
                f"There is a token type {int(types.max())}, and this model knows {self.settings.token_types}, from 0: say 0 "
                f"for the first text and 1 for the second."
            ) from None
