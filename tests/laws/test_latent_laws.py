"""Laws of latent attention: keys and values need never be made, and a cache keeps nothing but latents."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from groundup.generation.cache import Cache
from groundup.model.attention import ATTENTIONS
from groundup.model.latent_attention import LatentAttention, absorbed, expanded
from groundup.model.settings import ModelSettings
from groundup.model.sight import Sight
from tests.model_example import ids, model


@settings(max_examples=30, deadline=None)
@given(
    heads=st.integers(1, 4),
    time=st.integers(1, 6),
    earlier=st.integers(0, 5),
    attention=st.sampled_from(list(ATTENTIONS)),
    cap=st.sampled_from([0.0, 2.0]),
    seed=st.integers(0, 10**6),
)
def test_absorbed_is_expanded_forwards_and_backwards(heads, time, earlier, attention, cap, seed):
    dice, slots = torch.Generator().manual_seed(seed), time + earlier

    def drawn(*shape):
        return torch.randn(*shape, generator=dice, dtype=torch.float64, requires_grad=True)

    q, latents, turned, matrix = (
        drawn(2, heads, time, 9),
        drawn(2, 1, slots, 7),
        drawn(2, 1, slots, 4),
        drawn(heads, 8, 7),
    )
    sight = Sight.where(torch.arange(slots) <= torch.arange(earlier, slots)[:, None], q.detach())
    found = []
    for way in (expanded, absorbed):
        y = way(ATTENTIONS[attention], q, latents, turned, matrix, sight, 0.3, cap)
        assert y.shape == (2, heads, time, 3)
        found.append((y, *torch.autograd.grad((y * torch.arange(3)).sum(), (q, latents, turned, matrix))))
    for meant, fast in zip(*found, strict=True):
        torch.testing.assert_close(fast, meant, atol=1e-10, rtol=1e-8)


@torch.inference_mode()
def test_both_ways_are_taken_and_a_cache_keeps_only_latents():
    latent = {"query_rank": 24, "kv_rank": 40, "rope": 8, "plain": 12}
    made, cache, text = model("deepseek v3", latent=latent), Cache(2), ids(2, 60)
    attention = made.model.layers[0].self_attn
    assert isinstance(attention, LatentAttention)
    assert attention.cheaper_absorbed(1) and not attention.cheaper_absorbed(59)
    first = made(text[:, :59], torch.arange(59)[None], cache.view(slice(0, 2)))
    then = made(text[:, 59:], torch.tensor([[59]]), cache.view(slice(0, 2)))
    torch.testing.assert_close(torch.cat((first, then), 1), made(text), atol=2e-5, rtol=1e-4)
    shapes = [tuple(tensor.shape[1:]) for tensor in (*cache.k.values(), *cache.v.values())]
    assert shapes == [(1, 64, 40)] * 2 + [(1, 64, 8)] * 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"pattern": ["latent"]}, "latent: the table `latent` and the pattern"),
        ({"latent": {}}, "pattern: the table `latent` and the pattern"),
        ({"latent": {}, "pattern": ["latent", "full"]}, "no other attention beside them"),
        ({"latent": {}, "pattern": ["latent"], "head_width": 32}, "head_width: is 32, and"),
        ({"latent": {}, "pattern": ["latent"], "heads": 4, "kv_heads": 2}, "kv_heads: latent layers"),
        ({"latent": {"rope": 7}, "pattern": ["latent"]}, "7 must be even"),
        ({"latent": {}, "pattern": ["latent"], "positions": "alibi"}, "say rotary"),
        ({"latent": {"kv_rank": 0}, "pattern": ["latent"]}, "kv_rank"),
    ],
)
def test_latents_that_do_not_fit_are_refused_in_a_sentence(values, said):
    with pytest.raises(ValidationError, match=said):
        ModelSettings(**values)
