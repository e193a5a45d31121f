"""A decoder whose vectors another head reads: a class or a reward for each text, a value for each token."""

import torch
from torch import Tensor

from groundup.model.heads import HEADS
from groundup.model.settings import ModelSettings
from groundup.model.sight import alike
from groundup.model.transformer import Transformer


class Headed(Transformer):
    """The layers of a language model under one of HEADS. `attention` and `compute` are as in `Transformer`."""

    def __init__(
        self,
        settings: ModelSettings,
        seed: int | None = 0,
        attention: str = "plain",
        compute: torch.dtype | None = None,
    ):
        super().__init__(settings, None, attention, compute)
        self.readout = HEADS[settings.head.kind](settings)
        if seed is not None:
            self.initialise(seed)

    def forward(  # type: ignore[override]
        self,
        ids: Tensor,
        seen: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """ids (batch, time), seen (batch, time): where there is a token -> what the head reads out of it.

        A token's position is how many of its text came before it, so padding changes nothing wherever it stands.
        """
        if seen is not None and positions is None:
            positions = places_in(seen)
        return self.readout(self.hidden(ids, positions, segments=seen), seen, self.model.embed_tokens)


def places_in(segments: Tensor) -> Tensor:
    """segments (batch, time) -> how many tokens of its own stand before each (batch, time)."""
    return alike(segments).tril(-1).sum(-1)
