"""The model: token ids in, for each of them the logits of what may come next.

Ids become vectors, pass `depth` layers (tokens look at each other, then each thinks for itself), and are read out by
the head. Parts come from the tables named in the settings; parameters carry the names that Hugging Face gave Llama.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.attention import ATTENTIONS, Attention, CacheLike, Sight
from groundup.model.beginning import feel_likeness, hear_echoes
from groundup.model.embedding import Embedding
from groundup.model.feedforward import FEEDFORWARDS
from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.positions import POSITIONS, Angles
from groundup.model.settings import ModelSettings


class Layer(nn.Module):
    """x + attention(norm(x)), then x + feedforward(norm(x))."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.input_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.self_attn = Attention(settings)
        self.post_attention_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.mlp = FEEDFORWARDS[settings.feedforward](settings)

    def forward(self, x: Tensor, angles: Angles | None, attend: Callable, remember: Callable) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), angles, attend, remember)
        return x + self.mlp(self.post_attention_layernorm(x))


class Layers(nn.Module):
    """All that lies between ids and head."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        # A table that is also the head must start small, or the first guesses are wildly sure of themselves.
        self.embed_tokens = Embedding(settings.vocabulary, settings.width, deviation=0.02 if settings.tied else 0.5)
        self.positions = POSITIONS[settings.positions](settings)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.depth))
        self.norm = NORMS[settings.norm](settings.width, settings.eps)


class Transformer(nn.Module):
    """A decoder-only language model.

    `attention` names one of ATTENTIONS; `compute` is the precision of activations (None: that of the weights).
    Both may be set at any time: they change speed and rounding, not the model.
    """

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
        self.model = Layers(settings)
        if not settings.tied:
            self.lm_head = Linear(settings.width, settings.vocabulary, scale=0)  # zero: every token equally likely
        if seed is not None:
            self.initialise(seed)

    def initialise(self, seed: int) -> None:
        """Start values from the seed alone: drawn on the processor in one order, whatever the device."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            start = getattr(module, "initialise", None)
            if module is not self and start is not None:
                start(generator)
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
        batch, time = ids.shape
        if positions is None:
            positions = torch.arange(time, device=ids.device)[None]
            if cache is not None:
                positions = positions + cache.lengths[:, None]
        x = self.model.embed_tokens(ids)
        x = self.model.positions.add(x if self.compute is None else x.to(self.compute), positions)
        angles = self.model.positions.angles(positions, x.dtype)
        attend = ATTENTIONS[self.attention]
        remember = no_memory(x, segments) if cache is None else memory(cache, positions.expand(batch, time), x)
        for number, layer in enumerate(self.model.layers):
            x = layer(x, angles, attend, remember(number))
        return self.model.norm(x)

    def head(self, x: Tensor) -> Tensor:
        """Vectors (…, width) -> logits (…, vocabulary)."""
        return self.model.embed_tokens.project(x) if self.settings.tied else self.lm_head(x)


def no_memory(x: Tensor, segments: Tensor | None) -> Callable:
    """Keys and values are those of this pass: the whole text is here."""
    sight = Sight.triangle(x.shape[1], x) if segments is None else Sight.within(segments, x)
    return lambda layer: lambda k, v: (k, v, sight)


def memory(cache: CacheLike, positions: Tensor, x: Tensor) -> Callable:
    """Keys and values of earlier passes come from the cache, which also says which of them a query may see."""
    known: list[tuple[Tensor | None, Sight]] = []  # a cache gives the same mask to all layers: turn it into a bias once

    def remember(layer: int) -> Callable:
        def extend(k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Sight]:
            k, v, seen = cache.extend(layer, k, v, positions)
            if not known or known[-1][0] is not seen:
                known[:] = [(seen, Sight(None) if seen is None else Sight.where(seen, x))]
            return k, v, known[-1][1]

        return extend

    return remember
