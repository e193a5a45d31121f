"""The measurement that every objective is made of: log-probabilities, exact and with exact gradients."""

import numpy as np
import pytest
import torch

from groundup.data.tokens.batches import Batch
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.likelihood import foretold, log_probability, log_probability_by_definition


@pytest.mark.parametrize("vocabulary", [3, 300, 5000])
def test_the_fast_log_probability_is_the_definition(vocabulary):
    logits = (torch.randn(700, vocabulary) * 5).requires_grad_()
    targets, upstream = torch.randint(vocabulary, (700,)), torch.randn(700)
    fast, slow = log_probability(logits, targets), log_probability_by_definition(logits, targets)
    torch.testing.assert_close(fast, slow)
    gradients = [torch.autograd.grad((way * upstream).sum(), logits)[0] for way in (fast, slow)]
    torch.testing.assert_close(*gradients)


def test_its_gradient_is_that_of_a_difference():
    logits, targets = torch.randn(5, 7, dtype=torch.float64, requires_grad=True), torch.randint(7, (5,))
    assert torch.autograd.gradcheck(lambda x: log_probability(x, targets), logits)


def test_half_precise_logits_give_full_precise_log_probabilities():
    logits, targets = (torch.randn(50, 900) * 3).bfloat16().requires_grad_(), torch.randint(900, (50,))
    told = log_probability(logits, targets)
    assert told.dtype == torch.float32
    torch.testing.assert_close(told, log_probability_by_definition(logits, targets))
    slope = torch.autograd.grad(told.sum(), logits)[0]
    expected = torch.autograd.grad(log_probability_by_definition(logits, targets).sum(), logits)[0]
    torch.testing.assert_close(slope, expected, atol=1e-6, rtol=1e-2)


def test_logits_are_left_as_they_were():
    logits, targets = torch.randn(9, 11), torch.randint(11, (9,))
    before = logits.clone()
    log_probability(logits, targets)
    assert torch.equal(logits, before)


@pytest.mark.parametrize("size", [1e4, 3e38])
def test_huge_logits_do_not_overflow(size):
    told = log_probability(torch.tensor([[size, 0.0]]), torch.tensor([0]))
    assert told.item() == 0.0


def test_positions_without_weight_change_nothing():
    model = Transformer(ModelSettings(depth=1, width=32, vocabulary=50), seed=1)
    model.model.embed_tokens.weight.data.normal_()
    ids = np.random.default_rng(0).integers(0, 50, (2, 9))
    weights = np.zeros((2, 8), np.float32)
    weights[0, 3], weights[1, 6:] = 1, 1
    some = foretold(model, Batch(ids[:, :-1], ids[:, 1:], weights))
    every = foretold(model, Batch(ids[:, :-1], ids[:, 1:], np.ones_like(weights)))
    torch.testing.assert_close(some, every[torch.from_numpy(np.flatnonzero(weights))])
