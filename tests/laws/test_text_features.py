"""Laws of the learned filters' loops: each is its definition, and learning and counting hang on nothing but their input."""

import numpy as np
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from groundup.data.filters.classifier import FeatureSettings, LearningSettings, fit, packed
from groundup.data.filters.perplexity import Counting, LetterSettings, symbols_of

from groundup.kernels import letter_model, softmax, text_features  # isort: skip (numba's cache folder is told above)

WORDS = st.sampled_from("the cat Äpfel 中文 кот don't 3.14 １２ 🎈 ไทย x".split())
TEXTS = st.one_of(
    st.text(max_size=40), st.lists(WORDS, max_size=8).map(" ".join), st.lists(WORDS, max_size=6).map("".join)
)
SHAPES = st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(0, 4), st.integers(8, 24))


@how(max_examples=150, deadline=None)
@given(text=TEXTS, shape=SHAPES)
def test_features_are_their_definition(text, shape):
    found = text_features.features(text_features.points_of(text), *shape)
    assert sorted(found.tolist()) == sorted(bucket for _, bucket in text_features.features_plainly(text, *shape))


@how(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=60))
def test_weights_of_features_are_their_definition_and_leave_the_counts_at_zero(ids):
    given, counts = np.array(ids, np.uint32), np.zeros(31, np.int32)
    distinct, weights = text_features.weighed(given, counts)
    found = dict(zip(given[:distinct].tolist(), weights.tolist(), strict=True))
    plain = text_features.weighed_plainly(ids)
    assert found.keys() == plain.keys() and not counts.any()
    assert all(abs(found[bucket] - plain[bucket]) < 1e-5 for bucket in plain)


@how(max_examples=25, deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=6),
    labels=st.integers(2, 4),
    decay=st.sampled_from([0.0, 0.01]),
    seed=st.integers(0, 2**32),
)
def test_learning_and_judging_are_their_definitions(texts, labels, decay, seed):
    dice, shape = np.random.default_rng(seed), (2, 1, 3, 9)
    right, order = dice.integers(0, labels, len(texts)), dice.permutation(len(texts))
    counts_for = dice.uniform(0.5, 2, labels).astype(np.float32)
    state = [np.zeros(shaped, np.float32) for shaped in ((512, labels), labels, (512, labels), labels)]
    plain = [array.astype(np.float64) for array in state]
    rates = np.array([0.3, 0.1])
    for _ in range(3):
        softmax.learn(*packed(texts, 1000), right, order, shape, *state, rates, decay, counts_for)
        softmax.learn_plainly(texts, right, order, shape, *plain, rates, decay, counts_for)
    assert max(np.abs(a - b).max() for a, b in zip(state, plain, strict=True)) < 2e-3
    assert np.abs(state[0]).max() > 0.01
    found = softmax.score(*packed(texts, 1000), shape, *state[:2])
    told = [softmax.chances_plainly(text, shape, state[0], state[1]) for text in texts]
    assert np.abs(found - np.array(told)).max() < 1e-4


def test_equal_seeds_give_equal_bits_and_the_order_matters():
    texts = [f"{word} {n % 7} {'abc' * (n % 5)}" for n in range(60) for word in ("mill", "river")]
    labels = ["ab"[n % 3 == 0] for n in range(120)]
    given = texts, labels, FeatureSettings(bits=10), LearningSettings(rounds=2)
    one, again, other = (fit(*given, seed) for seed in (1, 1, 2))
    assert one.weights.tobytes() == again.weights.tobytes() != other.weights.tobytes()


SMALL = st.text(alphabet="ab c1 9\nÄ中", max_size=30)


@how(max_examples=60, deadline=None)
@given(texts=st.lists(SMALL, max_size=5), asked=SMALL, order=st.integers(1, 5))
def test_the_model_of_letters_is_its_definition(texts, asked, order):
    counting = Counting(LetterSettings(order=order, bits=12))
    for text in texts:
        counting.add(text)
    runs = letter_model.count_plainly([written(text) for text in texts], order)
    assert not counting.full
    found = letter_model.bits(symbols_of(asked), order, *counting.tables)
    assert np.allclose(found, letter_model.bits_plainly(written(asked), order, runs), atol=1e-4)


@how(max_examples=20, deadline=None)
@given(texts=st.lists(SMALL, min_size=1, max_size=4), context=SMALL)
def test_the_chances_of_all_characters_after_a_context_sum_to_1(texts, context):
    runs = letter_model.count_plainly([written(text) for text in texts], 3)
    seen = sorted({run for run in runs if len(run) == 1})
    bits = [letter_model.bits_plainly(written(context)[-2:] + c, 3, runs)[-1] for c in seen]
    unseen = letter_model.bits_plainly(written(context)[-2:] + "ø", 3, runs)[-1]
    assert abs(sum(2.0**-b for b in bits) + (65536 - len(seen)) * 2.0**-unseen - 1) < 1e-6


def written(text):
    return "".join(map(chr, symbols_of(text)))


def test_a_table_that_is_full_says_so_and_still_ends():
    counting = Counting(LetterSettings(order=5, bits=10))
    counting.add(" ".join(chr(0x4E00 + n) for n in range(2000)))
    assert counting.full and np.isfinite(letter_model.bits(symbols_of("never seen"), 5, *counting.tables)).all()
