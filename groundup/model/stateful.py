"""Language models that carry a state from token to token instead of keeping every key and value.

Ids become vectors, pass `depth` layers of one kind, and are read out by the head, as in the transformer; what a layer
remembers goes through the cache (`carried`, `carry`). Layers come from the files named below, by the model's family.
"""

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.beginning import draw
from groundup.model.embedding import Embedding
from groundup.model.linear import Linear
from groundup.model.mamba import MambaLayer
from groundup.model.mingru import MinGRULayer
from groundup.model.norms import NORMS
from groundup.model.reading import standing
from groundup.model.recurrent import Recurrent
from groundup.model.settings import ModelSettings
from groundup.model.state import CarryLike, State, Texts
from groundup.model.taken_apart import Pieces
from groundup.model.transformer_xl import TransformerXLLayer

LAYERS = {
    "rnn": Recurrent,
    "gru": Recurrent,
    "lstm": Recurrent,
    "mingru": MinGRULayer,
    "mamba": MambaLayer,
    "transformer_xl": TransformerXLLayer,
}


class Layers(nn.Module):
    """All that lies between ids and head."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        layer = LAYERS[settings.family]
        # A table that is also the head must start small, or the first guesses are wildly sure of themselves.
        self.embed_tokens = Embedding(settings.vocabulary, settings.width, layer.small if settings.tied else 0.5)
        self.layers = nn.ModuleList(layer(settings) for _ in range(settings.depth))
        self.norm = NORMS[settings.norm](settings.width, settings.eps) if layer.normed else nn.Identity()


class StatefulModel(nn.Module):
    """A language model of one of the families in LAYERS.

    `attention` names the way its layers compute: `steps` is the definition, all others are the quick way; `compute` is
    the precision of activations (None: that of the weights). Both may be set at any time.
    """

    carries = True  # a state from token to token: rows that are filled up behind their text would carry what fills them

    def __init__(
        self,
        settings: ModelSettings,
        seed: int | None = 0,
        attention: str = "plain",
        compute: torch.dtype | None = None,
    ):
        super().__init__()
        if not settings.vocabulary:
            raise Problem("model.vocabulary is 0: say how many tokens the tokenizer has (settings.with_vocabulary).")
        self.settings, self.attention, self.compute = settings, attention, compute
        self.logits = "auto"  # whether a loss holds all logits at once: whole, chunked, or by their number
        self.model = Layers(settings)
        if not settings.tied:
            self.lm_head = Linear(settings.width, settings.vocabulary, scale=0)  # zero: every token equally likely
        if seed is not None:
            self.initialise(seed)

    def initialise(self, seed: int) -> None:
        """Start values from the seed alone."""
        draw(self, seed)

    def forward(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        cache: CarryLike | None = None,
        segments: Tensor | None = None,
        last: Tensor | None = None,
    ) -> Tensor:
        """ids (batch, time) -> logits (batch, time, vocabulary); with `last` (batch), an index into time for each row,
        only the logits there: (batch, vocabulary). In the compute precision."""
        x = self.hidden(ids, positions, cache, segments)
        if last is not None:
            x = x[torch.arange(len(x), device=x.device), last]
        return self.head(x)

    def hidden(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        cache: CarryLike | None = None,
        segments: Tensor | None = None,
    ) -> Tensor:
        """ids (batch, time) -> vectors after the last norm (batch, time, width).

        positions (batch or 1, time): where each token stands; by default counted from the row's start or the cache's
        length. Where one is 0 a text begins, blind to what stands before it; `segments` says nothing beyond that.
        """
        positions = standing(ids, cache) if positions is None else positions
        texts = Texts(positions.expand(ids.shape))
        way = "steps" if self.attention == "steps" else "quick"
        x = self.model.embed_tokens(ids)
        x = x if self.compute is None else x.to(self.compute)
        for number, layer in enumerate(self.model.layers):
            x = layer(x, State(cache, number, texts), way)
        return self.model.norm(x)

    def head(self, x: Tensor) -> Tensor:
        """Vectors (…, width) -> logits (…, vocabulary)."""
        return self.model.embed_tokens.project(x) if self.settings.tied else self.lm_head(x)

    def taken_apart(self, x: Tensor) -> Pieces:
        """Vectors (n, width) -> what `head` would make their logits of."""
        if self.settings.tied:
            return Pieces(x, self.model.embed_tokens.table())
        return Pieces(x, self.lm_head.wide(), self.lm_head.bias)
