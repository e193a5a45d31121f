"""What a model is born with: echoes of the words before, and the likeness of echoes, both before any learning."""

import pytest
import torch

from groundup.model import attention
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

SIZES = {"depth": 3, "width": 128, "heads": 4, "vocabulary": 300, "tied": False}


def shares(model: Transformer, ids: torch.Tensor, monkeypatch) -> list[torch.Tensor]:
    """How each query of each layer divides its attention: (batch, heads, time, time) a layer."""
    seen = []

    def watched(q, k, v, sight, scale=None, cap=0.0):
        keys = k.repeat_interleave(q.shape[1] // k.shape[1], 1)
        seen.append((q @ keys.transpose(-1, -2) / q.shape[-1] ** 0.5 + sight.bias).softmax(-1))
        return attention.plain(q, k, v, sight)

    monkeypatch.setitem(attention.ATTENTIONS, "watched", watched)
    model.attention = "watched"
    model(ids)
    return seen


def test_carriers_of_the_first_layer_look_three_tokens_back(monkeypatch):
    model = Transformer(ModelSettings(**SIZES, born="seeing"))
    ids = torch.randint(0, 300, (2, 40), generator=torch.Generator().manual_seed(1))
    first = shares(model, ids, monkeypatch)[0]
    for head in range(2):  # two heads of 32 carry the 64 numbers of a word
        assert (first[:, head, 20:].argmax(-1) == torch.arange(20, 40) - 3).all()
        itself = first[:, head].diagonal(dim1=-2, dim2=-1)[:, 20:]
        assert itself.max() < 0.02  # else every query would find itself


@pytest.mark.parametrize("kv_heads", [4, 2])
def test_the_second_layer_finds_the_place_that_the_same_words_stood_before(kv_heads, monkeypatch):
    model = Transformer(ModelSettings(**SIZES, kv_heads=kv_heads, born="seeing"))
    ids = torch.randint(0, 300, (8, 40), generator=torch.Generator().manual_seed(1))
    ids[:, 34:38] = ids[:, 10:14]  # what stands before place 38 stood before place 14, and the words there differ
    second = shares(model, ids, monkeypatch)[1].mean(1)[:, 38, :36]  # (batch, slots); the query's own neighbours aside
    assert (second.argmax(-1) == 14).all()


def test_the_upper_half_of_the_table_is_left_for_echoes():
    table = Transformer(ModelSettings(**SIZES, born="seeing")).model.embed_tokens.weight
    assert (table[:, 64:] == 0).all() and (table[:, 1:64] != 0).all() and table[:, 0].unique().numel() == 1


def test_the_same_seed_is_born_the_same_and_another_is_not():
    one, same, other = (Transformer(ModelSettings(**SIZES, born="seeing"), seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.model.embed_tokens.weight, other.model.embed_tokens.weight)


def test_seeing_needs_rotary_positions_and_two_layers():
    with pytest.raises(ValueError, match="rotary"):
        ModelSettings(family="gpt2", born="seeing")
    with pytest.raises(ValueError, match="two layers"):
        ModelSettings(depth=1, born="seeing")
