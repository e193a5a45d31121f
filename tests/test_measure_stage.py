"""Held-out accuracy and the exercises it is shown on: right is right, nothing of a test is learnt, what does not fit is said."""

import datetime
import json

import numpy as np
import pytest
import torch

from groundup import config, hardware, run
from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model import folder
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings
from groundup.objectives.guesses import count
from groundup.stages import load
from groundup.tokenizer import Tokenizer
from groundup.town import exercises, world
from tests.training_example import make_world


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A world and two models that were never trained."""
    torch.set_num_threads(1)
    place = make_world(tmp_path_factory.mktemp("world"), 60)
    tokenizer = Tokenizer.load(place / "tokens" / "tokenizer")
    for family in ("qwen3", "gru"):
        shape = ModelSettings(family=family, depth=1, width=16, heads=2, vocabulary=tokenizer.vocabulary)
        folder.save(place / family, build(shape, seed=1), tokenizer, "plain")
    return place


def made(into, kind, **said):
    module = load(kind)
    stage = run.stage(into, kind, config.build(module.Settings, said), version=module.VERSION, seed=1)
    return run.perform(stage, module.run, hardware.look())


def measured(place, into, family="qwen3", **said):
    given = {"models": {"mine": str(place / family)}, "data": {"town": str(place / "tokens")}, "rows": 4, "time": 16}
    return made(into, "measure", **(given | said))


def test_shares_are_those_of_a_textbook(place, tmp_path):
    told = json.loads((measured(place, tmp_path / "one", steps=3) / "report.json").read_text())
    found = told["models"]["mine"]["town"]["next_token"]
    model, source = folder.load(place / "qwen3", "f32").eval(), pages(Shards(place / "tokens" / "val"), 4, 16, seed=1)
    right, nats = [], []
    for step in range(3):
        batch = source.batch(step)
        logits = model(torch.tensor(batch.ids)).detach()
        right.append((logits.argmax(-1) == torch.tensor(batch.targets)).numpy())
        nats.append(
            torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(batch.targets).flatten()).item()
        )
    assert found["n"] == 3 * 4 * 16 and found["value"] == pytest.approx(np.mean(right), abs=1e-4)
    assert found["loss"] == pytest.approx(np.mean(nats), abs=1e-3)


def test_first_segments_are_told_apart_from_those_that_follow(place, tmp_path):
    told = json.loads((measured(place, tmp_path / "one", "gru", segments=3, steps=2) / "report.json").read_text())
    found = told["models"]["mine"]["town"]
    assert {name: each["n"] for name, each in found.items()} == {"first_segment": 128, "later_segments": 256}
    model, source = folder.load(place / "gru", "f32").eval(), pages(Shards(place / "tokens" / "val"), 4, 48, seed=1)
    whole = model(torch.tensor(source.batch(0).ids)).detach().argmax(-1).numpy() == source.batch(0).targets
    parts = [right.reshape(4, 16) for _, right, _, _ in count("next_token", model, source.batch(0), 3)]
    assert np.array_equal(np.concatenate(parts, 1), whole)


@pytest.mark.parametrize(
    ("family", "said", "words"),
    [
        ("qwen3", {"segments": 2}, "family qwen3, which carries no state"),
        ("qwen3", {"objective": {"kind": "classify"}}, "needs `labelled`"),
        ("qwen3", {"objective": {"kind": "preference"}}, "no right and wrong for objective preference"),
        ("gru", {"objective": {"kind": "masked"}, "segments": 2}, "measure.segments are of pages"),
    ],
)
def test_what_cannot_be_measured_is_said(place, tmp_path, family, said, words):
    with pytest.raises(Problem, match=words):
        measured(place, tmp_path / "one", family, **said)


def test_tokens_of_another_tokenizer_are_refused(place, tmp_path):
    other = make_world(tmp_path / "other", 10)
    tokenizer = Tokenizer.train(["quite another text"] * 9, 262)
    tokenizer.save(other / "tokens" / "tokenizer")
    with pytest.raises(Problem, match=r"data.town .* was made with another tokenizer than the model's"):
        measured(place, tmp_path / "one", data={"town": str(other / "tokens")})


def test_every_form_of_a_date_means_its_day():
    assert exercises.ordinal(1) == "1st" and exercises.ordinal(12) == "12th" and exercises.ordinal(23) == "23rd"
    date = datetime.date(1987, 5, 3)
    told = [form(date) for form in exercises.FORMS]
    assert told[:3] == ["3 May 1987", "May 3rd, 1987", "the 3rd of May 1987"] and all("1987" in each for each in told)


def test_nothing_of_a_test_is_learnt(tmp_path):
    into = made(tmp_path / "exercises", "exercises", rewritings=500, sortings=80, test=40)
    lines = {
        path.relative_to(into).as_posix(): [json.loads(line) for line in path.read_text().splitlines()]
        for path in into.glob("*/*.jsonl")
    }
    assert {name: len(found) for name, found in lines.items()} == {
        "rewritings/train.jsonl": 500, "rewritings/test.jsonl": 40,
        "sortings/train.jsonl": 80, "sortings/test.jsonl": 40,
    }  # fmt: skip
    for kind, asked in (("rewritings", "target"), ("sortings", "text")):
        learnt = {line[asked] for line in lines[f"{kind}/train.jsonl"]}
        assert not learnt & {line[asked] for line in lines[f"{kind}/test.jsonl"]}
    labels = [line["label"] for line in lines["sortings/train.jsonl"]]
    assert np.bincount(labels).tolist() == [10] * len(exercises.SORTS)
    assert json.loads((into / "report.json").read_text())["labels"] == list(exercises.SORTS)


def test_exercises_are_a_function_of_the_seed():
    town = world.build(1)
    one, again, other = (exercises.sortings(town, seed, 12, False) for seed in (1, 1, 2))
    assert one == again != other
    assert list(exercises.rewritings(1, 9, True)) == list(exercises.rewritings(1, 9, True))
