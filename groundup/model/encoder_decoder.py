"""A model that reads one text and writes another: source ids in, and for each target token the logits of the next.

An encoder turns the source into vectors that see both ways (`encode`); a decoder writes the target, each layer looking
at the target so far and then at the source (`decode`). Vaswani et al. 2017 and T5 are settings of it.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.cross_attention import TwoTextAttention
from groundup.model.embedding import Embedding
from groundup.model.encoder_decoder_settings import EncoderSettings
from groundup.model.feedforward import FEEDFORWARDS
from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.positions import POSITIONS
from groundup.model.relative_bias import RelativeBias
from groundup.model.settings import ModelSettings

Seen = tuple[Tensor, Tensor, Tensor | None]  # keys, values (batch, heads, slots, head width), what is added to scores


class SourceCache(Protocol):
    """What the decoder asks of a cache: to keep its own keys and values, and those of the source."""

    lengths: Tensor  # (batch) how many target tokens each row holds already

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...
    def carry(self, layer: int, name: str, tensor: Tensor) -> None: ...
    def carried(self, layer: int, name: str) -> Tensor | None: ...


def before(x: Tensor, norm: nn.Module, part: Callable[[Tensor], Tensor]) -> Tensor:
    """x + part(norm(x)): what a part adds is never normed away."""
    return x + part(norm(x))


def after(x: Tensor, norm: nn.Module, part: Callable[[Tensor], Tensor]) -> Tensor:
    """norm(x + part(x)), as in 2017."""
    return norm(x + part(x))


PLACES = {"pre": before, "post": after}


class EncoderLayer(nn.Module):
    """Tokens look at each other, then each thinks for itself."""

    def __init__(self, settings: ModelSettings, scaled: bool):
        super().__init__()
        self.place = PLACES[settings.norm_place]
        self.input_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.self_attn = TwoTextAttention(settings, scaled)
        self.post_attention_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.mlp = FEEDFORWARDS[settings.feedforward](settings)

    def forward(self, x: Tensor, remember: Callable[[Tensor, Tensor], Seen]) -> Tensor:
        """`remember(k, v)` hands back all keys and values that may be looked at, and the bias of the scores."""
        x = self.place(x, self.input_layernorm, lambda y: self.self_attn(y, *remember(*self.self_attn.keys(y))))
        return self.place(x, self.post_attention_layernorm, self.mlp)


class DecoderLayer(EncoderLayer):
    """The same with a look at the source in between."""

    def __init__(self, settings: ModelSettings, scaled: bool):
        super().__init__(settings, scaled)
        self.cross_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.cross_attn = TwoTextAttention(settings, scaled)

    def forward(self, x: Tensor, remember: Callable[[Tensor, Tensor], Seen], source: Seen) -> Tensor:  # type: ignore[override]
        x = self.place(x, self.input_layernorm, lambda y: self.self_attn(y, *remember(*self.self_attn.keys(y))))
        x = self.place(x, self.cross_layernorm, lambda y: self.cross_attn(y, *source))
        return self.place(x, self.post_attention_layernorm, self.mlp)


class Stack(nn.Module):
    """The layers of one side, and the norm after them if the layers do not end in one."""

    def __init__(self, settings: ModelSettings, habits: EncoderSettings, layer: type[EncoderLayer], both_ways: bool):
        super().__init__()
        scaled = not habits.buckets
        self.layers = nn.ModuleList(layer(settings, scaled) for _ in range(settings.depth))
        ends_normed = settings.norm_place == "post"
        self.norm = nn.Identity() if ends_normed else NORMS[settings.norm](settings.width, settings.eps)
        self.relative = None
        if habits.buckets:
            self.relative = RelativeBias(habits.buckets, habits.furthest, settings.heads, both_ways)

    def bias(self, seen: Tensor | None, queries: Tensor, keys: Tensor, like: Tensor) -> Tensor | None:
        """What is added to the scores of all layers: -inf where nothing may be seen, and what distances are worth.

        seen (batch or 1, time, slots) -> (batch or 1, heads or 1, time, slots)."""
        distances = None if self.relative is None else self.relative(queries, keys).to(like.dtype)
        return distances if seen is None else hidden_where(~seen, like) + (0 if distances is None else distances)


class Stacks(nn.Module):
    """All that lies between ids and head."""

    def __init__(self, settings: ModelSettings, habits: EncoderSettings):
        super().__init__()
        # A table that is multiplied by √width starts that much smaller; one that is an undivided head starts small too.
        deviation = settings.width**-0.5 if habits.scaled_embedding else 0.5
        if settings.tied and not habits.scaled_head:
            deviation = min(deviation, 0.02)
        self.embed_tokens = Embedding(settings.vocabulary, settings.width, deviation)
        self.positions = POSITIONS[settings.positions](settings)
        self.encoder = Stack(reader(settings, habits), habits, EncoderLayer, both_ways=True)
        self.decoder = Stack(settings, habits, DecoderLayer, both_ways=False)


class EncoderDecoder(nn.Module):
    """Writes a target after having read a source. `compute` is the precision of activations (None: that of weights)."""

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
        if settings.encoder is None:
            raise Problem("model.encoder is missing: a model of this family needs the settings of its encoder.")
        self.settings, self.habits, self.attention, self.compute = settings, settings.encoder, attention, compute
        self.model = Stacks(settings, self.habits)
        if not settings.tied:
            self.lm_head = Linear(settings.width, settings.vocabulary, scale=0)  # zero: every token equally likely
        if self.habits.head_bias:
            self.head_bias = nn.Parameter(torch.empty(settings.vocabulary))
        if seed is not None:
            self.initialise(seed)

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Start values from the seed alone: drawn on the processor in one order, whatever the device."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            start = getattr(module, "initialise", None)
            if module is not self and start is not None:
                start(generator)
        if self.habits.head_bias:
            self.head_bias.zero_()

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

        source_mask (batch, slots): where there is a token. Sources packed into one row have numbers from 1 instead, as
        their targets have in `segments`. A token's position is how many of its own came before it, so that padding
        changes nothing wherever it stands.
        """
        own = positions = None
        if source_mask is None:
            positions = torch.arange(source.shape[1], device=source.device)[None]
        else:
            own = source_mask[:, :, None] == source_mask[:, None, :]  # padding sees padding: somebody must be seen
            positions = own.tril(-1).sum(-1)
        encoder, x = self.model.encoder, self.embed(source, positions)
        bias = encoder.bias(own, positions, positions, x)
        for layer in encoder.layers:
            x = layer(x, lambda k, v: (k, v, bias))
        return encoder.norm(x)

    def decode(
        self,
        target: Tensor,
        memory: Tensor | None = None,
        source_mask: Tensor | None = None,
        positions: Tensor | None = None,
        cache: SourceCache | None = None,
        segments: Tensor | None = None,
    ) -> Tensor:
        """target ids (batch, time), memory of the source -> vectors after the last norm (batch, time, width).

        With a cache, keys and values of the memory are made once and kept in it: give the memory in the first call and
        none in those that go on. positions (batch or 1, time), segments (batch, time): as in a decoder-only model.
        """
        if positions is None:
            positions = torch.arange(target.shape[1], device=target.device)[None]
            if cache is not None:
                positions = positions + cache.lengths[:, None]
        decoder, x = self.model.decoder, self.embed(target, positions)
        remember = self._whole(positions, segments, x) if cache is None else self._kept(positions, cache, x)
        look = self._source(memory, source_mask, segments, cache, x)
        for number, layer in enumerate(decoder.layers):
            x = layer(x, remember(number), look(number, layer.cross_attn))
        return decoder.norm(x)

    def head(self, x: Tensor) -> Tensor:
        """Vectors (…, width) -> logits (…, vocabulary)."""
        if self.habits.scaled_head:
            x = x * self.settings.width**-0.5
        logits = self.model.embed_tokens.project(x) if self.settings.tied else self.lm_head(x)
        return logits + self.head_bias.to(logits.dtype) if self.habits.head_bias else logits

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        """ids (batch, time) -> the vectors that go into the first layer (batch, time, width)."""
        x = self.model.embed_tokens(ids)
        x = x if self.compute is None else x.to(self.compute)
        x = x * self.settings.width**0.5 if self.habits.scaled_embedding else x
        return self.model.positions.add(x, positions)

    def _whole(self, positions: Tensor, segments: Tensor | None, like: Tensor) -> Callable:
        """The whole target is here: its keys are those of this pass, and no token sees a later one."""
        time = like.shape[1]
        own = torch.ones(1, time, time, dtype=torch.bool, device=like.device)
        if segments is not None:
            own = segments[:, :, None] == segments[:, None, :]
        bias = self.model.decoder.bias(own.tril(), positions, positions, like)
        return lambda layer: lambda k, v: (k, v, bias)

    def _kept(self, positions: Tensor, cache: SourceCache, like: Tensor) -> Callable:
        """Earlier keys come from the cache, with the position that each slot holds (batch, slots), -1 if none."""
        positions = positions.expand(like.shape[0], -1)
        known: list[Tensor | None] = []  # all layers see the same: the bias is made once

        def remember(layer: int) -> Callable[[Tensor, Tensor], Seen]:
            def extend(k: Tensor, v: Tensor) -> Seen:
                k, v, at = cache.extend(layer, k, v, positions)
                if not known:
                    seen = (at[:, None, :] <= positions[:, :, None]) & (at >= 0)[:, None, :]
                    known.append(self.model.decoder.bias(seen, positions, at, like))
                return k, v, known[0]

            return extend

        return remember

    def _source(
        self,
        memory: Tensor | None,
        mask: Tensor | None,
        segments: Tensor | None,
        cache: SourceCache | None,
        like: Tensor,
    ) -> Callable[[int, TwoTextAttention], Seen]:
        """Keys and values of the source for each layer: made of the memory and kept, or those that were kept."""
        if memory is None and (cache is None or cache.carried(0, "source_k") is None):
            raise Problem(
                "decode was given no memory and no cache that holds one: give it what encode made of the source."
            )
        if memory is None and cache is not None:
            mask = cache.carried(0, "source_mask")
        elif cache is not None and memory is not None:
            mask = memory.new_ones(memory.shape[:2], dtype=torch.bool) if mask is None else mask
            cache.carry(0, "source_mask", mask)
        bias = None if mask is None else source_bias(mask, segments, like)

        def look(number: int, attention: TwoTextAttention) -> Seen:
            if memory is None and cache is not None:
                k, v = cache.carried(number, "source_k"), cache.carried(number, "source_v")
                assert k is not None and v is not None
                return k, v, bias
            assert memory is not None
            k, v = attention.keys(memory)
            if cache is not None:
                cache.carry(number, "source_k", k)
                cache.carry(number, "source_v", v)
            return k, v, bias

        return look


def source_bias(mask: Tensor, segments: Tensor | None, like: Tensor) -> Tensor:
    """mask (batch, slots) -> what is added to scores (batch, 1, time or 1, slots): every source token is seen, or in packed
    rows those that have the number of the target's token. Who would see nothing sees all: it is padding, nobody reads it."""
    seen = mask.bool()[:, None] if segments is None else segments[:, :, None] == mask[:, None, :]
    return hidden_where(~(seen | ~seen.any(-1, keepdim=True)), like)


def hidden_where(hidden: Tensor, like: Tensor) -> Tensor:
    """(batch, time, slots), true where nothing may be seen -> -inf there and 0 elsewhere (batch, 1, time, slots)."""
    return like.new_zeros(()).masked_fill(hidden, float("-inf"))[:, None]


def reader(settings: ModelSettings, habits: EncoderSettings) -> ModelSettings:
    """The encoder as settings of its own."""
    changed: dict[str, int] = {"depth": habits.depth}
    if habits.hidden:
        changed["hidden"] = habits.hidden
    if habits.heads and habits.heads != settings.heads:
        changed |= {"heads": habits.heads, "head_width": settings.width // habits.heads}
    return settings.model_copy(update=changed)
