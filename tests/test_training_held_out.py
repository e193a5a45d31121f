"""Other held-out texts beside one's own, spans cut out of pages, and going on from a folder: what the train stage is told."""

import json
import shutil

import numpy as np
import pytest

from groundup.data.tokens.shards import Writer
from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, chat
from tests.training_example import make, make_world, settings

SENTINELS = [f"<extra_id_{number}>" for number in range(4)]


def write(folder, tokenizer, texts):
    """Shards of some texts, all of them held out as well."""
    tokenizer.save(folder / "tokenizer")
    before = [tokenizer.specials[chat.SEPARATOR]]
    for name in ("train", "val"):
        writer = Writer(folder / name, tokenizer.vocabulary)
        writer.add([np.concatenate([before, tokenizer.encode(text)]) for text in texts], sum(map(len, texts)))
        writer.close()
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The world of the other tests, and beside it a text of another kind in the same tokens."""
    place = make_world(tmp_path_factory.mktemp("world"), 60)
    tokenizer = Tokenizer.load(place / "tokens" / "tokenizer")
    write(place / "sums", tokenizer, [f"{a} and {b} make {a + b}!" for a in range(9) for b in range(9)])
    marked = Tokenizer.train(["the cup is in the shed."] * 9, 270, specials=[*chat.specials(), *SENTINELS])
    write(place / "marked", marked, ["the cup is in the shed. the hat is in the barn."] * 40)
    return place


def last(made) -> dict:
    lines = map(json.loads, (made / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if "step" in line][-1]


def test_going_on_with_new_text_shows_what_is_gained_and_what_is_lost(world, tmp_path):
    long = {"training.steps": 60, "training.rows": 8}
    both = {"held_out": {"old": str(world / "tokens"), "new": str(world / "sums")}}
    base = make(tmp_path / "base", settings(world, **long, **both))
    assert last(base)["validation"] == last(base)["validation.old"] < last(base)["validation.new"]
    shutil.copytree(base / "model", tmp_path / "imported")  # any folder of a model, wherever it comes from
    said = {"start": str(tmp_path / "imported"), "data": str(world / "sums")} | both | long
    went_on = make(tmp_path / "on", settings(world, **said, **{"training.validate_every": 20}))
    before, after = last(base), last(went_on)
    assert after["validation.new"] < before["validation.new"] - 1
    assert after["validation.old"] > before["validation.old"] + 0.1
    assert {"bits_per_byte.old", "bits_per_byte.new"} <= set(after)


def test_looking_changes_no_bit(world, tmp_path):
    plain = make(tmp_path / "plain", settings(world))
    looked = make(tmp_path / "looked", settings(world, held_out={"new": str(world / "sums")}))
    assert (plain / "model/model.safetensors").read_bytes() == (looked / "model/model.safetensors").read_bytes()


def test_the_stage_teaches_to_restore_spans_and_looks_at_held_out_ones(world, tmp_path):
    said = {
        "data": str(world / "marked"),
        "objective.kind": "spans",
        "model.family": "t5",
        "model.encoder": {"depth": 1},
    }
    made = make(tmp_path / "made", settings(world, **said, **{"training.steps": 60, "training.time": 16}))
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    loss = [line["loss"] for line in lines if "loss" in line]
    assert loss[-1] < 0.5 * loss[0] and last(made)["validation"] < 0.5 * loss[0]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"held_out": {"other": "marked"}}, "held_out.other .* was made with another tokenizer than the model's"),
        ({"held_out": {"short": "short"}}, "held_out.short keeps too little text back"),
        ({"objective.kind": "spans", "model.family": "t5", "model.encoder": {"depth": 1}}, "no <extra_id_0>"),
        ({"objective.kind": "spans"}, "spans does not fit the family qwen3"),
        ({"objective.kind": "classify", "model.head": {"kind": "classify_last", "classes": 2}, "labelled": ["l.jsonl"],
          "held_out": {"new": "sums"}}, "held_out measures on pages"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(world, tmp_path, said, words):
    (world / "l.jsonl").write_text('{"text": "the cup", "label": 1}\n')
    if not (world / "short").exists():
        write(world / "short", Tokenizer.load(world / "tokens" / "tokenizer"), ["a"])
    given = dict(said)
    if "held_out" in given:
        given["held_out"] = {name: str(world / path) for name, path in given["held_out"].items()}
    if "labelled" in given:
        given["labelled"] = [str(world / "l.jsonl")]
    with pytest.raises(Problem, match=words):
        make(tmp_path / "made", settings(world, **given))


def test_new_pages_must_be_of_the_start_model_s_tokens(world, tmp_path):
    base = make(tmp_path / "base", settings(world, **{"training.steps": 2}))
    with pytest.raises(Problem, match="data .* was made with another tokenizer than the model's"):
        make(tmp_path / "on", settings(world, start=str(base), data=str(world / "marked")))
