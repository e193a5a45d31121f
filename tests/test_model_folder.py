"""A model's folder: what was saved comes back to the bit, and what is wrong with it is said before it does harm."""

import json
import os
import stat
import struct
import sys

import pytest
import torch

from groundup.errors import Problem
from groundup.model import folder, quantize
from groundup.model.safetensors import TensorFile, write
from groundup.model.transformer import Transformer
from tests.model_example import SHAPES, ids, model, settings, tokenizer


@pytest.fixture
def saved(tmp_path):
    folder.save(tmp_path, model())
    return tmp_path


def change_config(path, **values):
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | values))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_saved_comes_back_to_the_bit(shape, tmp_path):
    made = model(shape)
    folder.save(tmp_path / "one", made)
    back = folder.load(tmp_path / "one")
    assert back.settings == made.settings
    assert all(torch.equal(value, back.state_dict()[name]) for name, value in made.state_dict().items())
    folder.save(tmp_path / "two", back)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_settings_that_only_we_know_come_back(tmp_path):
    made = model(positions="sinusoidal", norm="layer", biases=True)
    folder.save(tmp_path, made)
    assert folder.load(tmp_path).settings == made.settings


@pytest.mark.parametrize("precision", ["f32", "bf16", "f16"])
def test_a_model_is_loaded_in_the_precision_asked_for(saved, precision):
    with torch.inference_mode():
        exact, made = folder.load(saved)(ids()), folder.load(saved, precision)(ids())
    assert made.dtype == folder.PRECISIONS[precision]
    assert (made.float() - exact).abs().max() <= {"f32": 0, "bf16": 0.05, "f16": 0.01}[precision] * exact.abs().max()


def test_files_can_be_read_by_whom_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        folder.save(tmp_path / "made", model(vocabulary=320), tokenizer(), "plain")
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "made").iterdir()}
    assert len(modes) >= 6 and set(modes.values()) == {0o640}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_8_bit_folder_is_a_quarter_and_answers_the_same_as_in_memory(shape, tmp_path):
    made = model(shape, width=128, hidden=384, heads=4, head_width=32, vocabulary=1000)
    small = quantize.int8(made)
    folder.save(tmp_path / "large", made)
    folder.save(tmp_path / "small", small)
    sizes = [(tmp_path / name / folder.WEIGHTS).stat().st_size for name in ("large", "small")]
    assert sizes[1] < 0.27 * sizes[0]
    back = folder.load(tmp_path / "small")
    with torch.inference_mode():
        exact, before, after = made(ids()), small(ids()), back(ids())
        widened = folder.load(tmp_path / "small", "f32")(ids())
    assert quantize.is_quantised(back) and torch.equal(before, after)
    torch.testing.assert_close(widened, after, atol=1e-4, rtol=1e-4)
    assert 0 < (after - exact).abs().max() < 0.1 * exact.abs().max()
    assert all(value.dtype != torch.float32 or value.ndim == 1 for value in back.state_dict().values())


def test_loading_in_8_bits_is_quantising_what_is_stored(saved):
    with torch.inference_mode():
        assert torch.equal(folder.load(saved, "int8")(ids()), quantize.int8(folder.load(saved))(ids()))


def test_weights_that_are_not_numbers_cannot_become_8_bits():
    made = model()
    made.lm_head = None
    made.model.embed_tokens.weight.data[3, 3] = float("inf")
    with pytest.raises(Problem, match="infinite"):
        quantize.int8(made)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_type": "qwen4"}, "qwen3"),
        ({"auto_map": {"AutoModel": "evil.py"}}, "auto_map"),
        ({"attn_logit_softcapping": 30}, "attn_logit_softcapping"),
        ({"hidden_act": "relu"}, "silu"),
        ({"rope_parameters": {"rope_type": "spiral", "factor": 4}}, "scaled as 'spiral'.*yarn"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 4, "twist": 1}}, "twist"),
        ({"rope_scaling": {"type": "linear", "factor": 0.5}}, "factor"),
        ({"rope_scaling": "linear"}, "expected a table"),
        ({"layer_types": ["sliding_attention"] * 2}, "use_sliding_window"),
        ({"layer_types": ["chunked_attention"] * 2}, "chunked_attention"),
        ({"hidden_size": "64"}, "hidden_size"),
        ({"hidden_size": 80}, "q_proj|embed_tokens|means"),
        ({"num_hidden_layers": 3, "layer_types": None}, "no tensor model.layers.2"),
        ({"num_hidden_layers": 1, "layer_types": None}, "no use"),
        ({"num_key_value_heads": 3}, "num_key_value_heads|kv_heads"),
        ({"vocab_size": None}, "vocab_size"),
        ({"model_type": "groundup"}, "groundup.settings"),
    ],
)
def test_a_config_that_means_something_else_is_refused(saved, values, said):
    change_config(saved, **values)
    with pytest.raises(Problem, match=said):
        folder.load(saved)


def test_a_missing_or_broken_config_is_said(saved):
    (saved / "config.json").write_text("{")
    with pytest.raises(Problem, match="not JSON"):
        folder.load(saved)
    (saved / "config.json").unlink()
    with pytest.raises(Problem, match="cannot be read"):
        folder.load(saved)


def test_an_id_outside_the_vocabulary_is_named():
    for made in (model(), quantize.int8(model())):
        with pytest.raises(Problem, match="Token id 300 is outside the vocabulary of 300"):
            made(torch.tensor([[1, 300]]))


def test_a_text_beyond_learned_positions_is_refused():
    with pytest.raises(Problem, match="Position 128 is beyond the 128 places"):
        model("gpt2")(ids(1, 129))


def test_a_tokenizer_larger_than_the_model_is_refused(tmp_path):
    with pytest.raises(Problem, match="do not belong together"):
        folder.save(tmp_path, model(vocabulary=260), tokenizer())


# --- the safetensors file itself -------------------------------------------------------------------------------------

GOOD = {
    "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    "b": {"dtype": "I8", "shape": [3], "data_offsets": [8, 11]},
}


def crafted(path, header, data=bytes(11), length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return path


def test_a_sound_file_is_read(tmp_path):
    file = TensorFile(crafted(tmp_path / "x.safetensors", GOOD, bytes(range(11))))
    assert file.read("b").tolist() == [8, 9, 10] and file.read("a").shape == (2,)


def entry(**changed):
    return GOOD | {"b": GOOD["b"] | changed}


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            b'{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}',
            "twice",
        ),
        (entry(data_offsets=[7, 10]), "overlaps"),
        (entry(data_offsets=[9, 12]), "outside"),
        (entry(data_offsets=[8, 1 << 62]), "outside"),
        (entry(data_offsets=[11, 8]), "outside"),
        (entry(shape=[4]), "as many bytes"),
        (entry(shape=[-3]), "shape"),
        (entry(shape=[True, 3]), "shape"),
        (entry(dtype="PICKLE"), "dtype"),
        (entry(extra=1), "described by"),
        ({"a": GOOD["a"]}, "belong to no tensor"),
        (GOOD | {"__metadata__": {"x": 1}}, "metadata"),
        (GOOD | {"__metadata__": 3}, "metadata"),
        ([], "table"),
        (b'{"a": NaN}', "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (entry(shape=[1 << 40, 1 << 40, 0]), "as many bytes"),
    ],
)
def test_a_crafted_header_is_refused(tmp_path, header, said):
    with pytest.raises(Problem, match=said):
        TensorFile(crafted(tmp_path / "x.safetensors", header))


@pytest.mark.parametrize("length", [0, 1, 1 << 40, (1 << 64) - 1])
def test_a_header_longer_than_its_file_is_refused(tmp_path, length):
    with pytest.raises(Problem, match="claims a header"):
        TensorFile(crafted(tmp_path / "x.safetensors", GOOD, length=length))


def test_a_hole_between_tensors_is_refused(tmp_path):
    with pytest.raises(Problem, match="hole"):
        TensorFile(crafted(tmp_path / "x.safetensors", entry(data_offsets=[9, 12]), bytes(12)))


def test_a_shard_outside_the_folder_is_refused(saved):
    (saved / folder.WEIGHTS).rename(saved.parent / "outside.safetensors")
    (saved / folder.SHARDS).write_text(json.dumps({"weight_map": {"lm_head.weight": "../outside.safetensors"}}))
    with pytest.raises(Problem, match=r"only \.safetensors files beside it"):
        folder.load(saved)


def test_wrong_shapes_are_found_before_memory_is_taken(saved):
    state = dict(model().state_dict())
    state["model.norm.weight"] = torch.ones(63)
    write(saved / folder.WEIGHTS, state)
    with pytest.raises(Problem, match=r"model\.norm\.weight is \[63\]"):
        folder.load(saved)


def test_loading_runs_nothing_from_the_folder(saved):
    seen = []
    watched = ("pickle.find_class", "exec", "compile", "socket.connect", "subprocess.Popen", "os.system", "import")
    (saved / "modeling.py").write_text("raise SystemExit")
    folder.load(saved)  # what is imported on the way is imported now
    active = [True]
    sys.addaudithook(lambda event, args: seen.append(event) if active and event in watched else None)
    folder.load(saved)
    active.clear()
    assert seen == []


def test_a_model_without_a_vocabulary_is_not_built():
    with pytest.raises(Problem, match="vocabulary"):
        Transformer(settings(vocabulary=0))
