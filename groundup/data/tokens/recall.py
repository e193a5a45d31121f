"""A test of memory without a language: somewhere a key is shown with its value, later the key is asked for.

A token is a pair (key and value in one), a question (a key) or a filler that means nothing. The same key has another
value in each text, so nothing can be learnt by heart: the answer must be looked up, however far back it stands. One pair in
a text is the needle in the haystack, eight are associative recall (Ba et al. 2016, Arora et al. 2023).
"""

from collections.abc import Sequence

import numpy as np

from groundup.data.tokens.batches import Batch
from groundup.data.tokens.order import key

KEYS = 8  # and as many values: the answers, tokens 0 to 7, are the pairs of the first key
FILLERS = 16
QUESTION, FILLER = KEYS * KEYS, KEYS * KEYS + KEYS  # the first token of each sort
VOCABULARY = FILLER + FILLERS
KINDS = {"needle": 1, "associative": KEYS}  # pairs in a text
ASKED = 0.25  # share of the tokens that are questions, once there is something to ask for


class Recall:
    """Batches of such texts: half of the rows hold a needle, half all keys."""

    def __init__(self, rows: int, time: int, seed: int):
        self.rows, self.time, self.seed = rows, time, seed

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step; only answers have a weight."""
        dice = np.random.default_rng(key(self.seed, "recall", step))
        pairs = np.where(np.arange(self.rows) % 2, *reversed(KINDS.values()))
        ids, targets, weights = texts(dice, pairs, self.time)
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        return Batch(ids[which], targets[which], weights[which])


def texts(dice: np.random.Generator, pairs: np.ndarray, time: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """pairs int (rows) -> ids, answers, weights (rows, time): pairs in the first half, questions behind them."""
    rows = len(pairs)
    value = dice.integers(0, KEYS, (rows, KEYS))
    keys = dice.permuted(np.tile(np.arange(KEYS), (rows, 1)), axis=1)
    places = np.argsort(dice.random((rows, time // 2)), axis=1)[:, :KEYS]  # of the first, second, … pair
    places[np.arange(KEYS) >= pairs[:, None]] = time  # those that this text does not have
    ids = dice.integers(FILLER, VOCABULARY, (rows, time))
    targets, weights = np.zeros((rows, time), np.int64), np.zeros((rows, time), np.float32)
    asked, which = dice.random((rows, time)) < ASKED, dice.random((rows, time))
    every = np.arange(rows)
    for at in range(time):
        shown = places < at
        count = shown.sum(1)
        chosen = np.argsort(~shown, axis=1, kind="stable")[every, (which[:, at] * count).astype(int)]
        asks = asked[:, at] & (count > 0)
        ids[asks, at] = QUESTION + keys[every, chosen][asks]
        targets[asks, at] = value[every, keys[every, chosen]][asks]
        weights[asks, at] = 1
        row, place = np.nonzero(places == at)
        ids[row, at] = keys[row, place] * KEYS + value[row, keys[row, place]]
        weights[row, at] = 0
    return ids, targets, weights


def at_distance(dice: np.random.Generator, kind: str, distance: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts (rows, time) whose last token asks for what stands `distance` before it, and the answers (rows).

    Other pairs stand before that one: all are as far or further.
    """
    count = KINDS[kind]
    value = dice.integers(0, KEYS, (rows, KEYS))
    keys = dice.permuted(np.tile(np.arange(KEYS), (rows, 1)), axis=1)[:, :count]
    shown = keys * KEYS + np.take_along_axis(value, keys, 1)
    fillers = dice.integers(FILLER, VOCABULARY, (rows, distance - 1))
    question = QUESTION + keys[:, -1:]
    answers = np.take_along_axis(value, keys[:, -1:], 1)[:, 0]
    return np.concatenate((shown, fillers, question), 1), answers
