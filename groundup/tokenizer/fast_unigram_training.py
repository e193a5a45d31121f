"""Learning pieces as `unigram.py` does, at the speed of compiled loops, on all cores.

Words are counted as for byte-level BPE. The expected counts of so many words at a time are summed on their own, so that the
result does not hang on the number of threads.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from math import fsum, log

import numpy as np

from groundup.errors import Problem
from groundup.hardware import use_cache_folder
from groundup.tokenizer.unigram import LEAST, training_words

use_cache_folder()  # numba reads where to keep compiled code when it is imported, which the next lines do

from groundup.kernels import unigram_counts, unigram_trie, word_table
from groundup.kernels.compiled import announced
from groundup.tokenizer.batches import in_order, joined, say_compiling, usable_threads
from groundup.tokenizer.counting import count
from groundup.tokenizer.cutting import Cutter

CHUNK = 1 << 14  # words


def count_words(
    texts: Iterable[bytes], pattern: str, classes: np.ndarray, threads: int, counted: Callable[[int], None] | None
) -> list[tuple[bytes, int]]:
    """Each different word and how often it occurs."""

    total, _, _ = count(texts, Cutter(pattern, classes), threads, counted)
    if total is None or total[2] == 0:
        raise Problem("there is no text to train the tokenizer on: every source is empty")
    rows, arena = total[0][total[0][:, word_table.LENGTH] > 0].tolist(), total[1].tobytes()
    return [(arena[start : start + length], count) for _, start, length, count in rows]


def seeds(words: dict[str, int], most: int, min_frequency: int, longest: int) -> tuple[list[bytes], np.ndarray]:
    """(pieces in order of the alphabet, their probabilities)."""
    buffer, ends = joined([word.encode() for word in words])
    found = unigram_counts.substrings(buffer.ctypes.data, ends, np.array(list(words.values()), np.int64), longest)
    found = found[(found[:, 2] == 1) | (found[:, 3] >= min_frequency)]
    covered, single, text = found[:, 2] * found[:, 3], found[:, 2] == 1, buffer.tobytes()
    room = max(0, most - int(single.sum()))
    if (~single).sum() > room:
        least = np.partition(covered[~single], -room)[-room] if room else np.iinfo(np.int64).max
        found, covered, single = (part[single | (covered >= least)] for part in (found, covered, single))
    spelled = [text[start : start + length] for start, length in found[:, :2].tolist()]
    ranked = sorted(
        zip(spelled, covered.tolist(), single.tolist(), strict=True),
        key=lambda entry: (not entry[2], -entry[1], entry[0]),
    )
    kept = sorted((piece, float(n)) for piece, n, _ in ranked[: room + int(single.sum())])
    return [piece for piece, _ in kept], maximized(np.array([n for _, n in kept]))


def maximized(used: np.ndarray) -> np.ndarray:
    """Probabilities from expected counts."""
    return np.maximum(used / fsum(used.tolist()), LEAST)


def expected_counts(corpus: tuple, nodes: np.ndarray, probabilities: np.ndarray, threads: int) -> np.ndarray:
    """How often each piece is used on average; corpus: the words' bytes, their borders, their counts."""
    text, ends, counts = corpus

    def expect(chunk: tuple[int, int]) -> np.ndarray:
        found = np.zeros(len(probabilities))
        unigram_counts.expected(text.ctypes.data, ends, counts, *chunk, nodes, probabilities, found)
        return found

    used = np.zeros(len(probabilities))
    for found in in_order(expect, pairwise([*range(0, len(counts), CHUNK), len(counts)]), threads):
        used += found
    return used


def train(
    words: dict[str, int],
    size: int,
    most: int,
    min_frequency: int = 2,
    longest: int = 16,
    shrink: float = 0.75,
    rounds: int = 2,
    threads: int = 1,
) -> list[tuple[str, float]]:
    """The pieces and scores that `unigram.train` gives."""
    pieces, probabilities = seeds(words, most, min_frequency, longest)
    corpus = *joined([word.encode() for word in words]), np.array(list(words.values()), np.int64)
    while True:
        spelled, piece_ends = joined(pieces)
        nodes, used = unigram_trie.build(spelled, piece_ends), np.zeros(len(pieces))
        for _ in range(rounds):
            used = expected_counts(corpus, nodes, probabilities, threads)
            probabilities = maximized(used)
        losses = unigram_counts.losses(spelled.ctypes.data, piece_ends, used, nodes, probabilities)
        single = losses == -1.0
        if len(pieces) <= size or single.all():
            found = zip((piece.decode() for piece in pieces), map(log, probabilities.tolist()), strict=True)
            return sorted(found, key=lambda entry: (-entry[1], entry[0]))
        keep = max(size, int(len(pieces) * shrink)) - int(single.sum())
        order = np.argsort(np.where(single, -np.inf, -losses), kind="stable")
        kept = np.sort(order[: int(single.sum()) + max(0, keep)])
        pieces, probabilities = [pieces[k] for k in kept.tolist()], probabilities[kept]


def train_on_texts(
    texts: Iterable[bytes],
    size: int,
    pattern: str,
    classes: np.ndarray,
    marked: bool,
    min_frequency: int,
    most: int,
    longest: int,
    shrink: float,
    rounds: int,
    threads: int | None,
    counted: Callable[[int], None] | None,
) -> list[tuple[str, float]]:
    """Pieces from texts, each of which begins as words do."""
    threads = threads or usable_threads()
    with announced(lambda: say_compiling("training tokenizers")):
        words = training_words(count_words(texts, pattern, classes, threads, counted), marked, min_frequency)
        letters = len(set().union(*words)) if words else 0
        if not letters:
            raise Problem(
                f"no character of the text occurs {min_frequency} times: lower min_frequency or give more text"
            )
        if letters > size:
            raise Problem(
                f"{size} pieces cannot hold the {letters:,} characters that occur at least {min_frequency} times: "
                "ask for a larger size, or raise min_frequency so that rare ones count as unknown"
            )
        return train(words, size, most, min_frequency, longest, shrink, rounds, threads)
