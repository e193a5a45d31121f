"""Byte-pair encoding as the book tells it: read this file to understand the tokenizer, run `fast_bpe` to use it.

Training: cut the text into words, count them, then again and again make one new token of the pair of neighbours that
occurs most often (Sennrich et al. 2016; on bytes, Radford et al. 2019). Encoding repeats the same merges in the same order.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise

from groundup.tokenizer.split import words

Pair = tuple[int, int]


def count_words(texts: Iterable[str], pattern: str = "gpt4") -> Counter[bytes]:
    """How often each word occurs."""
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update(word.encode() for word in words(text, pattern))
    return counts


def count_pairs(tokenized: dict[bytes, list[int]], counts: dict[bytes, int]) -> Counter[Pair]:
    """How often each pair of neighbours occurs."""
    pairs: Counter[Pair] = Counter()
    for word, ids in tokenized.items():
        for pair in pairwise(ids):
            pairs[pair] += counts[word]
    return pairs


def merge(ids: list[int], pair: Pair, made: int) -> list[int]:
    """The ids with every occurrence of the pair, from left to right, replaced by the token it makes."""
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(made)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


def merge_pairs(counts: dict[bytes, int], size: int, min_frequency: int = 1) -> list[Pair]:
    """The pairs that make tokens 256, 257, …, size - 1; of equally frequent ones the smaller (a, b) comes first.

    It ends earlier where no pair occurs `min_frequency` times: a token seen once teaches a model nothing.
    """
    tokenized = {word: list(word) for word in counts}
    merges: list[Pair] = []
    while 256 + len(merges) < size:
        pairs = count_pairs(tokenized, counts)
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < min_frequency:
            break
        tokenized = {word: merge(ids, best, 256 + len(merges)) for word, ids in tokenized.items()}
        merges.append(best)
    return merges


def encode_word(word: bytes, ranks: dict[Pair, int]) -> list[int]:
    """The ids of one word; ranks: which token each pair makes, the earlier the lower."""
    ids = list(word)
    while len(ids) > 1:
        best = min(pairwise(ids), key=lambda pair: ranks.get(pair, float("inf")))
        if best not in ranks:
            break
        ids = merge(ids, best, ranks[best])
    return ids


def encode_word_with_dropout(
    word: bytes, ranks: dict[Pair, int], p: float, chance: Callable[[int, int], float]
) -> list[int]:
    """The ids of one word if at each step each merge is left out with probability p (Provilkov et al. 2020).

    chance: a number in [0, 1) for a step and the byte at which a pair begins. Training on such ids, another time others,
    teaches a model how words are spelled.
    """
    ids, starts, step = list(word), list(range(len(word))), 0
    while True:
        found = [
            (ranks[pair], k) for k, pair in enumerate(pairwise(ids)) if pair in ranks and chance(step, starts[k]) >= p
        ]
        if not found:
            return ids
        made, k = min(found)
        ids[k : k + 2], starts[k : k + 2] = [made], [starts[k]]
        step += 1


def train(texts: Iterable[str], size: int, pattern: str = "gpt4", min_frequency: int = 1) -> list[Pair]:
    """Merges learned from texts, for a vocabulary of `size` tokens: the 256 bytes and what was merged."""
    return merge_pairs(count_words(texts, pattern), size, min_frequency)


def encode(text: str, merges: list[Pair], pattern: str = "gpt4") -> list[int]:
    """The ids of a text."""
    ranks = {pair: 256 + rank for rank, pair in enumerate(merges)}
    return [token for word in words(text, pattern) for token in encode_word(word.encode(), ranks)]


def vocabulary(merges: Iterable[Pair]) -> list[bytes]:
    """The bytes of each token."""
    tokens = [bytes([byte]) for byte in range(256)]
    for a, b in merges:
        tokens.append(tokens[a] + tokens[b])
    return tokens
