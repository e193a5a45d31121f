"""Softmax regression over the features of texts, learnt one text after another: the fast form of `learn_plainly`.

A label's score is the sum of its weights at a text's buckets; the chances of the labels are the softmax of the scores. A
step goes down on -log of the right label's chance, each weight at its own pace (Adagrad, Duchi et al. 2011). One thread,
one order: the same texts and seed give the same bits.
"""

import math

import numpy as np
from numba import njit

from groundup.kernels.compiled import loop
from groundup.kernels.text_features import features, features_plainly, weighed, weighed_plainly

TINY = 1e-8  # keeps the first step of a weight finite

# Without Python's look-out for divisions by 0 (there are none) several lanes of the processor work on a row.
lanes = njit(cache=True, nogil=True, error_model="numpy")


@lanes
def _add(out, row, value):
    """out += value * row."""
    for label in range(len(out)):
        out[label] += value * row[label]


@lanes
def _step(row, squares, pull, value, rate, decay):
    """One step of Adagrad for the weights of a bucket."""
    tiny = np.float32(TINY)
    for label in range(len(row)):
        slope = pull[label] * value + decay * row[label]
        square = squares[label] + slope * slope
        squares[label] = square
        row[label] -= rate * slope / np.sqrt(square + tiny)


@lanes
def chances(ids, values, count, weights, bias, out):
    """Of each label (labels,) float32, for the first `count` of a text's buckets and their values."""
    out[:] = bias
    for k in range(count):
        _add(out, weights[ids[k]], values[k])
    highest = out.max()
    total = np.float32(0)
    for label in range(len(out)):
        out[label] = math.exp(out[label] - highest)
        total += out[label]
    for label in range(len(out)):
        out[label] /= total


@lanes
def learn(points, ends, labels, order, shape, weights, bias, squares, bias_squares, rates, decay, counts_for):
    """One reading of texts points[ends[t]:ends[t + 1]] in an order; weights (buckets, labels) and the rest change in place.

    shape: (words, low, high, bits) of the features; rates: the first and the last; decay: of the weights that a text
    touches, towards 0; counts_for (labels,): how much a text of a label counts.
    """
    words, low, high, bits = shape
    seen = np.zeros(len(weights), np.int32)
    chance = np.empty(len(bias), np.float32)
    tiny, decay = np.float32(TINY), np.float32(decay)
    loss = 0.0
    for place in range(len(order)):
        t = order[place]
        ids = features(points[ends[t] : ends[t + 1]], words, low, high, bits)
        count, values = weighed(ids, seen)
        chances(ids, values, count, weights, bias, chance)
        right = labels[t]
        loss -= math.log(max(chance[right], 1e-30))
        chance[right] -= np.float32(1)
        rate = np.float32(rates[0] + (rates[1] - rates[0]) * place / len(order))
        for label in range(len(bias)):
            chance[label] *= counts_for[right]
            bias_squares[label] += chance[label] * chance[label]
            bias[label] -= rate * chance[label] / np.sqrt(bias_squares[label] + tiny)
        for k in range(count):
            _step(weights[ids[k]], squares[ids[k]], chance, values[k], rate, decay)
    return loss / max(1, len(order))


@loop
def score(points, ends, shape, weights, bias):
    """The chances of the labels for each text (texts, labels) float32."""
    words, low, high, bits = shape
    seen = np.zeros(len(weights), np.int32)
    found = np.empty((len(ends) - 1, len(bias)), np.float32)
    for t in range(len(found)):
        ids = features(points[ends[t] : ends[t + 1]], words, low, high, bits)
        count, values = weighed(ids, seen)
        chances(ids, values, count, weights, bias, found[t])
    return found


@loop
def score_one(points, shape, weights, bias, seen):
    """The chances of one text's labels (labels,) float32; seen: zeros, one for each bucket, used again and again."""
    words, low, high, bits = shape
    found = np.empty(len(bias), np.float32)
    ids = features(points, words, low, high, bits)
    count, values = weighed(ids, seen)
    chances(ids, values, count, weights, bias, found)
    return found


def chances_plainly(text: str, shape, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """`chances` as its definition says it."""
    found = weighed_plainly([bucket for _, bucket in features_plainly(text, *shape)])
    scores = bias.astype(float) + sum((value * weights[bucket] for bucket, value in found.items()), 0.0)
    likely = np.exp(scores - scores.max())
    return likely / likely.sum()


def learn_plainly(
    texts: list[str], labels, order, shape, weights, bias, squares, bias_squares, rates, decay, counts_for
) -> None:
    """`learn` as its definition says it."""
    for place, t in enumerate(order):
        rate = rates[0] + (rates[1] - rates[0]) * place / len(order)
        found = weighed_plainly([bucket for _, bucket in features_plainly(texts[t], *shape)])
        wanted = np.eye(len(bias))[labels[t]]
        pull = (chances_plainly(texts[t], shape, weights, bias) - wanted) * counts_for[labels[t]]
        bias_squares += pull**2
        bias -= rate * pull / np.sqrt(bias_squares + TINY)
        for bucket, value in found.items():
            slope = pull * value + decay * weights[bucket]
            squares[bucket] += slope**2
            weights[bucket] -= rate * slope / np.sqrt(squares[bucket] + TINY)
