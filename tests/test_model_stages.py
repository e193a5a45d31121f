"""Quantise and export as stages, in real run folders: their files, their prices, their checks."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from groundup.data.shards import Shards, Writer
from groundup.errors import Problem
from groundup.generation.measure import bits_per_byte
from groundup.hardware import look
from groundup.model import folder, gguf, quantize
from groundup.run import Estimate, perform, stage
from groundup.stages import load
from groundup.tokenizer import Tokenizer
from tests.model_example import TEXT, model, settings, tokenizer

MACHINE = replace(look(), threads=1)  # other tests run beside these


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A model that has learnt one text a little, and that text as tokens."""
    from groundup.model.transformer import Transformer

    place, words = tmp_path_factory.mktemp("world"), tokenizer(320)
    writer = Writer(place / "tokens" / "val", words.vocabulary)
    documents = [words.encode(TEXT * 3) for _ in range(6)]
    writer.add(documents, 6 * 3 * len(TEXT.encode()))
    writer.close()
    made = Transformer(settings(vocabulary=words.vocabulary, tied=False))
    optimizer = torch.optim.AdamW(made.parameters(), lr=0.01)
    text = torch.from_numpy(np.concatenate(documents)[:129].astype(np.int64))[None]
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(made(text[:, :-1])[0], text[0, 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    folder.save(place / "trained" / "model", made, words, "plain")
    return place


def made(tmp_path, kind, **values):
    module = load(kind)
    return perform(
        stage(tmp_path / "made", kind, module.Settings(**values), version=module.VERSION), module.run, MACHINE
    )


def test_eight_bits_cost_almost_nothing_and_save_three_quarters(world, tmp_path):
    into = made(tmp_path, "quantize", model=str(world / "trained"), data=str(world / "tokens"))
    price = json.loads((into / "price.json").read_text())
    assert price["bytes_after"] == (into / "model" / folder.WEIGHTS).stat().st_size < 0.3 * price["bytes_before"]
    assert 0 < abs(price["bits_per_byte_change"]) < 0.005
    small = folder.load(into / "model")
    measured = bits_per_byte(small, Shards(world / "tokens" / "val"), 256, 128)
    assert quantize.is_int8(small) and measured == pytest.approx(price["bits_per_byte_after"], rel=1e-6)
    assert folder.template(into / "model") == "plain"
    assert Tokenizer.load(into / "model").specials == tokenizer(320).specials


def test_quantising_twice_gives_the_same_bytes(world, tmp_path):
    one, two = (made(tmp_path / name, "quantize", model=str(world / "trained")) for name in ("a", "b"))
    names = sorted(path.relative_to(one) for path in (one / "model").rglob("*"))
    assert names and all((one / name).read_bytes() == (two / name).read_bytes() for name in names)
    assert (one / "price.json").read_bytes() == (two / "price.json").read_bytes()


def test_a_model_in_8_bits_is_not_quantised_again(world, tmp_path):
    small = made(tmp_path, "quantize", model=str(world / "trained"))
    with pytest.raises(Problem, match="8 bits already"):
        made(tmp_path / "again", "quantize", model=str(small))


@pytest.mark.parametrize("type", ["f32", "q8_0", "q4_0"])
def test_an_export_is_read_back_and_checked(world, tmp_path, type):
    into = made(tmp_path, "export", model=str(world / "trained"), type=type)
    checks = json.loads((into / "check.json").read_text())
    weights = (world / "trained" / "model" / folder.WEIGHTS).read_bytes()
    assert checks["read"][folder.WEIGHTS] == hashlib.sha256(weights).hexdigest()
    assert checks["hf"]["same_weights"] and checks["hf"]["largest_difference_of_logits"] == 0
    assert checks["gguf"]["same_ids"] and checks["gguf"]["settings"]
    assert checks["gguf"]["same_weights"] is (type == "f32")
    assert (checks["gguf"]["largest_difference_of_logits"] == 0) is (type == "f32")
    trained = folder.load(world / "trained" / "model").settings
    assert folder.load(into / "hf").settings == gguf.read(into / "model.gguf").settings == trained


def test_an_8_bit_model_is_exported_widened(world, tmp_path):
    small = made(tmp_path / "small", "quantize", model=str(world / "trained"))
    into = made(tmp_path / "out", "export", model=str(small), formats=["hf"])
    assert json.loads((into / "hf" / "config.json").read_text())["model_type"] == "qwen3"
    assert not (into / "model.gguf").exists()


def test_parts_without_a_name_elsewhere_are_refused_by_name(tmp_path):
    folder.save(tmp_path / "odd", model(positions="sinusoidal"))
    with pytest.raises(Problem, match="positions = sinusoidal"):
        made(tmp_path, "export", model=str(tmp_path / "odd"))
    with pytest.raises(Problem, match="positions = sinusoidal"):
        gguf.write(tmp_path / "x.gguf", model(positions="sinusoidal"))


def test_bits_per_byte_of_a_model_that_knows_nothing_are_those_of_guessing(world):
    from groundup.model.transformer import Transformer

    shards = Shards(world / "tokens" / "val")
    fresh = Transformer(settings(vocabulary=shards.vocabulary, tied=False))
    guessing = np.log2(shards.vocabulary) * len(shards.tokens) / shards.text_bytes
    assert bits_per_byte(fresh, shards, 4, 16) == pytest.approx(guessing, rel=1e-5)


def test_estimates_follow_the_model():
    before = {"model": Estimate(parameters=1_000_000)}
    quantised = load("quantize").estimate(load("quantize").Settings(model="m"), before, look())
    exported = load("export").estimate(load("export").Settings(model="m"), before, look())
    assert 1e6 < quantised.disk_bytes < 2e6 and 8e6 < exported.disk_bytes < 9e6


def test_a_folder_without_a_model_is_said(tmp_path):
    with pytest.raises(Problem, match="is it a model's folder|is .* a model's folder"):
        folder.load(tmp_path)
