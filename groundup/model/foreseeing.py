"""Multi-token prediction: at each place not only the next token is foretold, but the ones after it as well.

All but the last layer are shared; each head is one more layer beside the last, and all are read out by one table. The
first head's layer is the model's own last one: without the others, this is an ordinary language model.
"""

import torch
from torch import Tensor, nn

from groundup.model.layer import Layer
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer


class Foreseeing(Transformer):
    """Gloeckle et al. 2024. Called like a `Transformer` it foretells the next token; `ahead` tells all it foresees."""

    def __init__(
        self,
        settings: ModelSettings,
        seed: int | None = 0,
        attention: str = "plain",
        compute: torch.dtype | None = None,
    ):
        super().__init__(settings, None, attention, compute)
        # One number for all: they look at the same things as the last layer, and no cache keeps anything of them.
        self.further = nn.ModuleList(Layer(settings, settings.depth - 1) for _ in range(settings.head.ahead - 1))
        if seed is not None:
            self.initialise(seed)

    def vectors(self, ids: Tensor, positions: Tensor | None = None, segments: Tensor | None = None) -> list[Tensor]:
        """ids (batch, time) -> for t+1, t+2, … the vectors that the head reads (batch, time, width)."""
        x, reading = self.enter(ids, positions, None, segments)
        *shared, own = self.model.layers
        for layer in shared:
            x = layer(x, reading)
        return [self.model.norm(layer(x, reading)) for layer in (own, *self.further)]

    def ahead(self, ids: Tensor, positions: Tensor | None = None, segments: Tensor | None = None) -> Tensor:
        """ids (batch, time) -> logits (tokens ahead, batch, time, vocabulary) of the token 1, 2, … places on."""
        return torch.stack([self.head(x) for x in self.vectors(ids, positions, segments)])
