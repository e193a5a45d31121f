"""Mamba is that of Hugging Face's transformers: numbers, gradients, folders in both directions."""

import json

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, MambaConfig

from groundup.errors import Problem
from groundup.model import folder
from groundup.model.safetensors import TensorFile
from groundup.model.state import SegmentMemory
from tests.stateful_example import ids, model

SHAPES = {
    "as published": MambaConfig(vocab_size=90, hidden_size=32, state_size=16, num_hidden_layers=2, eos_token_id=None),
    "all sizes its own": MambaConfig(
        vocab_size=90, hidden_size=24, state_size=5, num_hidden_layers=3, expand=3, conv_kernel=3, time_step_rank=4,
        use_bias=True, use_conv_bias=False, tie_word_embeddings=False, layer_norm_epsilon=1e-3, eos_token_id=None,
    ),
}  # fmt: skip


@pytest.fixture(params=SHAPES)
def written(request, tmp_path):
    """Their model, every parameter random, and the folder they wrote."""
    theirs = AutoModelForCausalLM.from_config(SHAPES[request.param]).eval()
    dice = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=dice) * 0.3)
    theirs.save_pretrained(tmp_path / "theirs")
    return theirs, tmp_path / "theirs"


@pytest.mark.parametrize("way", ["steps", "plain"])
@torch.inference_mode()
def test_logits_are_equal(written, way):
    theirs, path = written
    ours = folder.load(path)
    ours.attention = way
    mine, expected = ours(ids(2, 40)), theirs(ids(2, 40)).logits
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()


@torch.inference_mode()
def test_the_likeliest_continuation_is_the_same_for_64_tokens(written):
    theirs, path = written
    ours, prompt = folder.load(path), ids(1, 10)
    memory, text = SegmentMemory(1), [prompt]
    for _ in range(64):
        text.append(memory.read(ours, text[-1])[:, -1:].argmax(-1))
    expected = theirs.generate(prompt, max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=0)
    assert torch.equal(torch.cat(text, 1), expected)
    assert len(expected.unique()) > 5


def test_gradients_are_equal(written):
    theirs, path = written
    ours, text = folder.load(path).requires_grad_(True), ids(2, 20)
    F.cross_entropy(ours(text).flatten(0, 1), text.flatten()).backward()
    F.cross_entropy(theirs(text).logits.flatten(0, 1), text.flatten()).backward()
    expected = dict(theirs.named_parameters())
    names = {place.ours: place.theirs for place in folder.places(ours.settings, ours.state_dict(), "hf")}
    for name, value in ours.named_parameters():
        meant = expected[names[name]].grad
        assert value.grad.abs().max() > 0
        assert (value.grad - meant).abs().max() <= 1e-4 * meant.abs().max(), name


def test_their_folder_comes_back_with_the_same_bits(written, tmp_path):
    _, path = written
    folder.save(tmp_path / "ours", folder.load(path))
    first, second = TensorFile(path / folder.WEIGHTS), TensorFile(tmp_path / "ours" / folder.WEIGHTS)
    assert set(first.entries) == set(second.entries)
    assert all(torch.equal(first.read(name), second.read(name)) for name in first.entries)
    assert folder.load(tmp_path / "ours").settings == folder.load(path).settings


@torch.inference_mode()
def test_our_folder_is_read_by_them(tmp_path):
    ours = model("mamba")
    folder.save(tmp_path, ours)
    expected = AutoModelForCausalLM.from_pretrained(tmp_path).eval()(ids(2, 30)).logits
    assert (ours(ids(2, 30)) - expected).abs().max() <= 2e-5 * expected.abs().max()
    assert folder.load(tmp_path).settings == ours.settings


@pytest.mark.parametrize(
    ("key", "value"), [("intermediate_size", 70), ("hidden_act", "gelu"), ("state_size", 0), ("novelty", 1)]
)
def test_what_is_not_computed_here_is_refused(tmp_path, key, value):
    folder.save(tmp_path, model("mamba"))
    config = json.loads((tmp_path / "config.json").read_text()) | {key: value}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(Problem, match=key.replace("state_size", "state")):
        folder.load(tmp_path)
