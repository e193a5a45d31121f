"""Vectors learnt from text alone: words that stand beside the same words come to point the same way.

Texts become numbers, by plain words or by a tokenizer's tokens; what is rare is left out, what is frequent is looked at less
often; the loop in `kernels/skipgram.py` does the learning. Its result may start a model (`start_vectors`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from pydantic import Field

from groundup.config import Settings
from groundup.errors import Problem
from groundup.hardware import use_cache_folder
from groundup.model.vectors import Vectors, spelled
from groundup.tokenizer import Tokenizer

SPAN = 4096  # tokens of a text that share one learning rate; a longer text is cut
CALL = 50_000  # tokens between two words of progress
LONGEST = 200  # letters of a word; what is longer is none
Told = Callable[[int, int], None]  # (tokens done, tokens in all)


class SkipGram(Settings):
    """How vectors are learnt; the values of Mikolov et al. 2013 where nothing else is said."""

    width: int = Field(default=100, gt=0, le=4096, description="numbers in a vector")
    window: int = Field(
        default=5, gt=0, le=1000, description="words to each side that may be looked at, the nearer the more often"
    )
    negatives: int = Field(default=5, gt=0, le=64, description="words drawn by chance for each one beside")
    rounds: int = Field(default=5, gt=0, le=1000, description="times that the whole text is read")
    least: int = Field(default=5, gt=0, description="occurrences that a word needs")
    subsample: float = Field(
        default=1e-3, gt=0, le=1, description="share of the text above which a word is skipped at times"
    )
    rate: float = Field(default=0.025, gt=0, le=1, description="how fast it learns at first")
    last_rate: float = Field(default=1e-4, gt=0, le=1, description="and at last")


def learn_words(texts: Iterable[str], asked: SkipGram, seed: int = 0, told: Told = lambda done, total: None) -> Vectors:
    """A vector for each word of the texts that is frequent enough; a word is as a tokenizer cuts it, without white space."""
    place: dict[str, int] = {}
    numbered = []
    for words in words_of(texts):
        kept = (place.setdefault(word, len(place)) for word in words if 0 < len(word) <= LONGEST)
        numbered.append(np.fromiter(kept, np.int64))
    return learn(list(place), numbered, asked, seed, told)


def words_of(texts: Iterable[str]) -> Iterator[list[str]]:
    """The words of each text as GPT-2's pattern cuts it: letters, numbers, or signs, without white space."""
    use_cache_folder()
    from groundup.kernels.words import word_ends
    from groundup.tokenizer.batches import joined
    from groundup.tokenizer.classes import read_classes
    from groundup.tokenizer.cutting import Cutter

    cutter = Cutter("gpt2", read_classes())
    for text in texts:
        data = text.encode(errors="replace")
        (buffer, _), rules = joined([data]), cutter.rules([data])
        ends = word_ends(buffer.ctypes.data, len(data), rules.ctypes.data, cutter.number).tolist()
        yield [data[a:b].decode().strip() for a, b in pairwise([0, *ends])]


def learn_tokens(
    texts: Iterable[str], tokenizer: Tokenizer, asked: SkipGram, seed: int = 0, told: Told = lambda done, total: None
) -> Vectors:
    """A vector for each token that is frequent enough, under its name as `spelled` gives it."""
    words = [spelled(token) for token in tokenizer.tokens]
    return learn(words, [ids.astype(np.int64) for ids in tokenizer.encode_many(texts)], asked, seed, told)


def learn(
    words: list[str],
    numbered: Sequence[np.ndarray],
    asked: SkipGram,
    seed: int = 0,
    told: Told = lambda done, total: None,
) -> Vectors:
    """A vector for each frequent one of `words`; the texts are given as numbers into them, and may be cut where they are long."""
    counts = np.bincount(np.concatenate([np.empty(0, np.int64), *numbered]), minlength=len(words))
    order = np.argsort(-counts, kind="stable")
    order = order[: int((counts >= asked.least).sum())]
    if len(order) < 2:
        raise Problem(
            f"fewer than two words occur {asked.least} times in these texts: give more text, or ask for a smaller `least`"
        )
    named = [words[word] for word in order.tolist()]
    if len(set(named)) < len(named):
        twice = Counter(named).most_common(1)[0][0]
        raise Problem(
            f"two tokens are both spelled {twice!r}, so their vectors could not be told apart: use another tokenizer"
        )
    number = np.full(len(words), -1, np.int64)
    number[order] = np.arange(len(order))
    texts = [kept[kept >= 0] for kept in (number[text] for text in numbered)]
    return Vectors(named, table_of(texts, counts[order], asked, seed, told), "these learnt vectors")


def table_of(texts: Sequence[np.ndarray], counts: np.ndarray, asked: SkipGram, seed: int, told: Told) -> np.ndarray:
    """The vectors (words, width) float32 of texts given as numbers, each of which occurs as `counts` says."""
    use_cache_folder()
    from groundup.kernels import skipgram as kernel
    from groundup.kernels.bpe_dropout import mixed
    from groundup.kernels.compiled import announced
    from groundup.tokenizer.batches import say_compiling

    tokens, ends = np.concatenate(texts).astype(np.int32), cut(texts)
    x = (np.random.default_rng(seed).random((len(counts), asked.width), np.float32) - np.float32(0.5)) / np.float32(
        asked.width
    )
    y, table = np.zeros_like(x), kernel.sigmoids()
    rates, total = np.array([asked.rate, asked.last_rate]), asked.rounds * len(tokens)
    given = keeping(counts, asked.subsample), chances(counts**0.75), x, y, table, asked.window, asked.negatives, rates
    with announced(lambda: say_compiling("learning vectors")):
        for reading in range(asked.rounds):
            h = np.uint64(mixed(np.uint64(mixed(np.uint64(0), np.uint64(seed))), np.uint64(reading)))
            first, before = 0, reading * len(tokens)
            while first < len(ends) - 1:
                last = max(first + 1, int(np.searchsorted(ends, ends[first] + CALL)))
                last = min(last, len(ends) - 1)
                kernel.learn(tokens, ends, first, last, *given, before, total, h)
                told(before + int(ends[last]), total)
                first = last
    return x


def cut(texts: Sequence[np.ndarray]) -> np.ndarray:
    """Where each text ends when all stand in a row, those longer than SPAN cut: span d is [ends[d]:ends[d + 1]]."""
    ends, at = [0], 0
    for text in texts:
        ends += range(at + SPAN, at + len(text), SPAN)
        at += len(text)
        ends.append(at)
    return np.array(ends, np.int64)


def keeping(counts: np.ndarray, subsample: float) -> np.ndarray:
    """The chance of each word to be looked at, √(t/f) + t/f for a share f of the text, at most 1; in 2^32nds, uint64."""
    share = subsample * counts.sum() / counts
    return (np.minimum(1, np.sqrt(share) + share) * 2.0**32).astype(np.uint64)


def chances(weights: np.ndarray) -> np.ndarray:
    """Walker's table of the words by their weights: the chance to stay at a place, in 2^32nds, and below it where else to go."""
    size = len(weights)
    share = (weights / weights.sum() * size).tolist()
    stay, other = [2**32 - 1] * size, list(range(size))
    poor = [place for place in range(size) if share[place] < 1]
    rich = [place for place in range(size) if share[place] >= 1]
    while poor and rich:
        giver, taker = rich[-1], poor.pop()
        stay[taker], other[taker] = min(int(share[taker] * 2**32), 2**32 - 1), giver
        share[giver] -= 1 - share[taker]
        if share[giver] < 1:
            poor.append(rich.pop())
    return np.array(stay, np.uint64) << np.uint64(32) | np.array(other, np.uint64)
