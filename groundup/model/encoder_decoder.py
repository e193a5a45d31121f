"""A model that reads one text and writes another: source ids in, and for each target token the logits of the next.

An encoder turns the source into vectors that see both ways (`encode`); a decoder writes the target, each layer looking
at the target so far and then at the source (`decode`). The Transformer of 2017 and T5 are settings of it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.attention import bent, named
from groundup.model.beginning import draw
from groundup.model.character_table import table_for
from groundup.model.cross_attention import CrossAttention, Source, Writing
from groundup.model.layer import Layer
from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.positions import BOTH_WAYS, POSITIONS, Unordered
from groundup.model.reading import Attend, BothWays, CacheLike, Reading, standing
from groundup.model.settings import ModelSettings
from groundup.model.sight import alike
from groundup.model.taken_apart import Pieces

Part = Callable[[Tensor], Tensor]


def before(x: Tensor, norm: Part, part: Part) -> Tensor:
    """The norm before: what a part adds is never normed away."""
    return x + part(norm(x))


def after(x: Tensor, norm: Part, part: Part) -> Tensor:
    """The norm after the sum, as in 2017."""
    return norm(x + part(x))


PLACES = {"pre": before, "post": after}


class DecoderLayer(Layer):
    """A layer with a look at the source between its two halves."""

    def __init__(self, settings: ModelSettings, number: int):
        super().__init__(settings, number)
        self.cross_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.cross_attn = CrossAttention(settings, number)
        self.add = PLACES[settings.norm_place]

    def forward(self, x: Tensor, reading: Writing) -> Tensor:  # type: ignore[override]
        """x (batch, time, width) -> the same, richer."""
        x = self.add(x, self.input_layernorm, lambda y: self.self_attn(y, reading))
        x = self.add(x, self.cross_layernorm, lambda y: self.cross_attn(y, reading))
        return self.add(x, self.post_attention_layernorm, self.mlp)


class Stack(nn.Module):
    """The layers of one side, and the norm after them if they do not end in one."""

    def __init__(self, settings: ModelSettings, scheme: Unordered, layer: type[Layer]):
        super().__init__()
        self.positions = scheme
        self.layers = nn.ModuleList(layer(settings, number) for number in range(settings.depth))
        last = settings.norm_place != "post"
        self.norm = NORMS[settings.norm](settings.width, settings.eps) if last else nn.Identity()

    def forward(self, x: Tensor, reading: Reading) -> Tensor:
        for layer in self.layers:
            x = layer(x, reading)
        return self.norm(x)


class Stacks(nn.Module):
    """All that lies between ids and head; source and target share one table of vectors."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        # A table that is also the head must start small, unless the head divides what it reads.
        small = settings.tied and not (settings.encoder and settings.encoder.scaled_head)
        self.embed_tokens = table_for(settings, deviation=0.02 if small else 0.5)
        reader, scheme = settings.reader(), POSITIONS[settings.positions]
        self.encoder = Stack(reader, BOTH_WAYS.get(settings.positions, scheme)(reader), Layer)
        self.decoder = Stack(settings, scheme(settings), DecoderLayer)


class EncoderDecoder(nn.Module):
    """Writes a target after it has read a source. `attention` and `compute` are as in `Transformer`."""

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
        if settings.encoder is None:
            raise Problem(f"{settings.family} has no encoder: groundup.model.architectures.build finds its class.")
        self.settings, self.attention, self.compute = settings, attention, compute
        self.scaled_head, self.lm_head_bias = settings.tied and settings.encoder.scaled_head, None
        self.logits = "auto"  # whether a loss holds all logits at once: whole, chunked, or by their number
        self.model = Stacks(settings)
        if not settings.tied:
            self.lm_head = Linear(settings.width, settings.vocabulary, scale=0)  # zero: every token equally likely
        if settings.encoder.head_bias:
            self.lm_head_bias = nn.Parameter(torch.empty(1, settings.vocabulary))
        if seed is not None:
            self.initialise(seed)

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Start values from the seed alone."""
        draw(self, seed)
        if self.lm_head_bias is not None:
            self.lm_head_bias.zero_()

    def forward(
        self,
        source: Tensor,
        target: Tensor,
        source_mask: Tensor | None = None,
        positions: Tensor | None = None,
        segments: Tensor | None = None,
    ) -> Tensor:
        """source (batch, slots), target (batch, time) -> logits (batch, time, vocabulary): what follows each target token."""
        return self.head(self.hidden(source, target, source_mask, positions, segments))

    def hidden(
        self,
        source: Tensor,
        target: Tensor,
        source_mask: Tensor | None = None,
        positions: Tensor | None = None,
        segments: Tensor | None = None,
    ) -> Tensor:
        """The same before the head: vectors (batch, time, width)."""
        return self.decode(target, self.encode(source, source_mask), source_mask, positions, segments=segments)

    def encode(self, source: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """source ids (batch, slots) -> memory (batch, slots, width).

        source_mask (batch, slots): where there is a token, or numbers from 1 for sources packed into one row. A token's
        position is how many of its own came before it, so padding changes nothing wherever it stands.
        """
        if source_mask is None:
            positions = torch.arange(source.shape[1], device=source.device)[None]
        else:
            positions = alike(source_mask).tril(-1).sum(-1)
        encoder = self.model.encoder
        x = self._embed(encoder, source, positions)
        return encoder(x, BothWays(self.settings, encoder.positions, named(self.attention), x, positions, source_mask))

    def decode(
        self,
        target: Tensor,
        memory: Tensor | None = None,
        source_mask: Tensor | None = None,
        positions: Tensor | None = None,
        cache: CacheLike | None = None,
        segments: Tensor | None = None,
    ) -> Tensor:
        """target ids (batch, time), memory of the source -> vectors after the last norm (batch, time, width).

        With a cache, keys and values of the memory are made once and kept in it: give the memory in the first call and
        none in those that go on. positions (batch or 1, time) and segments (batch, time) are as in `Transformer`.
        """
        positions = standing(target, cache) if positions is None else positions
        decoder = self.model.decoder
        x = self._embed(decoder, target, positions)
        source = Source(memory, source_mask, segments, cache, x)
        scheme, attend = decoder.positions, named(self.attention)
        return decoder(x, Writing(source, self.settings, scheme, attend, x, positions, segments, cache))

    def head(self, x: Tensor) -> Tensor:
        """Vectors (…, width) -> logits (…, vocabulary)."""
        x = x * self.settings.width**-0.5 if self.scaled_head else x
        logits = self.model.embed_tokens.project(x) if self.settings.tied else self.lm_head(x)
        logits = logits if self.lm_head_bias is None else logits + self.lm_head_bias[0].to(logits.dtype)
        return bent(logits, self.settings.logit_cap)

    def taken_apart(self, x: Tensor) -> Pieces:
        """Vectors (n, width) -> what `head` would make their logits of."""
        x = x * self.settings.width**-0.5 if self.scaled_head else x
        weight = self.model.embed_tokens.table() if self.settings.tied else self.lm_head.wide()
        bias = None if self.lm_head_bias is None else self.lm_head_bias[0]
        return Pieces(x, weight, bias, self.settings.logit_cap)

    def _embed(self, stack: Stack, ids: Tensor, positions: Tensor) -> Tensor:
        """ids (batch, time) -> what goes into the first layer (batch, time, width)."""
        x = self.model.embed_tokens(ids)
        x = x if self.compute is None else x.to(self.compute)
        return stack.positions.add(x * self.settings.embedding_scale, positions)
