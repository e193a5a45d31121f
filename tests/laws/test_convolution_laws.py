"""Laws of short convolutions: a token is mixed with those of its own text alone, and prompts may have any lengths."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.generation.batch import generate
from groundup.generation.cache import Cache
from groundup.model.short_convolution import by_definition, convolved
from tests.model_example import ids, model


@settings(max_examples=40, deadline=None)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), size=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_all_tokens_at_once_are_the_definition_forwards_and_backwards(lengths, size, seed):
    """One row continues a text of any length, the other is several texts."""
    dice, time = torch.Generator().manual_seed(seed), sum(lengths)

    def drawn(*shape):
        return torch.randn(*shape, generator=dice, dtype=torch.float64, requires_grad=True)

    x, weight = drawn(2, size - 1 + time, 5), drawn(5, size)
    positions = torch.stack((torch.arange(time) + seed % 7, torch.cat([torch.arange(length) for length in lengths])))
    found = []
    for way in (by_definition, convolved):
        y = way(x, weight, positions)
        found.append((y, *torch.autograd.grad((y * torch.arange(5)).sum(), (x, weight))))
    for meant, fast in zip(*found, strict=True):
        torch.testing.assert_close(fast, meant, atol=1e-12, rtol=1e-9)


def test_it_is_what_a_convolution_computes():
    x, weight = torch.randn(1, 9, 4), torch.randn(4, 3)
    meant = torch.nn.functional.conv1d(x.transpose(1, 2), weight[:, None], groups=4).transpose(1, 2)
    torch.testing.assert_close(convolved(x, weight, torch.arange(7)[None] + 2), meant)


@pytest.mark.parametrize("shape", ["lfm2", "long convolutions"])
@torch.inference_mode()
def test_a_row_that_is_used_again_remembers_nothing(shape):
    made, cache, text = model(shape), Cache(2), ids(2, 8)
    made(ids(2, 12, seed=5), torch.arange(12)[None], cache.view(slice(0, 2)))
    again = made(text, torch.arange(8)[None], cache.view(slice(0, 2)))
    torch.testing.assert_close(again, made(text), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", ["lfm2", "long convolutions"])
def test_prompts_of_different_lengths_are_answered_as_each_alone(shape):
    made = model(shape)
    assert any(getattr(part, "carries", False) for part in made.modules())
    assert not any(getattr(part, "carries", False) for part in model("qwen3").modules())
    texts = [ids(1, time, seed=time)[0].tolist() for time in (1, 2, 3, 7, 8, 9, 9, 20, 31)]
    alone = [generate(made, [text], 12)[0].ids for text in texts]
    assert [answer.ids for answer in generate(made, texts, 12)] == alone
    assert [answer.ids for answer in generate(made, texts, 12, rows=3)] == alone
