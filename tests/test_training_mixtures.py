"""A training on several folders of tokens: its report, its looks at each of them, and a kill that changes no bit of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundup import config
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.stages import train
from groundup.tokenizer import Tokenizer
from tests.test_training_held_out import write
from tests.test_training_killed import ENVIRONMENT, PROGRAM, hashes, wait_for
from tests.training_example import make, make_world, settings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The world of the other tests, and beside it sums in the same tokens."""
    place = make_world(tmp_path_factory.mktemp("world"), 60)
    tokenizer = Tokenizer.load(place / "tokens" / "tokenizer")
    write(place / "sums", tokenizer, [f"{a} and {b} make {a + b}!" for a in range(9) for b in range(9)])
    return place


def both(world: Path, **sums) -> dict:
    """Stories first, and sums more and more; the last fifth is sums alone."""
    changes = [{"at": 0.2, "weights": {"tokens": 3.0, "sums": 1.0}}, {"at": 0.8, "weights": {"sums": 1.0}}]
    return {
        "data": [{"path": str(world / "tokens")}, {"path": str(world / "sums")} | sums],
        "mixture": {"curriculum": changes, "between": "linear", "temperature": 2.0},
        "training.steps": 40,
    }


@pytest.fixture(scope="module")
def made(world, tmp_path_factory):
    return make(tmp_path_factory.mktemp("made") / "base", settings(world, **both(world)))


def test_the_report_of_the_mixture_says_what_was_wished_and_what_was_read(made, world):
    told = json.loads((made / "mixture.json").read_text())
    assert [(phase["from_step"], phase["to_step"]) for phase in told["phases"]] == [(0, 8), (8, 32), (32, 40)]
    assert told["phases"][2]["domains"]["tokens"]["rows"] <= 1  # what it was still owed of a row
    sizes = [len(Shards(world / name / "train").tokens) for name in ("tokens", "sums")]
    assert [told["domains"][name]["tokens"] for name in ("tokens", "sums")] == sizes
    first = sizes[0] ** 0.5 / (sizes[0] ** 0.5 + sizes[1] ** 0.5)  # temperature 2, and on the way from there to 3 : 1
    middle = sum(0.75 + (first - 0.75) * (1 - step / 8) for step in range(8)) / 8
    assert told["phases"][0]["domains"]["tokens"]["wished"] == pytest.approx(middle, abs=1e-5)
    for phase in (told["whole"], *(phase["domains"] for phase in told["phases"])):
        rows = sum(domain["rows"] for domain in phase.values())
        assert all(abs(domain["rows"] - domain["wished"] * rows) < 2 for domain in phase.values())
    assert sum(domain["tokens"] for domain in told["whole"].values()) == 40 * 8 * 32


def test_metrics_tell_the_shares_so_far_and_the_held_out_loss_of_each_domain(made):
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    losses = [line for line in lines if "loss" in line]
    assert losses[0]["share.tokens"] + losses[0]["share.sums"] == pytest.approx(1)
    assert losses[-1]["share.sums"] > losses[10]["share.sums"]
    told = json.loads((made / "mixture.json").read_text())["whole"]
    assert losses[-1]["share.sums"] == pytest.approx(told["sums"]["realised"], abs=1e-5)
    look = next(line for line in lines if "validation" in line)
    each = {name: look[f"validation.{name}"] for name in ("tokens", "sums")}
    assert look["validation"] == pytest.approx(sum(told[name]["realised"] * each[name] for name in each), rel=1e-4)
    assert min(look[f"bits_per_byte.{name}"] for name in each) <= look["bits_per_byte"]


def test_what_a_curriculum_ends_with_is_learnt_best(world, tmp_path):
    ends = {}
    for last in ("tokens", "sums"):
        asked = both(world) | {"training.steps": 60}
        asked["mixture"] = {"curriculum": [{"at": 0.3, "weights": {last: 1.0}}]}
        lines = (make(tmp_path / last, settings(world, **asked)) / "metrics.jsonl").read_text().splitlines()
        ends[last] = next(json.loads(line) for line in lines if "validation" in line)
    assert ends["sums"]["validation.sums"] < ends["tokens"]["validation.sums"]
    assert ends["tokens"]["validation.tokens"] < ends["sums"]["validation.tokens"]


def test_killed_on_the_way_through_a_curriculum_it_ends_with_the_same_bits(made, world, tmp_path):
    into = tmp_path / "base"
    asked = both(world) | {"training.checkpoint_every": 3}
    words = [f"{name}={json.dumps(value)}" for name, value in asked.items()]
    process = subprocess.Popen([*PROGRAM, str(into), str(world), *words], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    wait_for(into, 12, process)
    process.kill()
    process.wait(timeout=60)
    assert not into.exists() or os.path.islink(into)
    end = subprocess.run([sys.executable, *PROGRAM[1:], str(into), str(world), *words], env=ENVIRONMENT, timeout=120)
    assert end.returncode == 0 and hashes(into) == hashes(made)


def test_microbatches_read_the_same_rows(made, world, tmp_path):
    parts = make(tmp_path / "parts", settings(world, **both(world), **{"training.accumulate": 4}))
    assert (parts / "mixture.json").read_bytes() == (made / "mixture.json").read_bytes()
    first = [
        next(
            line["loss"]
            for line in map(json.loads, (place / "metrics.jsonl").read_text().splitlines())
            if "loss" in line
        )
        for place in (parts, made)
    ]
    assert first[0] == pytest.approx(first[1], rel=1e-6)  # later on, sums in another order have grown into a thousandth


def test_pages_that_are_replayed_may_be_a_mixture(world, tmp_path):
    asked = both(world) | {"texts": [str(world / "talk.jsonl")], "objective.replay": 0.5}
    (world / "talk.jsonl").write_text(json.dumps({"text": "the cup is in the shed."}) + "\n")
    made = make(tmp_path / "made", settings(world, **asked))
    told = json.loads((made / "mixture.json").read_text())
    assert sum(domain["rows"] for domain in told["whole"].values()) == 40 * 8 / 2


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, r"data.sums would be read .* may be read 2 times: [\d,]+ tokens are missing"),
        ({"objective.kind": "masked", "model.family": "bert"}, r"reads one folder of tokens, and `data` names 2"),
        ({"held_out": {"sums": "sums"}, "data": None}, r"sums is measured twice"),
    ],
)
def test_what_cannot_be_mixed_is_said_before_anything_is_learnt(world, tmp_path, said, words):
    asked = both(world, epochs=2.0) | said
    if "held_out" in said:
        asked |= {"data": both(world)["data"], "held_out": {"sums": str(world / "sums")}}
    with pytest.raises(Problem, match=words):
        make(tmp_path / "made", settings(world, **asked))


def test_a_mixture_of_one_s_own_and_foreign_tokens_is_refused(world, tmp_path):
    other = Tokenizer.train(["another text altogether. " * 9], 290, specials=["<|endoftext|>"])
    write(tmp_path / "other", other, ["another text altogether."] * 40)
    asked = both(world)
    asked["data"] = [*asked["data"], str(tmp_path / "other")]
    with pytest.raises(Problem, match="was made with another tokenizer"):
        make(tmp_path / "made", settings(world, **asked))


def test_packed_pages_are_learnt_and_their_padding_is_told(world, tmp_path):
    asked = {"training.packing": "best_fit", "training.time": 64, "training.steps": 30}
    made = make(tmp_path / "made", settings(world, **asked))
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    assert any("rows of whole documents" in line.get("note", "") for line in lines)
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < 0.8 * losses[0]
    mixed = make(tmp_path / "mixed", settings(world, **both(world) | asked))
    told = json.loads((mixed / "mixture.json").read_text())
    assert 0 < told["domains"]["sums"]["padding"] < 0.2
    with pytest.raises(Problem, match="packing: objective masked makes rows of its own"):
        make(tmp_path / "no", settings(world, **asked, **{"objective.kind": "masked", "model.family": "bert"}))


def test_a_curriculum_by_steps_is_the_one_by_shares(made, world, tmp_path):
    asked = both(world)
    for change, step in zip(asked["mixture"]["curriculum"], (8, 32), strict=True):
        change["step"] = step
        del change["at"]
    by_steps = make(tmp_path / "steps", settings(world, **asked))
    assert (by_steps / "mixture.json").read_bytes() == (made / "mixture.json").read_bytes()
    assert (by_steps / "model/model.safetensors").read_bytes() == (made / "model/model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("data", "mixture", "words"),
    [
        ([{"path": "a", "weight": 0}], {}, "all folders of `data` have weight 0"),
        (["x/a", "y/a"], {}, "two folders of `data` are called a"),
        ([{"path": "a", "weight": 1}, "b"], {}, "some folders of `data` have a weight and b has none"),
        ([{"path": "a", "weight": 1}], {"temperature": 2.0}, "makes weights of sizes, and `data` gives weights"),
        ("a", {"temperature": 2.0}, "`data` is not a list"),
        (["a", "bread"], {"curriculum": [{"at": 0.5, "weights": {"bred": 1}}]}, "did you mean bread"),
        (["a", "b"], {"curriculum": [{"at": 0, "weights": {"a": 1}}]}, "b has weight 0 from the first step to the last"),
        (["a"], {"curriculum": [{"at": 0.5, "step": 5, "weights": {"a": 1}}]}, "either `at` a share"),
        (["a"], {"curriculum": [{"at": 0.5, "weights": {"a": 1}}, {"at": 0.2, "weights": {"a": 1}}]}, "lie behind the one"),
        (["a"], {"curriculum": [{"at": 0.5, "weights": {"a": -1}}]}, "weights are 0 or more"),
    ],
)  # fmt: skip
def test_a_mixture_that_cannot_be_meant_is_refused_as_it_is_written(data, mixture, words):
    with pytest.raises(Problem, match=words):
        config.build(train.Settings, {"data": data, "mixture": mixture})


def test_folders_of_a_mixture_are_inputs_and_keep_the_names_they_were_written_by():
    asked = config.build(train.Settings, {"data": ["$web", {"path": "$town/tokens", "epochs": 2}]})
    assert config.inputs_of(asked) == {"data.0.path": "$web", "data.1.path": "$town/tokens"}
    found = config.replace_inputs(asked, {"data.0.path": "/run/web-0123", "data.1.path": "/run/town-4567/tokens"})
    assert [(domain.name, domain.path) for domain in found.data] == [
        ("web", "/run/web-0123"),
        ("tokens", "/run/town-4567/tokens"),
    ]
