"""Laws of skip-gram: the compiled loop is its definition, equal seeds give equal bits, and words of one role become neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from groundup.errors import Problem
from groundup.model.skipgram import SPAN, SkipGram, chances, cut, keeping, learn, learn_tokens, learn_words
from groundup.tokenizer import Tokenizer

from groundup.kernels import skipgram as kernel  # isort: skip (the line above tells numba of its cache folder)

ROLES = {
    "animal": "cat dog horse sheep hen goat".split(),
    "food": "milk bread cheese soup apples rice".split(),
    "place": "barn kitchen garden field attic cellar".split(),
}


def stories(sentences: int = 1500, seed: int = 0) -> list[str]:
    dice = np.random.default_rng(seed)
    pick = {role: dice.choice(words, sentences) for role, words in ROLES.items()}
    told = zip(*pick.values(), strict=True)
    return [f"the {animal} eats {food} and then sleeps in a {place}." for animal, food, place in told]


def of_one_role(vectors, prefix: str = "") -> float:
    """The share of the nearest words that have the same role."""
    same = [
        near.lstrip("▁") in words
        for words in ROLES.values()
        for word in words
        for near, _ in vectors.nearest(prefix + word, 3)
    ]
    return float(np.mean(same))


@how(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), window=st.integers(1, 4), negatives=st.integers(1, 6), width=st.integers(1, 40))
def test_the_loop_is_its_definition(seed, window, negatives, width):
    dice = np.random.default_rng(seed)
    tokens, ends = dice.integers(0, 9, 60).astype(np.int32), np.array([0, 0, 25, 26, 60])
    counts = np.bincount(tokens, minlength=9) + 1
    x, y = (dice.normal(0, 0.5, (9, width)).astype(np.float32) for _ in range(2))
    given = keeping(counts, 0.05), chances(counts**0.75)
    rest = kernel.sigmoids(), window, negatives, np.array([0.1, 0.001]), 60, 180, np.uint64(seed)
    plain = x.astype(np.float64), y.astype(np.float64)
    before = x.copy()
    kernel.learn(tokens, ends, 0, 4, *given, x, y, *rest)
    kernel.learn_plainly(tokens, ends, 0, 4, *given, *plain, *rest)
    assert np.abs(x - plain[0]).max() < 2e-5 and np.abs(y - plain[1]).max() < 2e-5
    assert np.abs(x - before).max() > 1e-3


def test_the_table_of_sigmoids_is_near_the_formula():
    values = np.linspace(-12, 12, 4001, dtype=np.float32)
    table = kernel.sigmoids()
    assert max(abs(float(kernel.sigmoid(v, table)) - 1 / (1 + np.exp(-float(v)))) for v in values) < 4e-4
    inside = values[abs(values) < 8]
    assert max(abs(float(kernel.sigmoid(v, table)) - 1 / (1 + np.exp(-float(v)))) for v in inside) < 2e-6


def test_words_are_drawn_by_their_weights():
    weights = np.array([5.0, 1, 0.5, 3, 0, 0.5])
    draws, found, state = chances(weights), np.zeros(6), np.uint64(7)
    plainly = kernel.random_numbers(7)
    for _ in range(20_000):
        state, h = kernel.next_random(np.uint64(state))
        token = kernel.drawn(np.uint64(h), draws)
        assert (int(h), token) == (plain := next(plainly), kernel.draw_plainly(plain, draws))
        found[token] += 1
    assert np.abs(found / 20_000 - weights / 10).max() < 0.015 and found[4] == 0


@how(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30))
def test_the_table_of_chances_holds_the_weights(weights):
    draws = chances(np.array(weights))
    stay, other = (draws >> np.uint64(32)).astype(float) / 2**32, (draws & np.uint64(2**32 - 1)).astype(int)
    held = stay + np.bincount(other, 1 - stay, len(weights))
    assert np.allclose(held / len(weights), np.array(weights) / sum(weights), atol=1e-6)


def test_long_texts_are_cut_and_nothing_is_lost():
    lengths = [0, 5, SPAN, SPAN + 1, 3 * SPAN - 1]
    ends = cut([np.zeros(n) for n in lengths])
    assert ends[-1] == sum(lengths) and np.diff(ends).max() == SPAN and set(np.cumsum(lengths)) <= set(ends.tolist())


def test_words_of_one_role_become_neighbours():
    vectors = learn_words(stories(), SkipGram(width=20, window=4, rounds=4, rate=0.05))
    assert of_one_role(vectors) > 0.85 and vectors.words[0] in ("the", "and", "then", "in", "a", ".", "eats", "sleeps")


def test_tokens_of_any_tokenizer_have_vectors():
    texts = stories()
    tokenizer = Tokenizer.train(texts, 400)
    vectors = learn_tokens(texts, tokenizer, SkipGram(width=20, window=4, rounds=4, rate=0.05))
    assert of_one_role(vectors, "▁") > 0.85
    assert set(vectors.words) <= {token.decode(errors="replace").replace(" ", "▁") for token in tokenizer.tokens}


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    texts, asked = stories(200), SkipGram(width=12, rounds=2)
    told = []
    one = learn_words(texts, asked, 3, lambda done, total: told.append((done, total)))
    assert (
        one.table.tobytes()
        == learn_words(texts, asked, 3).table.tobytes()
        != learn_words(texts, asked, 4).table.tobytes()
    )
    assert told[-1][0] == told[-1][1] == 2 * 200 * 11


def test_rare_words_have_no_vector():
    vectors = learn_words([*stories(200), "a zebra"], SkipGram(width=4, least=2, rounds=1))
    assert "zebra" not in vectors.place and "horse" in vectors.place
    with pytest.raises(Problem, match="fewer than two words occur 5 times"):
        learn_words(["one two three"], SkipGram())
    with pytest.raises(Problem, match="fewer than two words"):
        learn([], [], SkipGram())
