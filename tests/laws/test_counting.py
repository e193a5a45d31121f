"""Counting tokens, pairs and triples is its definition, and says what a text's order is worth."""

from collections import Counter

import numpy as np
import pytest

from groundup.evaluation.counting import PULL, by_counts


def by_definition(learnt: list[int], held: list[int], length: int, vocabulary: int) -> list[float]:
    """For each place of `held` that has two tokens before it, the share of its token."""
    if not length:
        return [1 / vocabulary] * (len(held) - 2)
    shorter = by_definition(learnt, held, length - 1, vocabulary)
    whole = Counter(tuple(learnt[at - length + 1 : at + 1]) for at in range(length - 1, len(learnt)))
    followed = Counter(tuple(learnt[at - length + 1 : at]) for at in range(length - 1, len(learnt)))
    found = []
    for at, less in zip(range(2, len(held)), shorter, strict=True):
        context, token = tuple(held[at - length + 1 : at]), held[at]
        found.append((whole[(*context, token)] + PULL * less) / (followed[context] + PULL))
    return found


def test_losses_are_those_of_the_definition():
    dice = np.random.default_rng(1)
    learnt, held = dice.integers(0, 5, 400), dice.integers(0, 5, 60)
    told = by_counts(learnt, held)
    for length, loss in enumerate(told, 1):
        shares = by_definition(learnt.tolist(), held.tolist(), length, 5)
        assert loss == pytest.approx(
            -np.log(shares).mean(), rel=0.01
        )  # the first tokens count as if zeros stood before


def test_a_text_that_two_tokens_decide_is_foretold_by_triples_alone():
    bits = [0, 0]
    for _ in range(3000):
        bits.append(int(np.random.default_rng(len(bits)).random() < (0.95 if bits[-1] == bits[-2] else 0.05)))
    alone, pairs, triples = by_counts(np.array(bits[:2500]), np.array(bits[2500:]))
    assert pairs > triples + 0.3 and abs(alone - np.log(2)) < 0.1


def test_tokens_that_were_never_seen_cost_much_and_not_everything():
    told = by_counts(np.zeros(100, np.int64), np.full(10, 7))
    assert all(3 < loss < 20 for loss in told)
