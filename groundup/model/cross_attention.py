"""Where one text looks at another: queries of the target meet keys and values that were made of the source.

Those are made once for each source: a cache keeps them for the passes that go on writing.
"""

from typing import Any

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.linear import Linear
from groundup.model.reading import CacheLike, Reading
from groundup.model.settings import ModelSettings
from groundup.model.sight import Sight


class Source:
    """What a decoder sees of the source: memory (batch, slots, width), and a mask (batch, slots) of where there is a token.

    Sources packed into one row have numbers from 1 in the mask, as their targets have in `segments` (batch, time). Without
    a memory, keys, values and mask are those that the cache has kept.
    """

    def __init__(
        self,
        memory: Tensor | None,
        mask: Tensor | None,
        segments: Tensor | None,
        cache: CacheLike | None,
        like: Tensor,
    ):
        self.memory, self.cache = memory, cache
        if cache is not None:
            if memory is not None:
                mask = memory.new_ones(memory.shape[:2], dtype=torch.bool) if mask is None else mask
                cache.carry(0, "source_mask", mask)
            mask = cache.carried(0, "source_mask")
        if memory is None and mask is None:
            raise Problem(
                "decode was given no memory and no cache that holds one: give it what encode made of the source."
            )
        self.sight = Sight(None) if mask is None else Sight.where(seen(mask, segments), like)

    def look(self, attention: "CrossAttention") -> tuple[Tensor, Tensor, Sight]:
        """Keys and values (batch, kv heads, slots, head width) for a layer, and who sees which."""
        layer, cache = attention.layer, self.cache
        if self.memory is not None:
            k, v = attention.keys(self.memory)
            if cache is not None:
                cache.carry(layer, "source_k", k)
                cache.carry(layer, "source_v", v)
            return k, v, self.sight
        assert cache is not None
        k, v = cache.carried(layer, "source_k"), cache.carried(layer, "source_v")
        assert k is not None and v is not None
        return k, v, self.sight


def seen(mask: Tensor, segments: Tensor | None) -> Tensor:
    """mask (batch, slots), segments (batch, time) -> which slots a token of the target sees (batch, time or 1, slots).

    Who would see nothing sees everything: it is padding, which nobody reads, and must only not become NaN.
    """
    found = mask.bool()[:, None] if segments is None else segments[:, :, None] == mask[:, None, :]
    return found | ~found.any(-1, keepdim=True)


class Writing(Reading):
    """A pass of the decoder: over the target so far, with the source beside it."""

    def __init__(self, source: Source, *args: Any):
        super().__init__(*args)
        self.source = source


class CrossAttention(nn.Module):
    """Queries of the target, keys and values of the source, and the way back."""

    def __init__(self, settings: ModelSettings, layer: int):
        super().__init__()
        self.layer, self.head_width = layer, settings.head_width
        self.scale, self.cap = settings.attention_scale or None, settings.attention_cap
        width, queries, keys = (
            settings.width,
            settings.heads * settings.head_width,
            settings.kv_heads * settings.head_width,
        )
        self.q_proj = Linear(width, queries, bool(settings.biases), scale=0.5)
        self.k_proj = Linear(width, keys, bool(settings.biases), scale=0.5)
        self.v_proj = Linear(width, keys, bool(settings.biases), scale=0.5)
        self.o_proj = Linear(queries, width, settings.biases is True, scale=0)  # zero: it begins by saying nothing

    def keys(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """memory (batch, slots, width) -> keys and values (batch, kv heads, slots, head width)."""
        return self._heads(self.k_proj(memory)), self._heads(self.v_proj(memory))

    def forward(self, x: Tensor, reading: Writing) -> Tensor:
        """x (batch, time, width) -> what each token gathers of the source (batch, time, width)."""
        y = reading.attend(self._heads(self.q_proj(x)), *reading.source.look(self), self.scale, self.cap)
        return self.o_proj(y.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_width)).transpose(1, 2)
