"""Facts of GGUF files as other programs write them: what they leave out is the family's, what we do not know is refused."""

import pytest
import torch

from groundup.errors import Problem
from groundup.model.gguf_facts import FREQS, LONG, SHORT, describe, settings_from
from groundup.model.rope import scaled
from tests.model_example import settings


def facts_of(shape, **changed):
    return {key: value for key, _, value in describe(settings(shape, **changed))}


def read(facts, told=(), **known):
    return settings_from(facts, dict(told), "x.gguf", **{"vocabulary": 300, "tied": True, **known})


def test_a_silent_gemma_has_the_pattern_of_its_family():
    for shape, name, full in (("gemma2", "gemma2", [1, 3, 5]), ("gemma3", "gemma3", [5])):
        facts = facts_of(shape, depth=7, attention_scale=0.0)
        del facts[f"{name}.attention.sliding_window_pattern"]
        found = read(facts)
        assert [layer for layer in range(7) if found.kind_of(layer) == "full"] == full


def test_what_a_file_leaves_out_is_derived():
    facts = facts_of("llama", kv_heads=4)
    for key in ("attention.head_count_kv", "attention.key_length", "attention.value_length", "rope.dimension_count"):
        del facts[f"llama.{key}"]
    assert read(facts) == settings("llama", kv_heads=4)


def test_divisors_mean_their_rates_and_no_more():
    divisors = torch.linspace(1, 8, 8)
    found = read(facts_of("llama"), [(FREQS, divisors)])
    slowed, factor = scaled(found.rope_base, 16, found.rope_scaling, found.context, 10**6)
    torch.testing.assert_close(slowed, scaled(found.rope_base, 16, None, 0)[0] / divisors)
    assert factor == 1.0


def test_a_factor_without_a_name_is_linear_as_there():
    assert read(facts_of("llama") | {"llama.rope.scaling.factor": 4.0}).rope_scaling.kind == "linear"


def test_a_window_that_shows_everything_is_none():
    assert read(facts_of("phi3") | {"phi3.attention.sliding_window": 128}, tied=False).pattern == ["full"]


@pytest.mark.parametrize(
    ("shape", "changed", "said"),
    [
        ("llama", {"general.architecture": "gptj"}, "of the family 'gptj'; known: qwen3"),
        ("llama", {"general.architecture": None}, "of the family None"),
        ("llama", {"llama.block_count": None}, "does not say llama.block_count"),
        ("llama", {"llama.attention.head_count": [4, 4]}, r"llama.attention.head_count is \[4, 4\]"),
        ("llama", {"llama.attention.head_count": 0}, "llama.attention.head_count is 0"),
        ("llama", {"llama.attention.layer_norm_rms_epsilon": None}, "layer_norm_rms_epsilon"),
        ("llama", {"llama.attention.value_length": 8}, "values are 8 wide and keys 16"),
        ("llama", {"llama.rope.dimension_count": 17}, "rope.dimension_count is 17"),
        ("llama", {"llama.rope.scaling.type": "yarn2"}, "scaled .yarn2."),
        ("llama", {"llama.rope.scaling.type": "yarn", "llama.rope.scaling.attn_factor": 2.0}, "scaled .yarn."),
        ("llama", {"llama.expert_count": 8}, "does not say llama.expert_used_count"),
        ("qwen3", {"qwen3.expert_count": 8}, "qwen3.expert_count is 8, which is not computed here"),
        ("mixtral", {"llama.expert_used_count": 5}, "5 cannot be chosen of 4 experts"),
        ("mixtral", {"llama.expert_used_count": None}, "does not say llama.expert_used_count"),
        ("lfm2", {"lfm2.attention.head_count_kv": 2}, "attention.head_count_kv is 2; expected 0 or one number"),
        ("lfm2", {"lfm2.attention.head_count_kv": [0, 2, 2]}, r"attention.head_count_kv is \[0, 2, 2\]"),
        ("llama", {"llama.attn_logit_softcapping": 30.0}, "attn_logit_softcapping"),
        ("phi3", {"phi3.attention.sliding_window": 5}, "sliding_window is 5"),
        ("gemma3", {"gemma3.attention.sliding_window_pattern": 0}, "sliding_window_pattern is 0"),
        ("gemma3", {"gemma3.attention.sliding_window": None}, "does not say gemma3.attention.sliding_window"),
    ],
)
def test_facts_that_mean_something_else_are_refused(shape, changed, said):
    facts = {key: value for key, value in (facts_of(shape) | changed).items() if value is not None}
    with pytest.raises(Problem, match=said):
        read(facts)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"expert_gating_func": 3}, "expert_gating_func is 3; computed here: 1"),
        ({"expert_gating_func": None}, "expert_gating_func is None"),
        ({"expert_gating_func": 1}, "DeepSeek V2 by the best: experts.groups must be 1"),
        ({"attention.layer_norm_rms_epsilon": 1e-5}, "norms latents with eps 1e-05: here that is 1e-06"),
        ({"expert_shared_count": None}, "expert_shared_count None; expected numbers"),
        ({"attention.kv_lora_rank": None}, "does not say deepseek2.attention.kv_lora_rank"),
        ({"expert_weights_norm": None}, "does not say deepseek2.expert_weights_norm"),
        ({"attention.key_length_mla": 192}, "key_length_mla is 192, which is not computed here"),
    ],
)
def test_facts_of_latents_that_mean_something_else_are_refused(changed, said):
    facts = facts_of("deepseek v3", rope_scaling=None)
    assert read(facts) == settings("deepseek v3", rope_scaling=None)
    facts |= {f"deepseek2.{key}": value for key, value in changed.items()}
    with pytest.raises(Problem, match=said):
        read({key: value for key, value in facts.items() if value is not None})


def test_divisors_for_a_family_without_them_are_refused():
    with pytest.raises(Problem, match="longrope"):
        read(facts_of("qwen3"), [(SHORT, torch.ones(8)), (LONG, torch.ones(8))])
