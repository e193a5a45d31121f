"""What an encoder-decoder costs by formula equals what it costs when counted."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from groundup.model import cost, encoder_decoder_cost
from groundup.model.folder import bare
from tests.encoder_decoder_example import SHAPES, TinyCache, ids, model, settings

MORE = [
    {"biases": "qkv", "kv_heads": 2}, {"qk_norm": True}, {"qk_norm": "whole"}, {"positions": "learned"}, {"tied": False},
    {"feedforward": "geglu", "biases": True}, {"norm_place": "post"}, {"positions": "rotary"},
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_parameters_are_counted_without_building(shape):
    for changed in [{}, *MORE]:
        asked = settings(shape, **changed)
        counted = sum(value.numel() for value in bare(asked).parameters())
        assert encoder_decoder_cost.parameters(asked) == cost.parameters(asked) == counted, changed
        assert cost.matrices(asked) == encoder_decoder_cost.matrices(asked)


@pytest.mark.parametrize("shape", SHAPES)
def test_arithmetic_is_what_torch_counts(shape):
    made, source, target = model(shape), ids(2, 20), ids(2, 12, seed=3)
    with FlopCounterMode(display=False) as counter:
        loss = made(source, target).sum()
    assert counter.get_total_flops() == 2 * encoder_decoder_cost.flops(made.settings, 20, 12)
    with FlopCounterMode(display=False) as back:
        loss.backward()
    both = counter.get_total_flops() + back.get_total_flops()
    assert both == 2 * encoder_decoder_cost.flops(made.settings, 20, 12, backward=True)


@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_a_cache_takes_what_was_said(shape):
    made, cache = model(shape), TinyCache(2, 3)
    made.decode(ids(3, 11), made.encode(ids(3, 7)), cache=cache)
    held = [*cache.k, *cache.v, *(value for (_, name), value in cache.kept.items() if name != "source_mask")]
    assert sum(value.nbytes for value in held) == 3 * encoder_decoder_cost.kv_bytes(made.settings, 7, 11)
