"""Mamba is that of Hugging Face's transformers: numbers, gradients, what it writes."""

import pytest
import torch
from torch.nn import functional as F
from transformers import MambaConfig, MambaForCausalLM

from groundup.model.mamba_settings import MambaSettings
from groundup.model.state import SegmentMemory
from groundup.model.stateful import StatefulModel
from tests.stateful_example import ids, settings

SHAPES = {
    "as published": MambaConfig(vocab_size=90, hidden_size=32, state_size=16, num_hidden_layers=2, eos_token_id=None),
    "all sizes its own": MambaConfig(
        vocab_size=90, hidden_size=24, state_size=5, num_hidden_layers=3, expand=3, conv_kernel=3, time_step_rank=4,
        use_bias=True, use_conv_bias=False, tie_word_embeddings=False, layer_norm_epsilon=1e-3, eos_token_id=None,
    ),
}  # fmt: skip
NAMES = {
    "backbone.embeddings": "model.embed_tokens",
    "backbone.layers": "model.layers",
    "backbone.norm_f": "model.norm",
}


def ours_name(name: str) -> str:
    for theirs, ours in NAMES.items():
        name = name.replace(theirs, ours)
    return name.replace(".norm.weight", ".input_layernorm.weight") if ".layers." in name else name


@pytest.fixture(params=SHAPES)
def pair(request):
    config = SHAPES[request.param]
    theirs = MambaForCausalLM(config).eval()
    dice = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=dice) * 0.3)
    only = MambaSettings(
        state=config.state_size, expand=config.expand, kernel=config.conv_kernel, rank=config.time_step_rank,
        conv_bias=config.use_conv_bias,
    )  # fmt: skip
    shape = settings(
        "mamba", width=config.hidden_size, depth=config.num_hidden_layers, tied=config.tie_word_embeddings, mamba=only,
        biases=config.use_bias, eps=config.layer_norm_epsilon,
    )  # fmt: skip
    ours = StatefulModel(shape).eval()
    weights = {ours_name(name): value for name, value in theirs.state_dict().items()}
    if config.tie_word_embeddings:
        del weights["lm_head.weight"]
    ours.load_state_dict(weights)
    return ours, theirs


@pytest.mark.parametrize("way", ["steps", "plain"])
@torch.inference_mode()
def test_logits_are_equal(pair, way):
    ours, theirs = pair
    ours.attention = way
    mine, expected = ours(ids(2, 40)), theirs(ids(2, 40)).logits
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()


@torch.inference_mode()
def test_the_likeliest_continuation_is_the_same_for_64_tokens(pair):
    ours, theirs = pair
    prompt = ids(1, 10)
    memory, written = SegmentMemory(1), [prompt]
    for _ in range(64):
        written.append(memory.read(ours, written[-1])[:, -1:].argmax(-1))
    expected = theirs.generate(prompt, max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=0)
    assert torch.equal(torch.cat(written, 1), expected)


def test_gradients_are_equal(pair):
    ours, theirs = pair
    text = ids(2, 20)
    F.cross_entropy(ours(text).flatten(0, 1), text.flatten()).backward()
    F.cross_entropy(theirs(text).logits.flatten(0, 1), text.flatten()).backward()
    expected = {ours_name(name): value.grad for name, value in theirs.named_parameters()}
    largest = max(value.abs().max() for value in expected.values())
    for name, value in ours.named_parameters():
        assert value.grad.abs().max() > 0
        assert (value.grad - expected[name]).abs().max() <= 1e-4 * min(largest, 10 * expected[name].abs().max()), name
