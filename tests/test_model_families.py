"""Families as tables: what each means where nothing is said, and the sentence for a config.json that it cannot mean."""

import json
import math

import pytest

from groundup.errors import Problem
from groundup.model import folder
from groundup.model.config_json import from_config, to_config, unspeakable
from groundup.model.families import FAMILIES
from groundup.model.settings import ModelSettings
from tests.model_example import SHAPES, model, settings

DENSE = ("llama", "mistral", "qwen2", "gemma2", "gemma3", "olmo2", "phi3", "phi3 windows", "gpt_neox")
OLD = ("rope_theta", "rope_local_base_freq", "rotary_emb_base", "rotary_pct", "partial_rotary_factor")


def test_a_gemma_brings_windows_caps_and_growth():
    two, three = ModelSettings(family="gemma2", width=96), ModelSettings(family="gemma3", width=96, depth=7)
    assert two.embedding_scale == three.embedding_scale == math.sqrt(96)
    assert (two.attention_cap, two.logit_cap, two.pattern, two.window) == (50.0, 30.0, ["window", "full"], 4096)
    assert [three.kind_of(layer) for layer in (0, 4, 5, 6)] == ["window", "window", "full", "window"]
    assert (three.rope_base, three.local_rope_base, three.qk_norm) == (1e6, 1e4, True)
    assert two.changed() == three.changed() == []


def test_what_follows_from_the_width_can_be_said_otherwise():
    made = ModelSettings(family="gemma2", width=96, embedding_scale=2.0)
    assert made.embedding_scale == 2.0 and unspeakable(made) == ["embedding_scale = 2.0"]


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.model_type])
def test_a_family_with_nothing_said_can_be_spoken_of(family):
    made = ModelSettings(family=family, width=96, heads=3, vocabulary=50)
    assert unspeakable(made) == []
    config = to_config(made)
    assert to_config(from_config(config, "config.json")[0]) == config


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if not family.model_type])
def test_a_family_of_ours_alone_is_saved_as_ours(family):
    made = ModelSettings(family=family, width=96, heads=3, vocabulary=50)
    assert unspeakable(made) == [f"family = {family}"]
    assert from_config(to_config(made), "config.json")[0] == made


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "gpt2" not in shape])
def test_older_keys_and_newer_ones_mean_the_same(shape):
    made = settings(shape)
    config = to_config(made)
    new = {key: value for key, value in config.items() if key not in OLD and key != "rope_scaling"}
    old = {key: value for key, value in config.items() if key != "rope_parameters"}
    assert new.keys() != config.keys() != old.keys()
    assert from_config(new, "new")[0] == from_config(old, "old")[0] == made


def test_layers_that_are_not_said_are_those_of_the_family():
    for shape, depth, full in (("gemma2", 5, [1, 3]), ("gemma3", 13, [5, 11])):
        config = to_config(settings(shape, depth=depth))
        del config["layer_types"]
        found = from_config(config, "config.json")[0]
        assert [layer for layer in range(depth) if found.kind_of(layer) == "full"] == full


NESTED = {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {"rope_type": "linear", "factor": 2.0}}


@pytest.mark.parametrize(
    ("shape", "changed", "said"),
    [
        ("gpt_neox", {"hidden_act": "tanh"}, "hidden_act is 'tanh'"),
        ("gpt_neox", {"attention_bias": 1}, "attention_bias is 1"),
        ("gpt_neox", {"rotary_pct": 0.5}, "partial_rotary_factor is 0.25 in rope_parameters and 0.5 outside"),
        ("gpt_neox", {"rotary_pct": "all", "rope_parameters": None}, "partial_rotary_factor is 'all'"),
        ("gpt_neox", {"num_attention_heads": 5}, "5 heads do not divide"),
        ("gpt_neox", {"num_key_value_heads": 2}, "num_key_value_heads"),
        ("gpt_neox", {"use_parallel_residual": "yes"}, "use_parallel_residual"),
        ("gemma2", {"hidden_activation": "silu"}, "hidden_activation is 'silu'"),
        ("gemma2", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
        ("gemma2", {"query_pre_attn_scalar": 0}, "query_pre_attn_scalar is 0"),
        ("gemma2", {"attn_logit_softcapping": -3.0}, "attention_cap"),
        ("gemma2", {"final_logit_softcapping": "thirty"}, "logit_cap"),
        ("gemma2", {"sliding_window": None}, "window.*need it"),
        ("gemma2", {"layer_types": ["chunked_attention"] * 2}, "layer_types has 'chunked_attention'"),
        ("gemma2", {"layer_types": "full"}, "layer_types is 'full'"),
        ("gemma2", {"layer_types": ["full_attention"]}, "layer_types names 1 layers and num_hidden_layers says 2"),
        ("gemma2", {"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ("gemma2", {"head_dim": 7}, "7 must be even"),
        ("gemma3", {"rope_parameters": {"rope_theta": 5.0}}, "expected a table for each"),
        ("gemma3", {"rope_parameters": NESTED}, "layers with a window are stretched"),
        ("gemma3", {"rope_local_base_freq": 20.0}, "rope_theta is 300.0 in rope_parameters and 20.0 outside"),
        ("gemma3", {"attn_logit_softcapping": 50.0}, "attn_logit_softcapping"),
        ("gemma3", {"sliding_window_pattern": 0}, "sliding_window_pattern is 0"),
        ("olmo2", {"attention_bias": "none"}, "attention_bias is 'none'"),
        ("olmo2", {"clip_qkv": 8.0}, "clip_qkv"),
        ("olmo2", {"rope_theta": 3.0}, "rope_theta is 10000.0 in rope_parameters and 3.0 outside"),
        (
            "phi3",
            {"rope_scaling": {"type": "longrope", "short_factor": [1.0]}, "rope_parameters": None},
            "short and long",
        ),
        ("phi3", {"rope_scaling": {"type": "yarn", "short_factor": [1.0]}, "rope_parameters": None}, "short_factor"),
        ("phi3", {"head_dim": 8}, "head_dim"),
        ("phi3", {"partial_rotary_factor": 1.5, "rope_parameters": None}, "partial_rotary_factor|rope_share"),
        ("phi3", {"sliding_window": -5}, "window"),
        ("phi3", {"num_key_value_heads": 3}, "3 does not divide 4 heads"),
        ("llama", {"partial_rotary_factor": 0.5}, "rope_share = 0.5, which a model of the family llama cannot have"),
        ("llama", {"mlp_bias": None}, "mlp_bias is None"),
    ],
)
def test_a_config_that_its_family_cannot_mean_is_refused(shape, changed, said, tmp_path):
    folder.save(tmp_path, model(shape))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | changed))
    with pytest.raises(Problem, match=said):
        folder.load(tmp_path)


@pytest.mark.parametrize(
    ("shape", "changed", "said"),
    [
        ("gpt_neox", {"kv_heads": 2}, ["kv_heads = 2"]),
        ("gpt_neox", {"head_width": 8}, ["head_width = 8"]),
        ("gpt_neox", {"biases": "qkv"}, ["biases = qkv"]),
        ("gpt_neox", {"feedforward": "swiglu"}, ["feedforward = swiglu"]),
        ("gemma2", {"qk_norm": True}, ["qk_norm = True"]),
        ("gemma2", {"pattern": ["blocks"]}, ["pattern = blocks"]),
        ("gemma2", {"attention_scale": 0.3}, ["attention_scale = 0.3"]),
        ("gemma3", {"attention_cap": 3.0}, ["attention_cap = 3.0"]),
        (
            "gemma3",
            {"local_rope_base": 0.0, "rope_scaling": {"kind": "linear", "factor": 2}},
            ["local_rope_base = 0.0"],
        ),
        ("olmo2", {"norm_place": "pre"}, ["norm_place = pre"]),
        ("olmo2", {"biases": True}, ["biases = True"]),
        ("phi3", {"head_width": 32}, ["head_width = 32"]),
        ("phi3", {"pattern": ["window", "full"], "window": 3}, ["pattern = ['window', 'full']"]),
        ("phi3", {"rope_scaling": {"kind": "linear", "factor": 2}}, ["rope_scaling = linear"]),
        ("llama", {"biases": "qkv"}, ["biases = qkv"]),
    ],
)
def test_what_a_family_has_no_word_for_is_told(shape, changed, said):
    found = unspeakable(settings(shape, **changed))
    assert len(found) == len(said) and all(map(str.startswith, found, said))
    assert to_config(settings(shape, **changed))["model_type"] == "groundup"
