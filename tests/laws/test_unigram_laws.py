"""Laws of unigram: the best segmentation is the best, learning never loses likelihood, chance is fair, the fast way is the slow one."""

from collections import Counter
from math import exp, log

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from groundup.tokenizer import Tokenizer, fast_unigram, fast_unigram_training, unigram
from groundup.tokenizer.classes import read_classes

LETTERS = "abcé日 ▁"
CORPUS = [
    "the cat sat on the mat, the dog's hat isn't that\n\n  fat 1234 " * 3,
    "aaaa aaa aa abab ABBA don't we'll é日本語日本語😀😀",
]
SPECIALS = ["<|end|>", "<|user|>"]
WAYS = {
    "marked": {},
    "unmarked": {"marked": False},
    "unknown": {"byte_fallback": False, "lead": False},
    "small letters": {"normalize": ["NFKC", "Lowercase"], "lead": False},
}
TOKENIZERS = {
    name: Tokenizer.train(CORPUS, 340, kind="unigram", specials=SPECIALS, min_frequency=1, **way)
    for name, way in WAYS.items()
}
EXACT = ["marked", "unmarked"]
corpora = some.dictionaries(some.text("abcé日", min_size=1, max_size=8), some.integers(1, 9), min_size=1, max_size=30)
vocabularies = some.dictionaries(
    some.text("abé", min_size=1, max_size=4), some.floats(-12, -0.1), min_size=1, max_size=12
)
tricky = some.text(" \t\r\n'sStTaé1٣½🙂.,_\u0300\u200d\u00a0\u0085日K", max_size=40)


def all_segmentations(text: str) -> list[list[str]]:
    """Every way of cutting a text."""
    return (
        [[text[:k], *rest] for k in range(1, len(text) + 1) for rest in all_segmentations(text[k:])] if text else [[]]
    )


def worth(pieces: list[str], scores: dict[str, float], unknown: float) -> float:
    """The log probability of a segmentation; of what is no piece, single characters alone are possible."""
    return sum(scores.get(piece, unknown if len(piece) == 1 else -1e9) for piece in pieces)


def encoder(scores: dict[str, float], unknown: float, cut: str = "whole") -> fast_unigram.Encoder:
    """With the numbers of the scores as ids, and one more for the unknown."""
    pieces, values = [piece.encode() for piece in scores], np.array([*scores.values(), 0.0])
    return fast_unigram.Encoder(pieces, range(len(pieces)), values, unknown, None, len(pieces), cut, read_classes())


def numbered(pieces: list[str], scores: dict[str, float]) -> list[int]:
    """The ids of pieces, one for a run of unknown characters."""
    numbers = {piece: number for number, piece in enumerate(scores)}
    ids = [numbers.get(piece, len(scores)) for piece in pieces]
    return [token for k, token in enumerate(ids) if token < len(scores) or k == 0 or ids[k - 1] != token]


@settings(max_examples=150, deadline=None)
@given(some.text("abéx", max_size=8), vocabularies)
def test_the_likeliest_segmentation_is_the_best_of_all(text, scores):
    unknown = min(scores.values()) - 10
    best = max(worth(pieces, scores, unknown) for pieces in all_segmentations(text))
    found = unigram.segmented(text, scores, unknown, 4)
    assert "".join(found) == text and worth(found, scores, unknown) == pytest.approx(best, abs=1e-9)


def test_sums_of_four_bytes_decide_where_sentencepiece_lets_them():
    """After ten thousand pieces, sums of four bytes no longer tell 0.0001 apart: the segmentation found first stays."""
    scores = {"x": -3.1, "a": -1.0, "aa": -2.0001}
    text = b"x" * 10_000 + b"aa"
    exact, rounded = ([*encoder(scores, -20.0, cut).encode_many([text])[0]] for cut in ("whole", "rounded"))
    assert exact[-2:] == [1, 1] and rounded[-2:] == [0, 2]


@settings(max_examples=150, deadline=None)
@given(some.text("abéx😀", max_size=30), vocabularies)
def test_fast_segmentation_is_the_reference(text, scores):
    unknown = min(scores.values()) - 10
    expected = numbered(unigram.segmented(text, scores, unknown, 4), scores)
    assert encoder(scores, unknown).encode_many([text.encode()])[0].tolist() == expected


@settings(max_examples=150, deadline=None)
@given(
    some.text("abéx😀", max_size=20),
    vocabularies,
    some.sampled_from([0.0, 0.2, 1.0]),
    some.randoms(use_true_random=False),
)
def test_fast_sampling_is_the_reference(text, scores, alpha, draw):
    unknown, chance = min(scores.values()) - 10, [draw.random() for _ in text]
    expected = numbered(unigram.sampled(text, scores, unknown, 4, alpha, chance), scores)
    a_byte = np.array([number for number, letter in zip(chance, text, strict=True) for _ in letter.encode()])
    assert encoder(scores, unknown).sample(text.encode(), alpha, a_byte).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(corpora)
def test_learning_never_lowers_the_likelihood(words):
    pieces, before = unigram.seeds(words, 100, 1, 5), -float("inf")
    for _ in range(6):
        used, likelihood = unigram.expected_counts(words, pieces, 5)
        assert likelihood >= before - 1e-6 * abs(likelihood)
        pieces, before = unigram.maximized(used), likelihood


@settings(max_examples=60, deadline=None)
@given(corpora)
def test_expected_counts_are_those_of_all_segmentations(words):
    pieces = unigram.seeds(words, 100, 1, 5)
    expected = Counter[str]()
    for word, count in words.items():
        ways = [way for way in all_segmentations(word) if all(piece in pieces for piece in way)]
        shares = [exp(sum(log(pieces[piece]) for piece in way)) for way in ways]
        for way, share in zip(ways, shares, strict=True):
            for piece in way:
                expected[piece] += count * share / sum(shares)
    used, _ = unigram.expected_counts(words, pieces, 5)
    assert used == pytest.approx(dict.fromkeys(pieces, 0.0) | expected, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(corpora, some.integers(1, 12), some.integers(1, 4), some.integers(1, 3))
def test_fast_training_is_the_reference(words, more, longest, min_frequency):
    words = dict(sorted(words.items()))
    size = len(set().union(*words)) + more
    expected = unigram.train(words, size, 80, min_frequency, longest)
    found = fast_unigram_training.train(words, size, 80, min_frequency, longest)
    assert [piece for piece, _ in found] == [piece for piece, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected])
    assert len(found) <= size and set().union(*words) <= {piece for piece, _ in found}


def test_samples_come_as_often_as_the_lattice_says():
    scores = {"a": -2.0, "b": -2.5, "ab": -3.0, "ba": -2.8, "aba": -4.0}
    weights = {}
    for pieces in all_segmentations("abab"):
        if all(piece in scores for piece in pieces):
            weights[tuple(numbered(pieces, scores))] = exp(0.7 * worth(pieces, scores, -99))
    fast, drawn, draw = encoder(scores, -99), Counter(), np.random.default_rng(4)
    for _ in range(4000):
        drawn[tuple(fast.sample(b"abab", 0.7, draw.random(4)).tolist())] += 1
    assert set(drawn) == set(weights)
    for pieces, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(drawn[pieces] / 4000 - share) < 5 * (share * (1 - share) / 4000) ** 0.5


@settings(max_examples=200, deadline=None)
@given(
    some.text(some.characters(exclude_categories=["Cs"], exclude_characters="▁"), max_size=60) | tricky,
    some.sampled_from(EXACT),
)
def test_decoding_gives_all_text_back(text, way):
    tokenizer = TOKENIZERS[way]
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.sample(text, 0.3, 5)) == text


@settings(max_examples=200, deadline=None)
@given(some.binary(max_size=60))
def test_decoding_gives_all_bytes_back(data):
    assume("▁".encode() not in data)
    for way in EXACT:
        assert TOKENIZERS[way].decode_bytes(TOKENIZERS[way].encode(data)) == data


@settings(max_examples=200, deadline=None)
@given(
    some.lists(
        some.sampled_from(["<|end|>", "<|user|>", "<|", "end", "<unk>", "<0x41>", "<0x", "41>", " ", "é", "ж"]),
        max_size=12,
    )
)
def test_no_text_becomes_a_special_token_or_the_name_of_a_byte(pieces):
    text = "".join(pieces)
    for way, tokenizer in TOKENIZERS.items():
        ids = tokenizer.encode(text)
        assert all(token < tokenizer.size for token in ids.tolist())
        if way in EXACT:
            assert tokenizer.decode(ids) == text and tokenizer.kind.unknown not in ids


@settings(max_examples=50, deadline=None)
@given(some.lists(tricky, max_size=20), some.sampled_from(list(WAYS)))
def test_many_texts_at_once_are_each_alone(texts, way):
    tokenizer = TOKENIZERS[way]
    together = tokenizer.encode_many(texts, threads=2)
    assert [ids.tolist() for ids in together] == [tokenizer.encode(text).tolist() for text in texts]
