"""Where a key stands as seen from a query, as T5 tells it: each head likes or dislikes each distance.

Distances fall into buckets, single ones nearby and ever wider ones further off; a trained number for each bucket and
head is added to the scores. All layers of a stack share one such table.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def bucket_by_definition(distance: int, buckets: int, furthest: int, both_ways: bool) -> int:
    """Raffel et al. 2020: the bucket of a key that stands `distance` tokens after the query (before it: negative).

    Of n buckets the first n/2 are for the distances 0, 1, 2, …; the others grow like the logarithm and end at `furthest`.
    If keys may come later too, half of all buckets are theirs; otherwise later keys count as distance 0.
    """
    if both_ways:
        half = buckets // 2
        return (half if distance > 0 else 0) + bucket_by_definition(-abs(distance), half, furthest, False)
    back, single = max(0, -distance), buckets // 2
    if back < single:
        return back
    way = math.log(back / single) / math.log(furthest / single)  # 0 at the last single one, 1 at `furthest`
    return min(buckets - 1, single + int(way * (buckets - single)))


def buckets_of(distance: Tensor, buckets: int, furthest: int, both_ways: bool) -> Tensor:
    """The same for a whole tensor of distances."""
    later = torch.zeros_like(distance)
    if both_ways:
        buckets //= 2
        later = (distance > 0) * buckets
        distance = -distance.abs()
    back, single = (-distance).clamp(min=0), buckets // 2
    way = (back.clamp(min=1) / single).log() / math.log(furthest / single)
    grown = (single + (way * (buckets - single)).long()).clamp(max=buckets - 1)
    return later + torch.where(back < single, back, grown)


class RelativeBias(nn.Module):
    """One trained number for each bucket and head."""

    def __init__(self, buckets: int, furthest: int, heads: int, both_ways: bool):
        super().__init__()
        self.buckets, self.furthest, self.both_ways = buckets, furthest, both_ways
        self.weight = nn.Parameter(torch.empty(buckets, heads))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        self.weight.zero_()  # no opinion about distances to begin with

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Positions of queries (batch or 1, time) and keys (batch or 1, slots) -> (batch or 1, heads, time, slots)."""
        distance = keys[:, None, :] - queries[:, :, None]
        bucket = buckets_of(distance, self.buckets, self.furthest, self.both_ways)
        return F.embedding(bucket, self.weight).movedim(-1, 1)
