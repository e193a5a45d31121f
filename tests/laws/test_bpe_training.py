"""Laws of byte-pair encoding: the compiled loops do what the ten-minute reference says, for any corpus."""

import string

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.tokenizer import batches, bpe, fast_bpe
from groundup.tokenizer.classes import read_classes
from groundup.tokenizer.split import PATTERNS

CLASSES = read_classes()
few_letters = some.text("ab ", max_size=60)  # ties, repeats and overlaps everywhere
like_code = some.text(string.ascii_letters[:6] + " \n\t\r.'9é😀", max_size=80)
corpora = some.lists(few_letters | like_code | some.text(max_size=40), min_size=1, max_size=6).filter(any)
patterns = some.sampled_from([*PATTERNS, r"[ab]+|\s"])


@settings(max_examples=80, deadline=None)
@given(corpora, patterns, some.integers(256, 320), some.integers(1, 6))
def test_fast_training_finds_the_merges_of_the_reference(corpus, pattern, size, min_frequency):
    fast = fast_bpe.train(corpus, size, pattern, CLASSES, min_frequency=min_frequency)
    assert fast == bpe.train(corpus, size, pattern, min_frequency)


@settings(max_examples=20, deadline=None)
@given(some.lists(few_letters, min_size=1, max_size=400).filter(any))
def test_equally_frequent_pairs_merge_in_the_order_of_their_ids(corpus):
    merges = fast_bpe.train(corpus, 300, "gpt4", CLASSES)
    counts = bpe.count_words(corpus)
    tokenized = {word: list(word) for word in counts}
    for made, pair in enumerate(merges, 256):
        pairs = bpe.count_pairs(tokenized, counts)
        assert pair == min(found for found in pairs if pairs[found] == max(pairs.values()))
        tokenized = {word: bpe.merge(ids, pair, made) for word, ids in tokenized.items()}


def test_threads_and_batches_do_not_change_what_is_learned(monkeypatch):
    random = np.random.default_rng(5)
    corpus = ["".join(random.choice(list("abcdé \n"), 50)) for _ in range(300)]
    whole = fast_bpe.train(corpus, 400, "gpt4", CLASSES, threads=1)
    monkeypatch.setattr(batches, "BATCH", 500)
    assert fast_bpe.train(corpus, 400, "gpt4", CLASSES, threads=3) == whole


def test_tables_grow_as_far_as_the_words_need():
    corpus = [f"w{number:06d}x{'y' * (number % 90)} " for number in range(9000)]
    fast = fast_bpe.train(corpus, 262, "gpt4", CLASSES)
    assert fast == bpe.train(corpus, 262)
