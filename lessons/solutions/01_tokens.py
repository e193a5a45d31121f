"""Answers to exercise 1.

python lessons/solutions/01_tokens.py shakespeare.txt
"""

import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path


def most_frequent_pair(words: dict[tuple[int, ...], int]) -> tuple[int, int]:
    """Count every pair as often as its word, then take the largest count and of those the smallest pair."""
    pairs: Counter[tuple[int, int]] = Counter()
    for ids, times in words.items():
        for pair in pairwise(ids):
            pairs[pair] += times
    return min(pairs, key=lambda pair: (-pairs[pair], pair))


def learn(counts: Counter[bytes], merges: int) -> list[tuple[int, int]]:
    """Find the pair, replace it from left to right in every word, go on."""
    words, made = Counter({tuple(word): times for word, times in counts.items()}), []
    while len(made) < merges and any(len(ids) > 1 for ids in words):
        pair = most_frequent_pair(words)
        fresh: Counter[tuple[int, ...]] = Counter()
        for ids, times in words.items():
            fresh[replaced(ids, pair, 256 + len(made))] += times
        words, made = fresh, [*made, pair]
    return made


def replaced(ids: tuple[int, ...], pair: tuple[int, int], token: int) -> tuple[int, ...]:
    out, i = [], 0
    while i < len(ids):
        found = ids[i : i + 2] == pair
        out.append(token if found else ids[i])
        i += 2 if found else 1
    return tuple(out)


def enough(bytes_per_token: dict[int, float], least: float = 0.05) -> int:
    """The last step that was worth it."""
    return max(
        large
        for small, large in pairwise(sorted(bytes_per_token))
        if bytes_per_token[large] / bytes_per_token[small] - 1 >= least
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "exercises"))
    import checking

    checking.tokens(most_frequent_pair, learn, enough)
