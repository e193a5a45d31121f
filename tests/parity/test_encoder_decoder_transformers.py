"""T5 and Marian equal to Hugging Face's transformers in both directions, the Transformer of 2017 to torch's own."""

import json

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, MarianConfig, MarianMTModel, T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Attention

from groundup.errors import Problem
from groundup.generation.sequence import translate
from groundup.model import folder
from groundup.model.encoder_decoder import EncoderDecoder
from groundup.model.names import places
from groundup.model.relative_bias import buckets_of
from groundup.model.safetensors import TensorFile
from groundup.tokenizer import chat
from tests.encoder_decoder_example import ids, model
from tests.model_example import tokenizer

T5 = {"vocab_size": 60, "d_model": 32, "d_kv": 9, "d_ff": 48, "num_heads": 3, "eos_token_id": None,
      "decoder_start_token_id": 0}  # fmt: skip
MARIAN = {
    "vocab_size": 60, "d_model": 32, "max_position_embeddings": 128, "encoder_layers": 3, "decoder_layers": 2,
    "encoder_ffn_dim": 40, "decoder_ffn_dim": 48, "encoder_attention_heads": 2, "decoder_attention_heads": 4,
    "pad_token_id": 59, "decoder_start_token_id": 59, "eos_token_id": None, "forced_eos_token_id": None,
}  # fmt: skip
THEIRS = {
    "t5": T5Config(**T5, num_layers=3, num_decoder_layers=2),
    "t5 even": T5Config(**T5, num_layers=2, relative_attention_num_buckets=12, relative_attention_max_distance=30),
    "t5 1.1": T5Config(
        **T5, num_layers=1, num_decoder_layers=3, feed_forward_proj="gated-gelu", tie_word_embeddings=False
    ),
    "t5 1.1 made anew": T5Config(**T5, num_layers=2, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
    "marian swish": MarianConfig(**MARIAN, scale_embedding=True, activation_function="swish"),
    "marian relu": MarianConfig(**MARIAN, activation_function="relu"),
}


def made_by_them(name: str, path):
    """Their model with every number random, and its folder."""
    config, dice = THEIRS[name], torch.Generator().manual_seed(5)
    theirs = (MarianMTModel if name.startswith("marian") else T5ForConditionalGeneration)(config).eval()
    if name == "t5 1.1":
        theirs.lm_head.weight = torch.nn.Parameter(torch.zeros_like(theirs.lm_head.weight))
    numbers = [p for n, p in theirs.named_parameters() if "embed_positions" not in n]
    numbers += [b for n, b in theirs.named_buffers() if n == "final_logits_bias"]
    with torch.no_grad():
        for tensor in numbers:
            tensor.copy_(torch.randn(tensor.shape, generator=dice) * 0.3)
    theirs.save_pretrained(path)
    return theirs


@pytest.fixture(params=THEIRS)
def pair(request, tmp_path) -> tuple[EncoderDecoder, torch.nn.Module]:
    theirs = made_by_them(request.param, tmp_path)
    return folder.load(tmp_path), theirs


def test_logits_are_equal(pair):
    ours, theirs = pair
    source, target, mask = ids(3, 40), ids(3, 50, seed=3), torch.ones(3, 40, dtype=torch.long)
    mask[1, 25:] = mask[2, 3:] = 0
    with torch.inference_mode():
        mine = ours(source, target, mask)
        expected = theirs(input_ids=source, attention_mask=mask, decoder_input_ids=target).logits
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()


def test_gradients_are_equal(pair):
    ours, theirs = pair
    ours, theirs = ours.double().requires_grad_(True), theirs.double()  # some are a millionth of others
    source, target = ids(2, 20), ids(2, 20, seed=3)
    for logits in (ours(source, target), theirs(input_ids=source, decoder_input_ids=target).logits):
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten()).backward()
    told = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for place in places(ours.settings, dict(ours.named_parameters()), "hf"):
        if place.ours == "lm_head_bias" or place.ours.endswith("k_proj.bias"):
            continue  # what they do not train, and what adds the same to all scores of a query
        mine, expected = ours.get_parameter(place.ours).grad, told[place.theirs]
        assert (mine - expected).abs().max() <= 1e-4 * expected.abs().max(), place.ours


def test_their_folder_goes_through_ours_without_a_changed_bit(pair, tmp_path):
    ours, theirs = pair
    folder.save(tmp_path / "back", ours)
    again = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "back").eval()
    expected = theirs.state_dict()
    assert again.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in again.state_dict().items())
    source, target = ids(2, 20), ids(2, 20, seed=3)
    with torch.inference_mode():
        mine, told = (made(input_ids=source, decoder_input_ids=target).logits for made in (again, theirs))
    assert torch.equal(mine, told)


@pytest.mark.parametrize("shape", ["t5", "t5 1.1", "marian"])
def test_our_folder_is_read_there(shape, tmp_path):
    ours = model(shape)
    folder.save(tmp_path, ours)
    theirs = AutoModelForSeq2SeqLM.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        mine = ours(ids(2, 30), ids(2, 40, seed=3))
        expected = theirs(input_ids=ids(2, 30), decoder_input_ids=ids(2, 40, seed=3)).logits
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()


def test_the_transformer_of_2017_is_saved_as_ours_alone(tmp_path):
    ours = model("2017")
    folder.save(tmp_path, ours)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "groundup"
    again = folder.load(tmp_path)
    assert again.settings == ours.settings
    assert torch.equal(again(ids(1, 5), ids(1, 6)), ours(ids(1, 5), ids(1, 6)))


def test_beside_a_tokenizer_targets_begin_and_end_as_texts_do(tmp_path):
    words = tokenizer(300)
    ours, between = model("t5", vocabulary=310), words.specials[chat.SEPARATOR]
    folder.save(tmp_path, ours, words)
    theirs = AutoModelForSeq2SeqLM.from_pretrained(tmp_path).eval()
    source = torch.tensor([words.encode("the cat sat").tolist()])
    told = theirs.generate(source, max_new_tokens=20, do_sample=False)[0].tolist()
    assert told[0] == between
    assert translate(ours, source.tolist(), 20, between, between)[0] == [
        token for token in told[1:] if token != between
    ]


def of_torch(ours: EncoderDecoder) -> torch.nn.Transformer:
    """torch's transformer with our weights; it has no embedding, no positions and no head."""
    settings = ours.settings
    assert settings.encoder is not None
    theirs = torch.nn.Transformer(
        settings.width, settings.heads, settings.encoder.depth, settings.depth, settings.hidden, 0.0, batch_first=True
    ).eval()
    theirs.encoder.norm = theirs.decoder.norm = None  # the paper has none after the last layer
    halves = {"self_attn": "self_attn", "multihead_attn": "cross_attn"}
    names = {
        "linear1": "mlp.up_proj", "linear2": "mlp.down_proj", "norm1": "input_layernorm", "norm2": "cross_layernorm",
        "norm3": "post_attention_layernorm",
    }  # fmt: skip
    mine = ours.model.state_dict()
    with torch.no_grad():
        for name, tensor in theirs.state_dict().items():
            side, _, number, part, *rest = name.split(".")
            layer, end = f"{side}.layers.{number}.", rest[-1]
            if part in halves and rest[0].startswith("in_proj"):
                kept = [mine[f"{layer}{halves[part]}.{each}_proj.{end.removeprefix('in_proj_')}"] for each in "qkv"]
                tensor.copy_(torch.cat(kept))
            elif part in halves:
                tensor.copy_(mine[f"{layer}{halves[part]}.o_proj.{end}"])
            elif side == "encoder" and part == "norm2":
                tensor.copy_(mine[f"{layer}post_attention_layernorm.{end}"])
            else:
                tensor.copy_(mine[f"{layer}{names[part]}.{end}"])
    return theirs


def sines(time: int, width: int) -> torch.Tensor:
    """The paper's formula, place by place."""
    table = torch.empty(time, width, dtype=torch.float64)
    for at in range(time):
        for i in range(width // 2):
            angle = torch.tensor(at / 10_000 ** (2 * i / width), dtype=torch.float64)
            table[at, 2 * i], table[at, 2 * i + 1] = angle.sin(), angle.cos()
    return table.float()


def test_the_transformer_of_2017_equals_that_of_torch():
    ours = model("2017")
    theirs, table = of_torch(ours), ours.model.embed_tokens.weight
    source, target, mask = ids(3, 30), ids(3, 40, seed=3), torch.ones(3, 30, dtype=torch.bool)
    mask[1, 20:] = mask[2, 3:] = False
    with torch.no_grad():
        x, y = (table[text] * 32**0.5 + sines(text.shape[1], 32) for text in (source, target))
        future = torch.nn.Transformer.generate_square_subsequent_mask(40)
        told = theirs(x, y, tgt_mask=future, src_key_padding_mask=~mask, memory_key_padding_mask=~mask) @ table.T
        mine = ours(source, target, mask)
    assert (mine - told).abs().max() <= 2e-5 * told.abs().max()


def test_older_keys_mean_the_same(tmp_path):
    """Files of 2020 say neither furthest distances nor what transformers 5 worked out."""
    for name in ("t5", "t5 1.1"):
        theirs = made_by_them(name, tmp_path / name)
        config = json.loads((tmp_path / name / "config.json").read_text())
        new = folder.load(tmp_path / name)
        later = {"scale_decoder_outputs", "relative_attention_max_distance", "dense_act_fn", "is_gated_act", "dtype",
                 "classifier_dropout", "is_decoder"}  # fmt: skip
        old = {key: value for key, value in config.items() if key not in later}
        old |= {"n_positions": 512, "output_past": True, "torch_dtype": "float32", "tie_word_embeddings": name == "t5"}
        (tmp_path / name / "config.json").write_text(json.dumps(old))
        assert folder.load(tmp_path / name).settings == new.settings, name
        assert theirs.config.scale_decoder_outputs == new.settings.tied


def test_a_table_that_is_written_three_times_is_read_once_and_must_be_the_same(tmp_path):
    from safetensors.torch import load_file, save_file

    made_by_them("t5", tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    extra = {"encoder.embed_tokens.weight": tensors["shared.weight"].clone(),
             "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": torch.ones(32, 3)}  # fmt: skip
    save_file(tensors | extra, path)
    whole = folder.load(tmp_path)
    assert torch.equal(whole.model.embed_tokens.weight, tensors["shared.weight"])
    extra["encoder.embed_tokens.weight"][7, 3] += 1
    save_file(tensors | extra, path)
    with pytest.raises(Problem, match="encoder.embed_tokens.weight differs from shared.weight"):
        folder.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("t5", "feed_forward_proj", "gated-tanh"), ("marian relu", "activation_function", "tanh"),
     ("marian relu", "normalize_before", True), ("marian relu", "decoder_vocab_size", 61),
     ("marian relu", "share_encoder_decoder_embeddings", False), ("t5", "is_moe", True),
     ("t5", "relative_attention_num_buckets", 7), ("t5", "relative_attention_max_distance", 16)],
)  # fmt: skip
def test_a_config_that_means_something_else_is_refused(name, key, value, tmp_path):
    made_by_them(name, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {key: value}))
    with pytest.raises(Problem, match="furthest" if key.endswith("distance") else key):
        folder.load(tmp_path)


def test_their_file_holds_each_weight_once(tmp_path):
    folder.save(tmp_path, model("t5"))
    assert not [name for name in TensorFile(tmp_path / "model.safetensors").entries if "embed_tokens" in name]


def test_the_likeliest_target_is_the_same_for_64_tokens(pair):
    ours, theirs = pair
    start = theirs.config.decoder_start_token_id
    told = theirs.generate(ids(2, 9), max_new_tokens=64, do_sample=False, num_beams=1, eos_token_id=None,
                           use_cache=False)  # their cache has as many layers as the encoder  # fmt: skip
    assert translate(ours, ids(2, 9).tolist(), 64, start, None) == told[:, 1:].tolist()


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
def test_beams_find_the_same_targets(pair, penalty):
    ours, theirs = pair
    start, ended = theirs.config.decoder_start_token_id, 0
    for seed in range(2):
        source = ids(2, 9, seed)
        free = translate(ours, source.tolist(), 14, start, None)
        for end in (free[0][2], free[1][5]):
            told = theirs.generate(
                source, max_new_tokens=14, do_sample=False, num_beams=4, eos_token_id=end, pad_token_id=59,
                length_penalty=penalty, early_stopping=False, use_cache=False,
            )  # fmt: skip
            mine = translate(ours, source.tolist(), 14, start, end, beams=4, length_penalty=penalty)
            cut = [line[1:].tolist() for line in told]
            assert mine == [line[: line.index(end)] if end in line else line for line in cut]
            ended += sum(end in line for line in cut)
    assert ended


@pytest.mark.parametrize("both_ways", [True, False])
def test_distances_fall_into_the_same_buckets(both_ways):
    back = torch.arange(-700, 701)
    for buckets in (4, 8, 12, 32, 64, 128):
        for furthest in (buckets, 100, 128, 169, 250, 512):
            if furthest > buckets // 2:
                theirs = T5Attention._relative_position_bucket(-back, both_ways, buckets, furthest)
                assert torch.equal(buckets_of(back, buckets, furthest, both_ways), theirs)
