"""What a model is born with: heads that look a fixed number of tokens back, and likeness before any learning."""

import pytest
import torch

from groundup.model import attention
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

SIZES = {"depth": 3, "width": 128, "heads": 8, "vocabulary": 300, "tied": False}


def shares(model: Transformer, ids: torch.Tensor, monkeypatch) -> list[torch.Tensor]:
    """How each query of each layer divides its attention: (batch, heads, time, time) a layer."""
    seen = []

    def watched(q, k, v, sight):
        seen.append((q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + sight.bias).softmax(-1))
        return attention.plain(q, k, v, sight)

    monkeypatch.setitem(attention.ATTENTIONS, "watched", watched)
    model.attention = "watched"
    model(ids)
    return seen


def test_head_h_of_the_first_layer_looks_h_and_one_tokens_back(monkeypatch):
    model = Transformer(ModelSettings(**SIZES, born="seeing"))
    ids = torch.randint(0, 300, (2, 40), generator=torch.Generator().manual_seed(1))
    first = shares(model, ids, monkeypatch)[0]
    for head in range(8):
        looked_at = first[:, head, 20:].argmax(-1)  # (batch, queries)
        assert (looked_at == torch.arange(20, 40) - head - 1).float().mean() > 0.9


@pytest.mark.parametrize("kv_heads", [8, 4, 1])
def test_later_keys_start_as_the_queries_of_their_heads(kv_heads):
    model = Transformer(ModelSettings(**SIZES, kv_heads=kv_heads, born="seeing"))
    for layer in list(model.model.layers)[1:]:
        queries = layer.self_attn.q_proj.weight.view(8, 16, 128)[:: 8 // kv_heads]
        assert torch.equal(layer.self_attn.k_proj.weight.view(kv_heads, 16, 128), queries)


def test_the_same_seed_is_born_the_same_and_another_is_not():
    one, same, other = (Transformer(ModelSettings(**SIZES, born="seeing"), seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.model.layers[0].self_attn.v_proj.weight, other.model.layers[0].self_attn.v_proj.weight)


def test_seeing_needs_rotary_positions_and_two_layers():
    with pytest.raises(ValueError, match="rotary"):
        ModelSettings(family="gpt2", born="seeing")
    with pytest.raises(ValueError, match="two layers"):
        ModelSettings(depth=1, born="seeing")
