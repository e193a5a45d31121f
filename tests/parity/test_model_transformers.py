"""Equal to Hugging Face's transformers, in both directions, for every family."""

import json

import pytest
import torch
from transformers import (
    AutoTokenizer,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from groundup.model import folder
from groundup.tokenizer import chat
from tests.model_example import SHAPES, TEXT, ids, model, tokenizer
from tests.parity_example import (
    SMALL,
    comes_back_as_it_went,
    logits_and_gradients_are_equal,
    texts_are_equal,
    theirs_of,
    written_by_transformers,
)


@pytest.fixture(params=SHAPES)
def pair(request, tmp_path):
    ours = model(request.param)
    folder.save(tmp_path, ours)
    return ours, theirs_of(tmp_path)


def test_logits_and_gradients_are_equal(pair):
    logits_and_gradients_are_equal(*pair, ids(2, 40))


def test_the_likeliest_continuation_is_the_same_for_64_tokens(pair):
    texts_are_equal(*pair, ids(1, 10))


ROPES = {
    "linear": {"rope_type": "linear", "factor": 3.0},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    "yarn, told": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 8.0,
                   "beta_slow": 2.0, "attention_factor": 0.7, "truncate": False},
    "yarn, deepseek": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "mscale": 0.7,
                       "mscale_all_dim": 0.4},
    "llama3": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 32, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0},
}  # fmt: skip


def stretched(name):
    return LlamaConfig(**SMALL, rope_parameters={"rope_theta": 500.0, **ROPES[name]})


CONFIGS = {
    "qwen3": Qwen3Config(**SMALL, head_dim=8, rope_parameters={"rope_theta": 1e6, "rope_type": "default"}),
    "qwen3, windows": Qwen3Config(**SMALL, head_dim=8, use_sliding_window=True, sliding_window=5, max_window_layers=1),
    "llama": LlamaConfig(**SMALL, rms_norm_eps=1e-5, tie_word_embeddings=True),
    "gpt2": GPT2Config(
        vocab_size=90, n_embd=32, n_layer=2, n_head=4, n_positions=80, bos_token_id=1, eos_token_id=None
    ),
    "qwen2": Qwen2Config(**SMALL),
    "qwen2, windows": Qwen2Config(**SMALL, use_sliding_window=True, sliding_window=6, max_window_layers=0),
    "mistral": MistralConfig(**SMALL, head_dim=16, sliding_window=6),
    "mistral, no window": MistralConfig(**SMALL, sliding_window=None),
    **{name: stretched(name) for name in ROPES},
}


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


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
def test_their_folder_in_several_files_is_read(name, tmp_path):
    theirs = written_by_transformers(CONFIGS[name], tmp_path / "whole")
    theirs.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    whole, parts = folder.load(tmp_path / "whole").state_dict(), folder.load(tmp_path / "parts").state_dict()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_old_and_new_key_styles_mean_the_same(tmp_path):
    written_by_transformers(CONFIGS["qwen3"], tmp_path)
    text = (tmp_path / "config.json").read_text()
    new = folder.load(tmp_path).settings
    old = json.loads(text)
    old |= {
        "rope_theta": old.pop("rope_parameters")["rope_theta"],
        "rope_scaling": None,
        "torch_dtype": old.pop("dtype"),
    }
    (tmp_path / "config.json").write_text(json.dumps(old))
    assert folder.load(tmp_path).settings == new and new.rope_base == 1e6


def test_the_tokenizer_and_its_template_travel_along(tmp_path):
    words = tokenizer()
    folder.save(tmp_path, model(vocabulary=words.vocabulary), words, "plain")
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs.encode(TEXT) == words.encode(TEXT).tolist()
    talk = [{"role": "user", "content": TEXT}]
    asked = theirs.apply_chat_template(talk, add_generation_prompt=True)["input_ids"]
    assert asked == chat.render(words, talk, "plain", reply=True).ids.tolist()
    stops = theirs_of(tmp_path).generation_config.eos_token_id
    assert words.specials["<|end|>"] in stops and folder.template(tmp_path) == "plain"


@pytest.mark.parametrize("changed", [{"positions": "sinusoidal"}, {"feedforward": "gelu"}, {"biases": True}])
def test_what_they_have_no_word_for_they_do_not_load(changed, tmp_path):
    folder.save(tmp_path, model(**changed))
    with pytest.raises((ValueError, KeyError)):
        theirs_of(tmp_path)
    torch.testing.assert_close(folder.load(tmp_path)(ids()), model(**changed)(ids()))
