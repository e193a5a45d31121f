"""Where a key stands as seen from a query, as T5 tells it: every distance falls into a bucket.

Single distances nearby have a bucket each, ever wider spans of them share one further off. What each head likes or
dislikes about a bucket is trained, and added to its scores: `Relative` in `positions.py`.
"""

import math

import torch
from torch import Tensor


def bucket_by_definition(back: int, buckets: int, furthest: int, both_ways: bool) -> int:
    """Raffel et al. 2020: the bucket of a key that stands `back` tokens before the query (after it: negative).

    Of n buckets the first n/2 are for the distances 0, 1, 2, …; the others grow like the logarithm and end at `furthest`.
    If keys may come later too, half of all buckets are theirs; otherwise later keys count as distance 0.
    """
    if both_ways:
        half = buckets // 2
        return (half if back < 0 else 0) + bucket_by_definition(abs(back), half, furthest, False)
    back, single = max(0, back), buckets // 2
    if back < single:
        return back
    way = math.log(back / single) / math.log(furthest / single)  # 0 at the first wide one, 1 at `furthest`
    return min(buckets - 1, single + int(way * (buckets - single)))


def buckets_of(back: Tensor, buckets: int, furthest: int, both_ways: bool) -> Tensor:
    """The same for a whole tensor of distances."""
    later = torch.zeros_like(back)
    if both_ways:
        buckets //= 2
        later, back = (back < 0) * buckets, back.abs()
    back, single = back.clamp(min=0), buckets // 2
    way = (back.clamp(min=1) / single).log() / math.log(furthest / single)
    wide = (single + (way * (buckets - single)).long()).clamp(max=buckets - 1)
    return later + torch.where(back < single, back, wide)
