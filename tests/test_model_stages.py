"""Quantise and export as stages, in real run folders: their files, their prices, their checks."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

import groundup
from groundup.__main__ import main
from groundup.data.tokens.shards import Shards, Writer
from groundup.errors import Problem
from groundup.evaluation.report import of_price
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
    documents = [words.encode(TEXT * 3) for _ in range(6)]
    for part in ("train", "val"):
        writer = Writer(place / "tokens" / part, words.vocabulary)
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


def made(tmp_path, stage_kind, /, **values):
    return made_by(tmp_path, stage_kind, load(stage_kind).Settings(**values))


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
    assert quantize.is_quantised(small) and measured == pytest.approx(price["bits_per_byte_after"], rel=1e-6)
    assert folder.template(into / "model") == "plain"
    assert Tokenizer.load(into / "model").specials == tokenizer(320).specials


def test_quantising_twice_gives_the_same_bytes(world, tmp_path):
    one, two = (made(tmp_path / name, "quantize", model=str(world / "trained")) for name in ("a", "b"))
    names = sorted(path.relative_to(one) for path in (one / "model").rglob("*"))
    assert names and all((one / name).read_bytes() == (two / name).read_bytes() for name in names)
    assert (one / "price.json").read_bytes() == (two / "price.json").read_bytes()


def test_a_model_in_8_bits_is_not_quantised_again(world, tmp_path):
    small = made(tmp_path, "quantize", model=str(world / "trained"))
    with pytest.raises(Problem, match="int8 already"):
        made(tmp_path / "again", "quantize", model=str(small))


def test_several_kinds_are_priced_side_by_side(world, tmp_path):
    kinds = ["int8", "int4_g32", "gptq", "awq", "nf4", "w8a8"]
    asked = {"model": str(world / "trained"), "data": str(world / "tokens"), "kind": kinds, "calibration": 4}
    into = made(tmp_path, "quantize", **asked)
    price = json.loads((into / "price.json").read_text())
    found = {each["kind"]: each for each in price["kinds"]}
    assert list(found) == ["int8", "int4_g32", "gptq_g32", "awq_g32", "nf4", "w8a8"]
    assert price | {"kinds": None} == price["kinds"][0] | {"kinds": None}
    for kind, each in found.items():
        assert each["bytes_after"] == (into / kind / folder.WEIGHTS).stat().st_size
        small = folder.load(into / kind)
        assert quantize.scheme_of(small) == quantize.scheme(kind)
        measured = bits_per_byte(small, Shards(world / "tokens" / "val"), 256, 128)
        assert measured == pytest.approx(each["bits_per_byte_after"], rel=1e-6)
        assert 0 < each["nats_from_original"] < (0.02 if kind in ("int8", "w8a8") else 1.0)
    assert found["int4_g32"]["bytes_after"] < 0.7 * found["int8"]["bytes_after"]
    assert found["gptq_g32"]["nats_from_original"] < found["int4_g32"]["nats_from_original"]
    told = of_price.gathered(into)
    assert [each["kind"] for each in told] == ["as trained", *found] and all(each["speed"] > 0 for each in told)
    lines = of_price.table(told).splitlines()
    assert len(lines) == 8 and "KL, nats/token" in lines[0] and "tokens/s" in lines[0]
    page = (into / "price.html").read_text()
    assert (
        all(kind in page for kind in found) and page.count("<svg") == 2 and "http" not in page.replace("http-equiv", "")
    )


def test_kinds_that_read_a_text_want_one_that_is_not_measured_on(world, tmp_path):
    shutil.copytree(world / "tokens" / "val", tmp_path / "alone")
    for data in (None, str(tmp_path / "alone")):
        with pytest.raises(Problem, match="gptq_g32 reads a text.*train/"):
            made(tmp_path / "out", "quantize", model=str(world / "trained"), kind="gptq", data=data)


def test_kinds_in_the_settings_are_those_of_the_table():
    import typing

    known = typing.get_args(load("quantize").Kind)
    made = {quantize.scheme(kind).base for kind in known}
    assert made == set(quantize.KINDS)
    assert all(kind in (quantize.scheme(kind).kind, quantize.scheme(kind).base) for kind in known)


@pytest.mark.parametrize("kind", ["int4_g32", "nf4", "awq"])
def test_any_kind_is_exported_widened_and_served(world, tmp_path, kind):
    small = made(
        tmp_path / "small",
        "quantize",
        model=str(world / "trained"),
        kind=kind,
        data=str(world / "tokens"),
        calibration=4,
    )
    into = made(tmp_path / "out", "export", model=str(small), formats=["hf"])
    exported = folder.load(into / "hf")
    assert not quantize.is_quantised(exported) and json.loads((into / "check.json").read_text())["hf"]["same_weights"]
    ids = torch.arange(40)[None]
    with torch.inference_mode():
        torch.testing.assert_close(exported(ids), folder.load(small / "model")(ids), atol=1e-3, rtol=1e-3)
    lm = groundup.load(small / "model")
    assert lm.generate("The ", max_tokens=4) == lm.generate("The ", max_tokens=4) != ""


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
    assert told["nats_from_original"] > 0 and 0 < told["same_likeliest_tokens"] <= 1
    lines = of_price.table(of_price.gathered_pruned(into)).splitlines()
    assert len(lines) == 3 and "KL, nats/token" in lines[0] and lines[2].startswith(kind)
    assert Tokenizer.load(into / "model").specials == tokenizer(320).specials
    if kind == "heads":
        assert after.settings.heads == before.settings.heads // 2 and told["heads_stay_because"] is None
        assert told["parameters_after"] < told["parameters_before"]
    else:
        zeros = sum(int((module.weight == 0).sum()) for module in masks.matrices(after).values())
        assert zeros == sum(layer["zeros"] for layer in told["layers"].values())
        assert told["removed"] == pytest.approx(share, abs=1e-3)


def test_the_command_line_prints_what_each_kind_costs(world, tmp_path, capsys):
    asked = [str(world / "trained"), f"data={world / 'tokens'}", "rows=2"]
    assert main(["quantize", *asked, "--kind", "[int8, int4]", "--into", str(tmp_path / "small")]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("kind "))
    assert [line.split("  ")[0] for line in lines[at + 1 : at + 4]] == ["as trained", "int8", "int4_g32"]
    assert main(["prune", *asked, "--kind", "2:4", "--into", str(tmp_path / "sparse")]) == 0
    assert "bits/byte" in capsys.readouterr().out


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
