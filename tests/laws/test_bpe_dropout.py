"""Laws of dropout: the compiled loop is the reference, chance is keyed, and no text is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, bpe
from groundup.tokenizer.split import words

CORPUS = ["the cat sat on the mat, the hat that fat cat has, aaaa aaa abab abba the theme " * 4, "é日本語日本語😀😀"]
TOKENIZER = Tokenizer.train(CORPUS, 320)
RANKS = {(a, b): made for a, b, made in TOKENIZER.kind.merges}
MASK = (1 << 64) - 1
texts = some.text("abthe m", max_size=60) | some.text("a", max_size=100) | some.text(max_size=30)
seeds = some.integers(0, MASK)


def mixed(h: int, number: int) -> int:
    """The hash of the compiled loop, from its definition."""
    h = (h ^ number) + 0x9E3779B97F4A7C15 & MASK
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & MASK
    h = (h ^ h >> 27) * 0x94D049BB133111EB & MASK
    return h ^ h >> 31


def plainly(text: str, p: float, seed: int) -> list[int]:
    """Word by word, with the reference."""
    ids, place = [], 0
    for word in map(str.encode, words(text)):
        h = mixed(mixed(0, seed), place)
        ids += bpe.encode_word_with_dropout(
            word, RANKS, p, lambda step, k, h=h: (mixed(mixed(h, step), k) >> 11) * 2.0**-53
        )
        place += len(word)
    return ids


@settings(max_examples=300, deadline=None)
@given(texts, some.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0]), seeds)
def test_dropout_is_the_reference(text, p, seed):
    assert TOKENIZER.encode_with_dropout(text, p, seed).tolist() == plainly(text, p, seed)


@settings(max_examples=100, deadline=None)
@given(texts, seeds)
def test_without_dropout_it_is_encoding_and_with_all_of_it_there_are_bytes(text, seed):
    assert TOKENIZER.encode_with_dropout(text, 0.0, seed).tolist() == TOKENIZER.encode(text).tolist()
    assert TOKENIZER.encode_with_dropout(text, 1.0, seed).tolist() == list(text.encode())


@settings(max_examples=100, deadline=None)
@given(some.binary(max_size=60), some.floats(0, 1), seeds)
def test_no_byte_is_lost(data, p, seed):
    assert TOKENIZER.decode_bytes(TOKENIZER.encode_with_dropout(data, p, seed)) == data


def test_seeds_differ_and_repeat():
    text = CORPUS[0]
    made = [TOKENIZER.encode_with_dropout(text, 0.1, seed).tolist() for seed in (1, 2, 1, -1)]
    assert made[0] == made[2] and made[0] != made[1] and made[3] not in made[:2]


def test_as_many_merges_are_left_out_as_was_asked():
    tokenizer = Tokenizer.train("ab ab", 257)
    left = [len(tokenizer.encode_with_dropout("ab", 0.3, seed)) == 2 for seed in range(4000)]
    assert abs(np.mean(left) - 0.3) < 0.03


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(Problem, match="from 0 to 1"):
        TOKENIZER.encode_with_dropout("the", p, 1)


def test_a_kind_without_merges_says_so():
    class Plain:
        name, tokens, lead = "plain", [b"a"], ""

    with pytest.raises(Problem, match="kind 'plain' merges nothing"):
        Tokenizer(Plain()).encode_with_dropout("a", 0.1, 1)
