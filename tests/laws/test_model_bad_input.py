"""Files that are wrong in one thing: each is refused by the name of the tensor or setting, before memory is taken for it."""

import json
import struct

import pytest
import torch

from groundup.errors import Problem
from groundup.model import config_json, folder, gguf, quantize
from groundup.model.gguf_file import ARRAY, BOOL, FLOAT32, GGUF, INT32, STRING, TYPES, UINT32, pack
from groundup.model.names import give, places
from groundup.model.safetensors import write
from groundup.model.settings import ModelSettings
from tests.model_example import SHAPES, model, settings

ODD = ["x", None, [], {}, [1, "x"], {"x": 1}, -1, 0, 1.5, True, 1 << 80, ["full_attention"], {"rope_type": [1]}]


WITH_SOURCE = {"family": "t5", "width": 64, "heads": 4, "depth": 2, "vocabulary": 300, "encoder": {"depth": 2}}
MODELS = {shape: settings(shape) for shape in SHAPES} | {"t5": ModelSettings.model_validate(WITH_SOURCE)}


@pytest.mark.parametrize("shape", MODELS)
def test_whatever_a_config_says_it_is_read_or_refused(shape):
    good, refused = config_json.to_config(MODELS[shape]), 0
    for key in [*good, "groundup", "rope_scaling", "layer_types"]:
        for value in ODD:
            try:
                folder.bare(config_json.from_config(good | {key: value}, "config.json")[0])
            except Problem as problem:
                assert str(problem).startswith("config.json") and len(str(problem)) < 1000
                refused += 1
    assert refused > 5 * len(good)


@pytest.fixture
def saved(tmp_path):
    folder.save(tmp_path, model("llama"))
    return tmp_path


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_attention_heads": 0}, "num_attention_heads is 0"),
        ({"num_attention_heads": 3}, "kv_heads: 2 does not divide 3 heads"),
        ({"intermediate_size": 1 << 62}, "intermediate_size: .* less than or equal"),
        ({"intermediate_size": 1 << 24, "num_hidden_layers": 1024}, r"means \[16777216, 64\]"),
        ({"vocab_size": 1 << 31}, r"model\.embed_tokens\.weight is \[300, 64\]"),
        ({"groundup": "yes"}, "groundup is 'yes'"),
    ],
)
def test_sizes_that_the_files_do_not_hold_are_refused(saved, values, said):
    file = saved / folder.CONFIG
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    with pytest.raises(Problem, match=said):
        folder.load(saved)


def test_learned_positions_beyond_the_table_are_refused(tmp_path):
    folder.save(tmp_path, model("gpt2"))
    file = tmp_path / folder.CONFIG
    file.write_text(file.read_text().replace('"n_positions": 128', '"n_positions": 129'))
    with pytest.raises(Problem, match=r"wpe\.weight is \[128, 64\]; its config.json means \[129, 64\]"):
        folder.load(tmp_path)


def test_a_setting_given_twice_is_refused(saved):
    file = saved / folder.CONFIG
    file.write_text(file.read_text().replace("{", '{"hidden_size": 3,', 1))
    with pytest.raises(Problem, match="a name is given twice"):
        folder.load(saved)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int8, torch.bool, torch.float64])
def test_numbers_of_another_kind_are_refused(saved, dtype):
    state = dict(model("llama").state_dict())
    write(saved / folder.WEIGHTS, state | {"model.norm.weight": state["model.norm.weight"].to(dtype)})
    with pytest.raises(
        Problem, match=r"model\.norm\.weight holds torch\.\w+ numbers; read there: bfloat16, float16, float32"
    ):
        folder.load(saved)


def test_an_8_bit_model_whose_integers_are_none_is_refused(tmp_path):
    made = quantize.int8(model("llama"))
    folder.save(tmp_path, made)
    name = "model.layers.0.mlp.up_proj.weight"
    write(tmp_path / folder.WEIGHTS, dict(made.state_dict()) | {name: made.state_dict()[name].float()})
    with pytest.raises(Problem, match="up_proj.weight holds torch.float32 numbers; read there: int8"):
        folder.load(tmp_path)


@pytest.mark.parametrize("stray", ["value_head.weight", "model.norm.weight"])
def test_a_shard_with_a_tensor_that_the_index_does_not_place_there_is_refused(saved, stray):
    state = dict(model("llama").state_dict())
    names = sorted(state)
    write(saved / "a.safetensors", {name: state[name] for name in names[::2]} | {stray: torch.ones(64)})
    write(saved / "b.safetensors", {name: state[name] for name in names[1::2]} | {stray: torch.ones(64)})
    index = dict.fromkeys(names[::2], "a.safetensors") | dict.fromkeys(names[1::2], "b.safetensors")
    (saved / folder.SHARDS).write_text(json.dumps({"weight_map": index}))
    (saved / folder.WEIGHTS).unlink()
    with pytest.raises(Problem, match=f"holds the tensor {stray}, which .* does not place there"):
        folder.load(saved)


@pytest.mark.parametrize("kept", [0, 7, 8, 100, -20_000, -1])
def test_a_file_that_was_cut_is_refused(saved, kept):
    raw = (saved / folder.WEIGHTS).read_bytes()
    (saved / folder.WEIGHTS).write_bytes(raw[:kept])
    said = "the tensor 'model.* lies outside the file" if kept < 0 else "claims a header"
    with pytest.raises(Problem, match=said):
        folder.load(saved)


# --- GGUF ------------------------------------------------------------------------------------------------------------


def written(path, facts=(), **tensors):
    """A model's file with some facts and tensors put in the place of its own; None takes one away."""
    made = model("llama")
    state = made.state_dict()
    given = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    held = give(places(made.settings, state, "gguf"), state) | given
    held = {name: tensor for name, tensor in held.items() if tensor is not None}
    told = [fact for fact in gguf.describe(made.settings) if fact[0] not in {key for key, *_ in facts}]
    path.write_bytes(pack([*told, *facts], held, gguf.types_of(held, "f32")))
    return path


STRANGE = [
    (STRING, "x"),
    (UINT32, 0),
    (INT32, -1),
    (FLOAT32, float("nan")),
    (ARRAY, (UINT32, [1, 2])),
    (BOOL, True),
    (10, 1 << 63),
]


def test_whatever_a_fact_says_it_is_read_or_refused(tmp_path):
    refused = 0
    for key, *_ in gguf.describe(settings("llama")):
        for kind, value in STRANGE:
            try:
                gguf.read(written(tmp_path / "x.gguf", [(key, kind, value)]))
            except Problem as problem:
                assert str(problem).startswith(str(tmp_path)) and len(str(problem)) < 1000
                refused += 1
    assert refused > 60


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ([("general.architecture", STRING, "lama")], "of the family 'lama'; known: .*llama"),
        ([("llama.attention.head_count", UINT32, 0)], "llama.attention.head_count is 0"),
        ([("llama.attention.head_count", UINT32, 3)], "kv_heads: 2 does not divide 3 heads"),
        ([("llama.attention.sliding_window", UINT32, 4)], "llama.attention.sliding_window is 4, which"),
        ([("llama.expert_count", UINT32, 4)], "does not say llama.expert_used_count"),
        ([("llama.rope.scaling.type", STRING, "spiral")], r"scaled \(spiral\)"),
        ([("llama.rope.dimension_count", UINT32, 18)], "rope.dimension_count is 18; expected a number up to the 16"),
        ([("llama.attention.layer_norm_rms_epsilon", STRING, "x")], "rms_norm_eps: Input should be a valid number"),
        ([("llama.context_length", UINT32, 1), ("llama.context_length", UINT32, 2)], "'llama.context_length' twice"),
    ],
)
def test_a_fact_that_means_something_else_is_refused(tmp_path, facts, said):
    with pytest.raises(Problem, match=said):
        gguf.read(written(tmp_path / "x.gguf", facts))


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"blk__1__ffn_up__weight": None}, r"blk\.1\.ffn_up\.weight is missing; expected \[96, 64\]"),
        ({"token_embd__weight": None}, "no tensor token_embd.weight"),
        ({"blk__1__evil__weight": torch.ones(3)}, "blk.1.evil.weight, for which"),
        ({"output_norm__weight": torch.ones(3)}, r"output_norm\.weight measures \[3\]; expected \[64\]"),
        ({"rope_freqs__weight": torch.full((7,), 2.0)}, "has 7 numbers; there are 8 pairs"),
    ],
)
def test_a_gguf_with_other_tensors_is_refused(tmp_path, tensors, said):
    with pytest.raises(Problem, match=said):
        gguf.read(written(tmp_path / "x.gguf", **tensors))


def test_factors_of_one_change_nothing(tmp_path):
    gguf.read(written(tmp_path / "x.gguf", rope_freqs__weight=torch.ones(8)))


def crafted(path, tensors, data):
    """A file of no facts: tensors are (name, shape, number of the type, where its bytes begin)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 0)
    for name, shape, kind, begin in tensors:
        head += struct.pack("<Q", len(name)) + name.encode()
        head += struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], kind, begin)
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(data))
    return path


@pytest.mark.parametrize(
    ("tensors", "data", "said"),
    [
        ([("a", [8], 0, 0), ("a", [8], 0, 32)], 64, "the tensor 'a' twice"),
        ([("a", [16], 0, 0), ("b", [8], 0, 32)], 96, "'b' overlaps another"),
        ([("a", [8], 0, 0), ("b", [8], 0, 64)], 96, "'b' leaves a hole"),
        ([("a", [8], 0, 0)], 96, "64 bytes at its end belong to no tensor"),
        ([("a", [8], 0, 0)], 31, "'a' lies outside"),
        ([("a", [8], 0, 1 << 63)], 32, "'a' lies outside"),
        ([("a", [1 << 40, 1 << 40], 0, 0)], 32, "'a' lies outside"),
        ([("a", [0], 0, 0)], 0, "'a' lies outside"),
        ([("a", [2, 2, 2, 2, 2], 0, 0)], 128, "'a' has 5 dimensions"),
        ([("a", [8], 99, 0)], 32, "'a' is of type 99; read here: .*q4_k"),
        ([("a", [2, 16], TYPES["q4_0"], 0)], 32, "rows of 'a' do not fill blocks of 32"),
        ([("a", [8, 32], TYPES["q6_k"], 0)], 224, "rows of 'a' do not fill blocks of 256"),
        ([("a", [2, 256], TYPES["q4_k"], 0)], 287, "'a' lies outside"),
    ],
)
def test_a_crafted_head_is_refused(tmp_path, tensors, data, said):
    with pytest.raises(Problem, match=said):
        GGUF(crafted(tmp_path / "x.gguf", tensors, data))


def test_a_sound_head_is_read(tmp_path):
    file = GGUF(crafted(tmp_path / "x.gguf", [("b", [2, 256], TYPES["q4_k"], 32), ("a", [5], 0, 0)], 320))
    assert file.read("b").shape == (2, 256) and file.read("a").tolist() == [0.0] * 5


@pytest.mark.parametrize("kept", [0, 3, 23, 24, 200, 700, -20_000, -33])
def test_a_gguf_that_was_cut_is_refused(tmp_path, kept):
    raw = written(tmp_path / "x.gguf").read_bytes()
    (tmp_path / "x.gguf").write_bytes(raw[:kept])
    said = r"the tensor '\S+' lies outside" if kept < 0 else "shorter than it claims|does not begin with GGUF"
    with pytest.raises(Problem, match=said):
        gguf.read(tmp_path / "x.gguf")
