"""Dense decoders beyond Llama's kin, equal to Hugging Face's transformers in all that their config.json can say."""

import pytest
import torch
from transformers import Gemma2Config, Gemma3TextConfig, GPTNeoXConfig, LlamaConfig, Olmo2Config, Phi3Config

from groundup.model import folder
from tests.model_example import ids
from tests.parity_example import (
    SMALL,
    comes_back_as_it_went,
    logits_and_gradients_are_equal,
    texts_are_equal,
    written_by_transformers,
)

NEOX = {key: value for key, value in SMALL.items() if key != "num_key_value_heads"}
GEMMA = SMALL | {"head_dim": 16, "num_hidden_layers": 4, "sliding_window": 5, "query_pre_attn_scalar": 24}
PHI = SMALL | {"partial_rotary_factor": 0.5}
DIVISORS = {"short_factor": [1.1, 2.5], "long_factor": [3.0, 9.0]}


def long_phi(original, **changed):
    """A Phi-3 whose divisors change beyond `original` tokens."""
    return Phi3Config(
        **PHI, original_max_position_embeddings=original, rope_scaling={"type": "longrope", **DIVISORS, **changed}
    )  # fmt: skip


CONFIGS = {
    "neox": GPTNeoXConfig(**NEOX, rotary_pct=0.5),
    "neox, in turn": GPTNeoXConfig(**NEOX, rotary_pct=1.0, use_parallel_residual=False, hidden_act="gelu_pytorch_tanh"),
    "neox, no biases": GPTNeoXConfig(**NEOX, rotary_pct=0.5, attention_bias=False, tie_word_embeddings=True),
    "neox, relu": GPTNeoXConfig(**NEOX, rotary_emb_base=500, hidden_act="relu", layer_norm_eps=1e-3),
    "neox, stretched": GPTNeoXConfig(
        **NEOX,
        rope_parameters={"rope_type": "linear", "factor": 3.0, "rope_theta": 300.0, "partial_rotary_factor": 0.5},
    ),
    "gemma2": Gemma2Config(**GEMMA, attn_logit_softcapping=4.0, final_logit_softcapping=3.0),
    "gemma2, other layers": Gemma2Config(
        **GEMMA, layer_types=["full_attention", "full_attention", "sliding_attention", "full_attention"],
        attn_logit_softcapping=None, final_logit_softcapping=None, tie_word_embeddings=False, attention_bias=True,
    ),
    "gemma2, stretched": Gemma2Config(
        **{**GEMMA, "query_pre_attn_scalar": 16, "num_hidden_layers": 3},
        rope_parameters={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": 500.0},
    ),
    "gemma3": Gemma3TextConfig(**GEMMA | {"num_hidden_layers": 7}, final_logit_softcapping=3.0),
    "gemma3, few layers": Gemma3TextConfig(**GEMMA, rope_theta=700.0, rope_local_base_freq=80.0),
    "gemma3, other layers": Gemma3TextConfig(
        **GEMMA, sliding_window_pattern=2, attention_bias=True, tie_word_embeddings=False, rms_norm_eps=1e-3
    ),
    "gemma3, stretched": Gemma3TextConfig(
        **GEMMA, layer_types=["sliding_attention", "full_attention"] * 2,
        rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e5},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 50.0}},
    ),
    "llama, all biases": LlamaConfig(**SMALL, attention_bias=True, mlp_bias=True),
    "llama, biases in attention": LlamaConfig(**SMALL, attention_bias=True),
    "olmo2": Olmo2Config(**SMALL),
    "olmo2, alone": Olmo2Config(**SMALL | {"num_key_value_heads": None}, attention_bias=True, tie_word_embeddings=True),
    "olmo2, stretched": Olmo2Config(**SMALL, rope_parameters={"rope_type": "linear", "factor": 3.0, "rope_theta": 500.0}),
    "phi3": Phi3Config(**SMALL),
    "phi3, windows": Phi3Config(**PHI | {"num_key_value_heads": None}, sliding_window=6, tie_word_embeddings=True),
    "phi3, short": long_phi(1000),
    "phi3, long": long_phi(7),
    "phi3, told": long_phi(7, attention_factor=0.7),
}  # fmt: skip


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


@pytest.mark.parametrize("time", [12, 20, 21, 40])
def test_divisors_change_where_a_text_outgrows_the_first_context(time, tmp_path):
    theirs = written_by_transformers(long_phi(20), tmp_path)
    logits_and_gradients_are_equal(folder.load(tmp_path), theirs, ids(2, time, 90))


def test_a_text_that_outgrows_the_first_context_while_it_is_written_is_the_same(tmp_path):
    """Read anew for each token, as theirs does where the divisors change."""
    theirs, text = written_by_transformers(long_phi(20), tmp_path), ids(1, 8, 90)
    said = theirs.generate(text, max_new_tokens=40, do_sample=False, pad_token_id=0)
    ours = folder.load(tmp_path)
    with torch.inference_mode():
        for _ in range(40):
            text = torch.cat((text, ours(text)[:, -1:].argmax(-1)), 1)
    assert torch.equal(text, said)
