"""The model: token ids in, for each of them the logits of what may come next.

Ids become vectors, pass `depth` layers (tokens look at each other, then each thinks for itself), and are read out by
the head. Parts come from the tables named in the settings; parameters carry the names that Hugging Face gave Llama.
"""

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.attention import bent, named
from groundup.model.beginning import draw, feel_likeness, hear_echoes
from groundup.model.character_table import table_for
from groundup.model.head_settings import WRITING
from groundup.model.layer import Layer
from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.positions import POSITIONS
from groundup.model.reading import Attend, CacheLike, Reading, standing
from groundup.model.settings import ModelSettings
from groundup.model.taken_apart import Pieces


class Layers(nn.Module):
    """All that lies between ids and head."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        # A table that is also the head must start small, or the first guesses are wildly sure of themselves.
        self.embed_tokens = table_for(settings, deviation=0.02 if settings.tied else 0.5)
        self.positions = POSITIONS[settings.positions](settings)
        self.layers = nn.ModuleList(Layer(settings, number) for number in range(settings.depth))
        # After the sum, a layer norms what it gives; everywhere else the last vector is as long as it has grown.
        last = settings.norm_place != "post"
        self.norm = NORMS[settings.norm](settings.width, settings.eps) if last else nn.Identity()


class Transformer(nn.Module):
    """A decoder-only language model.

    `attention` names one of ATTENTIONS or is a function like theirs; `compute` is the precision of activations (None: that of the weights).
    Both may be set at any time: they change speed and rounding, not the model.
    """

    body: type[Layers] = Layers

    def __init__(
        self,
        settings: ModelSettings,
        seed: int | None = 0,
        attention: str | Attend = "plain",
        compute: torch.dtype | None = None,
    ):
        super().__init__()
        if not settings.vocabulary:
            raise Problem("model.vocabulary is 0: say how many tokens the tokenizer has (settings.with_vocabulary).")
        if settings.encoder is not None:
            raise Problem(f"{settings.family} reads a source before it writes: architectures.build makes such a model.")
        if type(self) is Transformer and settings.head.kind != "next_token":
            raise Problem(
                f"a Transformer foretells the next token, and these settings say model.head.kind = {settings.head.kind}: "
                f"build the model with groundup.model.architectures.build."
            )
        self.settings, self.attention, self.compute = settings, attention, compute
        self.logits = "auto"  # whether a loss holds all logits at once: whole, chunked, or by their number
        self.model = self.body(settings)
        if not settings.tied and settings.head.kind in WRITING:
            self.lm_head = Linear(settings.width, settings.vocabulary, scale=0)  # zero: every token equally likely
        if seed is not None:
            self.initialise(seed)

    def initialise(self, seed: int) -> None:
        """Start values from the seed alone."""
        draw(self, seed)
        if self.settings.born == "seeing":
            hear_echoes(self.model, self.settings)
            feel_likeness(self.model, self.settings)

    def forward(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        cache: CacheLike | None = None,
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
        cache: CacheLike | None = None,
        segments: Tensor | None = None,
    ) -> Tensor:
        """ids (batch, time) -> vectors after the last norm (batch, time, width).

        positions (batch or 1, time): where each token stands; by default counted from the row's start or the cache's
        length. segments (batch, time): documents packed into one row, blind to each other (their positions restart).
        """
        x, reading = self.enter(ids, positions, cache, segments)
        for layer in self.model.layers:
            x = layer(x, reading)
        return self.model.norm(x)

    def enter(
        self, ids: Tensor, positions: Tensor | None, cache: CacheLike | None, segments: Tensor | None
    ) -> tuple[Tensor, Reading]:
        """What goes into the first layer (batch, time, width), and the pass over it."""
        positions = standing(ids, cache) if positions is None else positions
        x = self.model.embed_tokens(ids)
        if self.compute is not None:
            x = x.to(self.compute)
        if self.settings.embedding_scale != 1:
            x = x * torch.tensor(self.settings.embedding_scale, dtype=x.dtype)
        x = self.model.positions.add(x, positions)
        return x, Reading(self.settings, self.model.positions, named(self.attention), x, positions, segments, cache)

    def head(self, x: Tensor) -> Tensor:
        """Vectors (…, width) -> logits (…, vocabulary)."""
        logits = self.model.embed_tokens.project(x) if self.settings.tied else self.lm_head(x)
        return bent(logits, self.settings.logit_cap)

    def taken_apart(self, x: Tensor) -> Pieces:
        """Vectors (n, width) -> what `head` would make their logits of."""
        if self.settings.tied:
            return Pieces(x, self.model.embed_tokens.table(), cap=self.settings.logit_cap)
        return Pieces(x, self.lm_head.wide(), self.lm_head.bias, self.settings.logit_cap)
