"""Hidden words hold their shares, counted over many rows: 80/10/10, words as a whole too, and anew in every epoch."""

import math
from collections import Counter

import numpy as np
import pytest

from groundup.data.tokens.masked import Marks, MaskedPages
from groundup.data.tokens.shards import Shards, Writer

FIRST, AFTER, HIDDEN, PADDING, WORDS = 0, 1, 2, 3, np.arange(4, 64)
ROOM, ROWS, STEPS = 40, 64, 12


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Documents of random tokens; every third of the ids goes on with the word before it."""
    dice, folder = np.random.default_rng(5), tmp_path_factory.mktemp("shards")
    writer = Writer(folder, 64)
    writer.add([dice.choice(WORDS, ROOM) for _ in range(200)], 1)
    writer.close()
    return Shards(folder)


def source(shards, whole_words: bool, share: float = 0.15, seed: int = 1) -> MaskedPages:
    begins = np.ones(64, bool)
    begins[WORDS[::3]] = False
    marks = Marks(FIRST, AFTER, HIDDEN, PADDING, WORDS, begins)
    return MaskedPages(shards, marks, ROWS, ROOM + 2, seed, share=share, whole_words=whole_words)


def within(count: int, of: int, share: float, spread: float = 1.0) -> bool:
    """Whether a count lies within five standard deviations of what a share of so many draws would be."""
    return abs(count - share * of) < 5 * spread * math.sqrt(of * share * (1 - share))


@pytest.mark.parametrize("whole_words", [False, True])
def test_of_the_chosen_eighty_are_hidden_ten_replaced_and_ten_left(shards, whole_words):
    found, made = Counter(), source(shards, whole_words)
    for step in range(STEPS):
        batch = made.batch(step)
        chosen = batch.weights > 0
        ids, targets = batch.ids[chosen], batch.targets[chosen]
        assert np.array_equal(batch.ids[~chosen & (batch.segments > 0)], batch.targets[~chosen & (batch.segments > 0)])
        found["all"] += len(ids)
        found["hidden"] += int((ids == HIDDEN).sum())
        found["left"] += int((ids == targets).sum())
        found["other"] += int(((ids != HIDDEN) & (ids != targets)).sum())
    same = 0.1 / len(WORDS)  # of the replaced, some are replaced by themselves
    assert within(found["hidden"], found["all"], 0.8)
    assert within(found["other"], found["all"], 0.1 - same) and within(found["left"], found["all"], 0.1 + same)


@pytest.mark.parametrize("share", [0.15, 0.4])
@pytest.mark.parametrize("whole_words", [False, True])
def test_a_share_of_every_row_is_chosen_and_every_place_as_often(shards, whole_words, share):
    places, made = np.zeros(ROOM), source(shards, whole_words, share)
    for step in range(STEPS):
        weights = made.batch(step).weights[:, 1:-1]
        counts, wanted = weights.sum(1), round(share * ROOM)
        assert (counts == wanted).all() if not whole_words else (counts <= wanted + 4).all()
        places += weights.sum(0)
    assert abs(places.sum() / (STEPS * ROWS * ROOM) - share) < 0.02
    inside = places[4:-4] / (STEPS * ROWS)  # at the ends a word is cut, and fits more often
    assert abs(inside - inside.mean()).max() < 5 * math.sqrt(share * (1 - share) / (STEPS * ROWS))


def test_whole_words_are_chosen_with_all_their_tokens_and_each_token_rolls_for_itself(shards):
    made, halves = source(shards, True), Counter()
    begins = made.marks.begins
    for step in range(STEPS):
        batch = made.batch(step)
        for row in range(ROWS):
            text, chosen = batch.targets[row, 1:-1], batch.weights[row, 1:-1] > 0
            starts = begins[text].copy()
            starts[0] = True
            words = np.split(np.arange(ROOM), np.flatnonzero(starts)[1:])
            for word in words:
                assert chosen[word].all() or not chosen[word].any()
                if len(word) > 1 and chosen[word].all():
                    hidden = batch.ids[row, 1:-1][word] == HIDDEN
                    halves["mixed" if 0 < hidden.sum() < len(word) else "alike"] += 1
    assert halves["mixed"] > 100 and halves["alike"] > 100


def test_masks_are_dynamic_every_epoch_hides_other_words_of_the_same_text(shards):
    made = source(shards, False)
    epoch = len(made.start) / ROWS
    seen: dict[tuple[int, ...], list[np.ndarray]] = {}
    for step in range(math.ceil(4 * epoch)):
        batch = made.batch(step)
        for text, weights in zip(batch.targets, batch.weights, strict=True):
            seen.setdefault(tuple(text.tolist()), []).append(weights > 0)
    overlaps = [float((one & two).sum() / one.sum()) for one, two, *_ in seen.values()]
    assert len(seen) == 200 and abs(np.mean(overlaps) - 0.15) < 0.05
