"""Equal to Hugging Face's transformers in both directions: mixtures of experts, latent attention, short convolutions."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, DeepseekV2Config, DeepseekV3Config, Lfm2Config, MixtralConfig

from groundup.errors import Problem
from groundup.model import folder
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from tests.model_example import ids
from tests.parity_example import (
    SMALL,
    comes_back_as_it_went,
    logits_and_gradients_are_equal,
    texts_are_equal,
    theirs_of,
)

LATENT = {**SMALL, "num_key_value_heads": 4, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "v_head_dim": 10,
          "qk_nope_head_dim": 12, "moe_intermediate_size": 24, "n_routed_experts": 8, "num_experts_per_tok": 3,
          "first_k_dense_replace": 1}  # fmt: skip
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16, "mscale": 0.7,
        "mscale_all_dim": 0.9}  # fmt: skip
CONFIGS = {
    "lfm2": Lfm2Config(**SMALL | {"num_hidden_layers": 3}, full_attn_idxs=[1], block_multiple_of=8),
    "lfm2, told": Lfm2Config(
        **SMALL, layer_types=["conv", "full_attention"], conv_L_cache=5, block_auto_adjust_ff_dim=False
    ),
    "mixtral": MixtralConfig(**SMALL, num_local_experts=4, num_experts_per_tok=2),
    "mixtral, windows": MixtralConfig(
        **SMALL, num_local_experts=5, num_experts_per_tok=3, sliding_window=6, head_dim=16
    ),
    "deepseek v3": DeepseekV3Config(**LATENT, q_lora_rank=24, n_group=4, topk_group=2, rope_parameters=YARN),
    "deepseek v3, plain": DeepseekV3Config(
        **LATENT,
        q_lora_rank=None,
        n_group=1,
        topk_group=1,
        n_shared_experts=2,
        norm_topk_prob=False,
        rope_interleave=False,
    ),
    "deepseek v2": DeepseekV2Config(**LATENT, q_lora_rank=None, rope_parameters=YARN),
    "deepseek v2, groups": DeepseekV2Config(
        **LATENT, q_lora_rank=24, n_group=4, topk_group=2, topk_method="group_limited_greedy", routed_scaling_factor=3.0
    ),
}


def written_by_transformers(config, path):
    """Every parameter random, and buffers that are saved too."""
    torch.manual_seed(3)
    theirs = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for tensor in theirs.state_dict().values():
            tensor.normal_(0, 0.3)
    theirs.save_pretrained(path)
    return theirs


@pytest.fixture(params=CONFIGS)
def theirs(request, tmp_path):
    return written_by_transformers(CONFIGS[request.param], tmp_path / "theirs"), tmp_path


def test_their_folders_give_their_logits_gradients_and_texts(theirs):
    theirs, path = theirs
    ours = folder.load(path / "theirs")
    logits_and_gradients_are_equal(ours, theirs, ids(2, 30, 90))
    texts_are_equal(ours, theirs, ids(1, 8, 90))


def test_their_folder_comes_back_as_it_went(theirs):
    comes_back_as_it_went(*theirs)


@pytest.mark.parametrize("family", ["mixtral", "deepseek_v3", "deepseek_v2", "lfm2"])
def test_a_family_born_here_is_theirs_too(family, tmp_path):
    """With nothing but its name and sizes."""
    ours = Transformer(ModelSettings(family=family, depth=3, width=64, vocabulary=90, context=64))
    dice = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for tensor in ours.state_dict().values():
            tensor.normal_(0, 0.3, generator=dice)
    folder.save(tmp_path, ours)
    with torch.inference_mode():
        mine, expected = ours(ids(2, 30, 90)), theirs_of(tmp_path)(ids(2, 30, 90)).logits
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()
    assert folder.load(tmp_path).settings.model_copy(update={"born": "blank"}) == ours.settings


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("mixtral", {"num_experts_per_tok": 9}, "experts.chosen: 9 cannot be chosen of 4"),
        ("mixtral", {"num_local_experts": "many"}, "experts.count"),
        ("mixtral", {"num_local_experts": 5}, r"gate.weight is \[4, 32\]; its config.json means \[5, 32\]"),
        ("mixtral", {"num_local_experts": 3}, r"gate.weight is \[4, 32\]; its config.json means \[3, 32\]"),
        ("mixtral", {"intermediate_size": 48}, r"is \[40, 32\]; its config.json means \[48, 32\]"),
        ("mixtral", {"router_jitter_noise": 0.1}, "router_jitter_noise is 0.1"),
        ("deepseek v3", {"n_group": 3}, "experts.groups: 3 groups do not divide 8"),
        ("deepseek v3", {"num_key_value_heads": 2}, "num_key_value_heads is 2"),
        ("deepseek v3", {"n_shared_experts": "one"}, "n_shared_experts is 'one'"),
        ("deepseek v3", {"topk_method": "greedy"}, "topk_method is 'greedy'"),
        ("deepseek v3", {"qk_rope_head_dim": 7}, "must be even"),
        ("deepseek v2", {"topk_method": "lottery"}, "known here: greedy, group_limited_greedy"),
        ("lfm2", {"conv_bias": True}, "conv_bias is True"),
        ("lfm2", {"layer_types": ["conv", "mamba", "conv"]}, "'mamba'"),
        ("lfm2", {"block_multiple_of": 0}, "block_multiple_of 0"),
        ("lfm2", {"conv_L_cache": 5}, r"means \[32, 1, 5\]"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(name, changed, said, tmp_path):
    written_by_transformers(CONFIGS[name], tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changed))
    with pytest.raises(Problem, match=said):
        folder.load(tmp_path)
