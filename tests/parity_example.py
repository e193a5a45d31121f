"""Models of Hugging Face's transformers made small and random, and our own run as theirs are: what parity is held by."""

import copy
import tempfile

import torch
from transformers import AutoModelForCausalLM

from groundup.model import folder
from tests.model_example import TinyCache, ids

SMALL = {"vocab_size": 90, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "intermediate_size": 40, "max_position_embeddings": 64, "eos_token_id": None, "pad_token_id": 0}  # fmt: skip


def theirs_of(path):
    return AutoModelForCausalLM.from_pretrained(path).eval()


def written_by_transformers(config, path):
    """A model of theirs, every parameter random and large, saved by them."""
    torch.manual_seed(3)
    theirs = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0, 0.3)
    theirs.save_pretrained(path)
    return theirs


@torch.inference_mode()
def continued(ours, text, count):
    """The likeliest tokens, one by one, with a cache."""
    cache, new = TinyCache(ours.settings.depth, 1), text
    for _ in range(count):
        new = ours(new, cache=cache)[:, -1:].argmax(-1)
        cache.lengths = cache.lengths + (text.shape[1] - cache.lengths)
        text = torch.cat((text, new), 1)
    return text


def logits_and_gradients_are_equal(ours, theirs, text):
    """Logits within 2e-5 of the largest; the gradient of every parameter within 1e-4 of its largest."""
    mine, expected = ours(text), theirs(text).logits
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()
    for logits in (mine, expected):
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), text.flatten()).backward()
    expected = gradients_by_our_names(theirs)
    mine = {name: zeros_if_none(parameter) for name, parameter in ours.named_parameters()}
    assert set(mine) <= set(expected)
    largest = max(tensor.abs().max().item() for tensor in expected.values())
    for name, tensor in mine.items():
        # A bias of keys changes no weight of attention: what is left of its gradient is rounding, and no measure of its own.
        scale = max(expected[name].abs().max().item(), 1e-3 * largest)
        assert (tensor - expected[name]).abs().max() <= 1e-4 * scale, name


def zeros_if_none(parameter):
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


@torch.no_grad()
def gradients_by_our_names(theirs):
    """Their gradients, saved by them as if they were weights, and read as our loader reads weights."""
    copied = copy.deepcopy(theirs)
    for parameter, copy_of_it in zip(theirs.parameters(), copied.parameters(), strict=True):
        copy_of_it.copy_(zeros_if_none(parameter))
    with tempfile.TemporaryDirectory() as place:
        copied.save_pretrained(place)
        return {name: parameter.detach().clone() for name, parameter in folder.load(place).named_parameters()}


def texts_are_equal(ours, theirs, prompt):
    said = theirs.generate(prompt, max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=0)
    assert torch.equal(continued(ours, prompt, 64), said)


def comes_back_as_it_went(theirs, path):
    """Their folder -> ours -> a folder -> theirs: the same weights to the bit, and the same logits."""
    folder.save(path / "back", folder.load(path / "theirs"))
    again = theirs_of(path / "back")
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in theirs.state_dict().items())
    with torch.inference_mode():
        assert torch.equal(again(ids(2, 30, 90)).logits, theirs(ids(2, 30, 90)).logits)
