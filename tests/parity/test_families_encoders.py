"""Encoders and heads equal to those of Hugging Face's transformers, in both directions, with padding and token types."""

import json

import pytest
import torch
import transformers
from transformers import BertConfig, GPT2Config, LlamaConfig, Qwen3Config, RobertaConfig

from groundup.errors import Problem
from groundup.model import folder
from groundup.model.names import places
from tests.heads_example import DECODERS, ENCODERS, ids, lengths, model, shaken

PADDING = {"bert": 0, "roberta": 1}


def theirs_of(path, **more):
    (name,) = json.loads((path / "config.json").read_text())["architectures"]
    return getattr(transformers, name).from_pretrained(path, attn_implementation="eager", **more).eval()


def texts(family: str, padding: int | None = None):
    """What both are given: ids with padding after them, where there is a token, and kinds of text."""
    seen, types = lengths(), (torch.arange(20)[None] > torch.tensor([7, 4, 1])[:, None]).long()
    text = ids().masked_fill(~seen, PADDING.get(family, 0) if padding is None else padding)
    return text, seen, types if family == "bert" else torch.zeros_like(types)


def said_by_ours(ours, text, seen, types):
    encoder = ours.settings.family in PADDING
    out = ours(text, seen, types) if encoder else ours(text, seen)
    return out if isinstance(out, tuple) else (out,)


def said_by_theirs(theirs, text, seen, types):
    more = {"token_type_ids": types} if theirs.config.model_type in PADDING else {}
    out = theirs(text, attention_mask=seen.long(), **more)
    if "prediction_logits" in out:
        return out.prediction_logits, out.seq_relationship_logits
    return (out.logits.squeeze(-1) if out.logits.shape[-1] == 1 else out.logits,)


def alike(mine, expected, seen):
    assert len(mine) == len(expected)
    for one, other in zip(mine, expected, strict=True):
        assert one.shape == other.shape
        if one.ndim == 3:  # what stands at padding is nobody's
            one, other = one[seen], other[seen]
        assert (one - other).abs().max() <= 2e-5 * other.abs().max()


@pytest.fixture(params=[*ENCODERS, *DECODERS])
def pair(request, tmp_path):
    ours = model(request.param)
    folder.save(tmp_path, ours)
    family = ours.settings.family
    more = {} if family in PADDING else {"pad_token_id": 0}
    return ours, theirs_of(tmp_path, **more), texts(family, None if family != "roberta" else theirs_padding(tmp_path))


def theirs_padding(path) -> int:
    return json.loads((path / "config.json").read_text())["pad_token_id"]


def test_what_is_read_out_is_equal(pair):
    ours, theirs, given = pair
    with torch.inference_mode():
        alike(said_by_ours(ours, *given), said_by_theirs(theirs, *given), given[1])


def test_gradients_are_equal(pair):
    ours, theirs, given = pair
    ours, theirs, seen = ours.double(), theirs.double(), given[1]
    for out in (said_by_ours(ours, *given), said_by_theirs(theirs, *given)):
        parts = [part[seen] if part.ndim == 3 else part for part in out]
        sum((part * torch.linspace(-1, 1, part.numel()).view(part.shape).double()).sum() for part in parts).backward()
    told = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for place in places(ours.settings, dict(ours.named_parameters()), "hf"):
        if place.theirs not in told or place.ours.endswith("k_proj.bias"):
            continue  # tied; and what adds the same to all scores of a query
        mine, expected = ours.get_parameter(place.ours).grad, place.take(told[place.theirs])
        assert (mine - expected).abs().max() <= 1e-4 * expected.abs().max(), place.ours


SMALL = {"vocab_size": 90, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 80}
WRITTEN = {
    "BertForMaskedLM": BertConfig(**SMALL, max_position_embeddings=40),
    "BertForNextSentencePrediction": BertConfig(**SMALL, type_vocab_size=4),
    "BertForPreTraining": BertConfig(**SMALL),
    "BertForSequenceClassification": BertConfig(**SMALL, num_labels=7),
    "RobertaForMaskedLM": RobertaConfig(**SMALL, max_position_embeddings=40, type_vocab_size=1),
    "RobertaForSequenceClassification": RobertaConfig(**SMALL, pad_token_id=3, layer_norm_eps=1e-5),
    "LlamaForSequenceClassification": LlamaConfig(**SMALL, num_key_value_heads=2, num_labels=4, pad_token_id=0),
    "Qwen3ForSequenceClassification": Qwen3Config(
        **SMALL, num_key_value_heads=1, head_dim=8, num_labels=1, pad_token_id=0
    ),
    "GPT2ForSequenceClassification": GPT2Config(
        vocab_size=90, n_embd=48, n_layer=2, n_head=4, n_positions=80, pad_token_id=0, num_labels=2
    ),
}


@pytest.fixture(params=WRITTEN)
def written(request, tmp_path):
    theirs = shaken(
        getattr(transformers, request.param)._from_config(WRITTEN[request.param], attn_implementation="eager")
    )
    theirs.save_pretrained(tmp_path / "theirs")
    return theirs, tmp_path


def test_their_folders_say_what_they_say(written):
    theirs, path = written
    ours, family = folder.load(path / "theirs"), theirs.config.model_type
    given = texts(family, theirs.config.pad_token_id)
    with torch.inference_mode():
        alike(said_by_ours(ours, *given), said_by_theirs(theirs, *given), given[1])


def test_their_folder_comes_back_as_it_went(written):
    theirs, path = written
    folder.save(path / "back", folder.load(path / "theirs"))
    again = theirs_of(path / "back")
    assert type(again) is type(theirs) and again.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in theirs.state_dict().items())


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_the_last_token_is_found_on_either_side_of_padding(family, side, tmp_path):
    ours = model(f"{family} classes")
    folder.save(tmp_path, ours)
    theirs, (text, seen, types) = theirs_of(tmp_path, pad_token_id=0), texts(family)
    if side == "left":
        text, seen = text.flip(1), seen.flip(1)
    with torch.inference_mode():
        alike(said_by_ours(ours, text, seen, types), said_by_theirs(theirs, text, seen, types), seen)


def test_weights_that_older_files_write_twice_are_read_once(tmp_path):
    from safetensors.torch import load_file, save_file

    ours = model("bert masked")
    folder.save(tmp_path, ours)
    tensors = load_file(tmp_path / "model.safetensors")
    table, head = "bert.embeddings.word_embeddings.weight", "cls.predictions"
    more = {f"{head}.decoder.weight": tensors[table].clone(), f"{head}.decoder.bias": tensors[f"{head}.bias"].clone()}
    save_file(tensors | more | {"bert.embeddings.position_ids": torch.arange(64)[None]}, tmp_path / "model.safetensors")
    again = folder.load(tmp_path)
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in ours.state_dict().items())
    more[f"{head}.decoder.weight"][3] += 1
    save_file(tensors | more, tmp_path / "model.safetensors")
    with pytest.raises(Problem, match=r"cls.predictions.decoder.weight differs from bert.embeddings"):
        folder.load(tmp_path)


def test_the_first_uploads_names_are_read(tmp_path):
    """Norms of 2018 have a gamma and a beta, and the file brings a head that its config does not name."""
    from safetensors.torch import load_file, save_file

    ours, whole = model("bert masked"), model("bert pretraining", token_types=2)
    folder.save(tmp_path / "whole", whole)
    folder.save(tmp_path / "old", ours)
    path = tmp_path / "old" / "model.safetensors"
    more = {name: tensor for name, tensor in load_file(tmp_path / "whole" / "model.safetensors").items()
            if name.startswith(("cls.seq_relationship", "bert.pooler"))}  # fmt: skip
    assert len(more) == 4
    older = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    named = {}
    for name, tensor in load_file(path).items():
        end = next((new for new in older if name.endswith(new)), "")
        named[name.removesuffix(end) + older.get(end, "")] = tensor
    assert any("gamma" in name for name in named)
    save_file(named | more, path)
    again = folder.load(tmp_path / "old")
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in ours.state_dict().items())


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("architectures", ["BertForQuestionAnswering"], "BertForQuestionAnswering"), ("hidden_act", "relu", "hidden_act"),
     ("tie_word_embeddings", False, "tie_word_embeddings"), ("id2label", {"0": "only"}, "id2label"),
     ("position_embedding_type", "relative_key", "position_embedding_type"), ("is_decoder", True, "is_decoder")],
)  # fmt: skip
def test_a_config_that_means_something_else_is_refused(key, value, words, tmp_path):
    folder.save(tmp_path, model("bert classes"))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {key: value}))
    with pytest.raises(Problem, match=words):
        folder.load(tmp_path)


def test_the_tokenizers_marks_are_told_by_name(tmp_path):
    from groundup.tokenizer import Tokenizer

    specials = ["<|endoftext|>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    words = Tokenizer.train(["a red cup and a blue cup"] * 9, 60, "wordpiece", specials=specials)
    folder.save(tmp_path, model("bert pretraining", vocabulary=words.vocabulary), words)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    told = (theirs.pad_token, theirs.cls_token, theirs.sep_token, theirs.mask_token)
    assert told == ("[PAD]", "[CLS]", "[SEP]", "[MASK]")
    assert theirs_of(tmp_path).config.pad_token_id == words.specials["[PAD]"] == theirs.pad_token_id


def test_positions_that_others_would_count_by_another_padding_are_ours_alone(tmp_path):
    """RoBERTa's begin after the number of the padding token: a tokenizer with another one would be misread there."""
    from groundup.tokenizer import Tokenizer

    words = Tokenizer.train(
        ["a red cup and a blue cup"] * 9, 60, "wordpiece", specials=["<pad>", "<s>", "</s>", "<mask>"]
    )
    offset = words.specials["<pad>"] + 1
    for start, kind in ((2, "groundup"), (offset, "roberta")):
        made = model("roberta masked", vocabulary=words.vocabulary, position_offset=start)
        folder.save(tmp_path / kind, made, words)
        assert folder.read_json(tmp_path / kind / "config.json")["model_type"] == kind
        assert folder.load(tmp_path / kind).settings == made.settings
