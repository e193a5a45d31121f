"""One pass over some tokens: where they stand, what they may see, and what is kept of them for the next pass.

Made once and handed to every layer, so that no layer works out what another has already: angles of the positions and
who sees whom, for each kind of attention once. It is also the only one that talks with a cache.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from groundup.model.positions import Angles, Unordered
from groundup.model.settings import ModelSettings
from groundup.model.sight import PATTERNS, Sight, alike, distances, join

Attend = Callable[..., Tensor]  # q, k, v, sight, scale, cap -> what each query gathers; one of ATTENTIONS


class CacheLike(Protocol):
    """What the model asks of a cache: to keep a layer's new keys and values and hand back all there are."""

    @property
    def lengths(self) -> Tensor:
        """(batch) how many tokens each row holds already."""
        ...

    @property
    def places(self) -> Tensor:
        """(batch or 1, slots): the position that each slot holds, once `extend` was called."""
        ...

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """k, v (batch, kv heads, time, head width), positions (batch, time) -> all k, all v (batch, kv heads, slots,
        head width) and which slots each query may see: bool (time, slots) or (batch, time, slots), None if every one."""
        ...

    def carried(self, layer: int, name: str) -> Tensor | None:
        """What was kept of a layer's state for these rows (batch, …); None if nothing was."""
        ...

    def carry(self, layer: int, name: str, state: Tensor) -> None:
        """Keep a layer's state (batch, …) for the next pass over these rows."""
        ...


class Filled(Protocol):
    """As much of a cache as says where the next token of each row stands."""

    @property
    def lengths(self) -> Tensor:
        """(batch) how many tokens each row holds already."""
        ...


def standing(ids: Tensor, cache: Filled | None) -> Tensor:
    """ids (batch, time) -> where they stand if nobody says it (batch or 1, time): after what the cache holds, or from 0."""
    positions = torch.arange(ids.shape[1], device=ids.device)[None]
    return positions if cache is None else positions + cache.lengths[:, None]


class Reading:
    """positions (batch or 1, time), segments (batch, time) or None; `attend` is one of ATTENTIONS.

    A state that a layer carries (a convolution's, a recurrent one's) starts anew wherever a position is 0: so rows of a
    cache can be used again, and documents packed into one row stay apart.
    """

    def __init__(
        self,
        settings: ModelSettings,
        scheme: Unordered,
        attend: Attend,
        x: Tensor,
        positions: Tensor,
        segments: Tensor | None = None,
        cache: CacheLike | None = None,
    ):
        self.settings, self.scheme, self.attend, self.like = settings, scheme, attend, x
        self.positions, self.segments, self.cache = positions, segments, cache
        self._angles: dict[str, Angles | None] = {}
        self._sights: dict[str, tuple[Tensor | None, Sight]] = {}

    def angles(self, kind: str) -> Angles | None:
        """By which queries and keys of a layer of this kind are turned."""
        if kind not in self._angles:
            self._angles[kind] = self.scheme.angles(self.positions, self.like.dtype, kind)
        return self._angles[kind]

    def prepare(self) -> None:
        """Who sees whom, before any layer asks: a trained bias must not be made inside a layer that runs twice."""
        if self.scheme.biased and self.cache is None:
            for kind in dict.fromkeys(self.settings.kind_of(layer) for layer in range(self.settings.depth)):
                self._here(kind)

    def extend(self, layer: int, k: Tensor, v: Tensor, kind: str) -> tuple[Tensor, Tensor, Sight]:
        """New keys and values (batch, kv heads, time, head width) -> all that may be looked at, and who sees which."""
        if self.cache is None:
            return k, v, self._here(kind)
        every = self.positions.expand(len(self.like), -1)
        k, v, seen = self.cache.extend(layer, k, v, every)
        # A cache gives the same mask to all layers: turn it into a bias once.
        if kind not in self._sights or self._sights[kind][0] is not seen:
            self._sights[kind] = seen, self._sight(kind, seen, self.positions, self.cache.places)
        return k, v, self._sights[kind][1]

    def _here(self, kind: str) -> Sight:
        """The whole text is in this pass."""
        if kind not in self._sights:
            time = self.like.shape[1]
            if kind not in PATTERNS and self.segments is None and not self.scheme.biased:
                sight = Sight.triangle(time, self.like)
            else:
                seen = torch.ones(time, time, dtype=torch.bool, device=self.like.device).tril()
                seen = seen if self.segments is None else alike(self.segments) & seen
                sight = self._sight(kind, seen, self.positions, self.positions)
            self._sights[kind] = None, sight
        return self._sights[kind][1]

    def _sight(self, kind: str, seen: Tensor | None, queries: Tensor, keys: Tensor) -> Sight:
        pattern = PATTERNS.get(kind)
        if pattern is None and not self.scheme.biased:
            return Sight(None) if seen is None else Sight.where(seen, self.like)
        distance = distances(queries, keys)
        if pattern is not None:
            at = queries if distance.ndim == 3 else queries[0]
            seen = join(seen, pattern(distance, at, self.settings.window))
        sight = Sight(None) if seen is None else Sight.where(seen, self.like)
        bias = self.scheme.bias(distance, self.like)
        return sight if bias is None else sight.plus(bias)


class BothWays(Reading):
    """A pass over whole texts in which a token sees later ones too, if they are of the same segment."""

    def _here(self, kind: str) -> Sight:
        if kind not in self._sights:
            seen = None if self.segments is None else alike(self.segments)  # padding sees padding: nobody sees nothing
            self._sights[kind] = None, self._sight(kind, seen, self.positions, self.positions)
        return self._sights[kind][1]
