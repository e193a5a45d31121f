"""Laws of the lens: it shows what was computed, and a model that was looked at is the model it was."""

import pytest
import torch

from groundup.errors import Problem
from groundup.model import lens
from tests.model_example import EVERY, ids, model


@pytest.mark.parametrize("shape", EVERY)
def test_the_last_layer_says_what_the_model_says(shape):
    made, text = model(shape), ids(1, 14)[0]
    seen = lens.look(made, text)
    assert seen.depth == made.settings.depth and seen.residual.shape == (3, 14, 64)
    torch.testing.assert_close(seen.logits, made(text[None])[0])
    torch.testing.assert_close(lens.said_by_layers(made, seen)[-1], seen.logits)


@pytest.mark.parametrize("shape", EVERY)
def test_shares_sum_to_one_and_look_at_nothing_later(shape):
    made = model(shape)
    seen = lens.look(made, ids(1, 14)[0])
    assert sorted(seen.attention) == [layer for layer in range(2) if made.settings.kind_of(layer) != "conv"]
    for shares in seen.attention.values():
        torch.testing.assert_close(shares.sum(-1), torch.ones(shares.shape[:2]))
        assert not shares.triu(1).any()


def test_shares_times_values_are_what_attention_gave():
    made, text = model("qwen3", depth=1), ids(1, 9)[0]
    layer = made.model.layers[0]
    gathered = []
    hook = layer.self_attn.o_proj.register_forward_pre_hook(lambda _, inputs: gathered.append(inputs[0]))
    seen = lens.look(made, text)
    hook.remove()
    values = layer.self_attn.v_proj(layer.input_layernorm(seen.residual[0]))
    values = values.view(9, made.settings.kv_heads, -1).repeat_interleave(2, 1)  # (time, heads, head width)
    meant = torch.einsum("hqk,khd->qhd", seen.attention[0], values).reshape(9, -1)
    torch.testing.assert_close(gathered[0][0], meant)


def test_nothing_of_the_lens_stays_behind():
    made, text = model(), ids(1, 9)
    before = made(text)
    lens.look(made, text[0])
    assert made.attention == "plain" and torch.equal(made(text), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in made.modules())
    with pytest.raises(Problem, match="outside the vocabulary"):
        lens.look(made, torch.tensor([5, 999]))
    assert made.attention == "plain" and not any(module._forward_hooks for module in made.modules())


def test_one_text_at_a_time():
    with pytest.raises(Problem, match="one text"):
        lens.look(model(), ids(2, 5))
