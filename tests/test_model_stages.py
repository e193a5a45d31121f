"""Quantise and export as stages, in real run folders: their files, their prices, their checks."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from groundup.data.shards import Shards, Writer
from groundup.errors import Problem
from groundup.generation.measure import bits_per_byte
from groundup.hardware import look
from groundup.model import folder, gguf, masks, quantize
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
    return made_by(tmp_path, kind, load(kind).Settings(**values))


def made_by(tmp_path, kind, asked):
    module = load(kind)
    seed = 1 if module.SEEDED else None
    return perform(stage(tmp_path / "made", kind, asked, version=module.VERSION, seed=seed), module.run, MACHINE)


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


@pytest.mark.parametrize(("kind", "share"), [("magnitude", 0.3), ("heads", 0.5), ("2:4", 0.5)])
def test_a_pruned_model_is_an_ordinary_folder_with_its_price(world, tmp_path, kind, share):
    values = {"model": str(world / "trained"), "data": str(world / "tokens"), "kind": kind, "share": share}
    into = made_by(tmp_path, "prune", load("prune").Settings.model_validate(values))
    told = json.loads((into / "pruned.json").read_text())
    before, after = folder.load(world / "trained" / "model"), folder.load(into / "model")
    assert before.state_dict().keys() == after.state_dict().keys()
    measured = bits_per_byte(after, Shards(world / "tokens" / "val"), 256, 128)
    assert measured == pytest.approx(told["bits_per_byte_after"], rel=1e-6)
    measured = bits_per_byte(before, Shards(world / "tokens" / "val"), 256, 128)
    assert measured == pytest.approx(told["bits_per_byte_before"], rel=1e-6)
    assert Tokenizer.load(into / "model").specials == tokenizer(320).specials
    if kind == "heads":
        assert after.settings.heads == before.settings.heads // 2 and told["heads_stay_because"] is None
        assert told["parameters_after"] < told["parameters_before"]
    else:
        zeros = sum(int((module.weight == 0).sum()) for module in masks.matrices(after).values())
        assert zeros == sum(layer["zeros"] for layer in told["layers"].values())
        assert told["removed"] == pytest.approx(share, abs=1e-3)


def test_a_pruned_model_learns_on_without_growing(world, tmp_path):
    from groundup.stages import train

    sparse = made(tmp_path / "sparse", "prune", model=str(world / "trained"), share=0.6)
    shutil.copytree(world / "tokens" / "val", tmp_path / "tokens" / "train")
    values = {"data": str(tmp_path / "tokens"), "start": str(sparse), "hold_zeros": True}
    values["training"] = {"steps": 4, "rows": 2, "time": 32, "precision": "f32"}
    into = made_by(tmp_path / "tuned", "train", train.Settings.model_validate(values))
    before, after = (masks.matrices(folder.load(each / "model")) for each in (sparse, into))
    for name, module in before.items():
        zero = module.weight == 0
        assert torch.equal(after[name].weight == 0, zero) and not torch.equal(after[name].weight, module.weight)
    values = {"tokenizer": str(sparse / "model"), "hold_zeros": True, "data": str(tmp_path / "tokens")}
    with pytest.raises(Problem, match="hold_zeros. keeps the zeros"):
        made_by(tmp_path / "odd", "train", train.Settings.model_validate(values))
