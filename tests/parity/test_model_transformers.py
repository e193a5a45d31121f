"""Equal to Hugging Face's transformers, in both directions, for every family."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, LlamaConfig, Qwen3Config

from groundup.model import folder
from groundup.tokenizer import chat
from tests.model_example import SHAPES, TEXT, ids, model, tokenizer


def theirs_of(path):
    return AutoModelForCausalLM.from_pretrained(path).eval()


@pytest.fixture(params=SHAPES)
def pair(request, tmp_path):
    ours = model(request.param)
    folder.save(tmp_path, ours)
    return ours, theirs_of(tmp_path)


def test_logits_are_equal(pair):
    ours, theirs = pair
    with torch.inference_mode():
        mine, expected = ours(ids(2, 40)), theirs(ids(2, 40)).logits
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()


def test_the_likeliest_continuation_is_the_same_for_64_tokens(pair):
    ours, theirs = pair
    prompt = ids(1, 10)
    text = prompt
    with torch.inference_mode():
        for _ in range(64):
            text = torch.cat((text, ours(text, last=torch.tensor([text.shape[1] - 1])).argmax(-1)[:, None]), 1)
        expected = theirs.generate(prompt, max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=0)
    assert torch.equal(text, expected)


def test_gradients_are_equal(pair):
    ours, theirs = pair
    text = ids(2, 20)
    for made in (ours, theirs):
        out = made(text)
        logits = out if isinstance(out, torch.Tensor) else out.logits
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), text.flatten()).backward()
    mine = ours.model.embed_tokens.weight.grad
    expected = theirs.get_input_embeddings().weight.grad
    assert (mine - expected).abs().max() <= 1e-4 * expected.abs().max()


CONFIGS = [
    Qwen3Config(vocab_size=90, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                head_dim=8, intermediate_size=40, rope_parameters={"rope_theta": 1e6, "rope_type": "default"}),
    LlamaConfig(vocab_size=90, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                intermediate_size=40, rms_norm_eps=1e-5, tie_word_embeddings=True),
    GPT2Config(vocab_size=90, n_embd=32, n_layer=2, n_head=4, n_positions=50, bos_token_id=1, eos_token_id=1),
]  # fmt: skip


def written_by_transformers(config, path):
    torch.manual_seed(3)
    theirs = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0, 0.3)
    theirs.save_pretrained(path)
    return theirs


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
def test_their_folders_are_read(config, tmp_path):
    theirs = written_by_transformers(config, tmp_path)
    with torch.inference_mode():
        mine, expected = folder.load(tmp_path)(ids(2, 30, 90)), theirs(ids(2, 30, 90)).logits
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
def test_their_folder_in_several_files_is_read(config, tmp_path):
    theirs = written_by_transformers(config, tmp_path / "whole")
    theirs.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    whole, parts = folder.load(tmp_path / "whole").state_dict(), folder.load(tmp_path / "parts").state_dict()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_old_and_new_key_styles_mean_the_same(tmp_path):
    written_by_transformers(CONFIGS[0], tmp_path)
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
