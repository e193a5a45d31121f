"""The shoot-out: the same tokens, the same compute, every contestant in one table; what was made is not made again."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from groundup import config, hardware, run
from groundup.data.tokens import recall
from groundup.errors import Problem
from groundup.evaluation import attention_lengths, distance
from groundup.model import folder
from groundup.model.attention import ATTENTIONS, plain
from groundup.model.sight import Sight
from groundup.stages import load
from tests.training_example import make_world

LESSON = Path(__file__).parents[1] / "lessons" / "own_attention.py"
SMALL = {
    "families": ["llama", "gpt2"],
    "positions": ["none", "rotary", "alibi"],
    "size": {"depth": 1, "width": 32, "heads": 2, "context": 64},
    "steps": 6, "rows": 4, "time": 32, "recall_steps": 4, "recall_time": 32, "asked": 8, "lengths": [16, 32],
}  # fmt: skip
NAMES = ["llama", "gpt2", "llama, none", "llama, alibi", "averaging"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    torch.set_num_threads(1)
    return make_world(tmp_path_factory.mktemp("world"))


def asked(world: Path, **changed):
    given = {"data": str(world / "tokens"), "attentions": {"averaging": str(LESSON)}, **SMALL, **changed}
    return config.build(load("shootout").Settings, given)


def make(into: Path, settings) -> Path:
    module = load("shootout")
    stage = run.stage(into, "shootout", settings, version=module.VERSION, seed=1)
    return run.perform(stage, module.run, hardware.look())


@pytest.fixture(scope="module")
def made(world, tmp_path_factory):
    return make(tmp_path_factory.mktemp("runs") / "shootout", asked(world))


@pytest.fixture(scope="module")
def told(made):
    return json.loads((made / "report.json").read_text())


def numbers(told) -> list[float]:
    if isinstance(told, dict):
        return [number for value in told.values() for number in numbers(value)]
    if isinstance(told, list):
        return [number for value in told for number in numbers(value)]
    return [told] if isinstance(told, float) else []


def test_every_contestant_is_in_the_table_with_finite_numbers(made, told):
    assert [each["name"] for each in told["contestants"]] == NAMES
    table, page = (made / "table.txt").read_text(), (made / "report.html").read_text()
    assert all(name in table and name in page for name in NAMES)
    assert len(numbers(told)) > 100 and all(map(math.isfinite, numbers(told)))


def test_all_spend_the_same_arithmetic_within_one_step(told):
    budget = told["contestants"][0]["flops"]
    for each in told["contestants"]:
        assert abs(each["flops"] - budget) <= each["flops_of_a_step"] / 2
        assert each["curve"][-1][0] == each["flops"]


def test_a_second_make_rebuilds_nothing(made, world):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    assert make(made.parent / "shootout", asked(world)) == made
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before


def test_a_changed_file_of_ones_own_is_another_contest(made, world, tmp_path):
    (tmp_path / "own.py").write_text(LESSON.read_text() + "\n# changed\n")
    module, settings = load("shootout"), asked(world, attentions={"averaging": str(tmp_path / "own.py")})
    other = run.stage(made.parent / "shootout", "shootout", settings, version=module.VERSION, seed=1)
    assert other.folder != made


def test_the_page_has_one_plot_of_loss_against_arithmetic_and_the_rest_beside_it(made):
    page = (made / "report.html").read_text()
    assert "loss of each contestant against arithmetic" in page and "held-out loss by position" in page
    assert page.count("<svg") == 6 and "http" not in page.replace("http-equiv", "")


def test_the_best_of_the_contest_is_kept(made, told):
    kept = [each for each in told["contestants"] if each["name"] != "averaging"]
    best = min(kept, key=lambda each: each["validation"])
    assert folder.load(made / "model").settings.model_dump(mode="json") == best["model"]


def test_who_cannot_take_part_is_named(world):
    with pytest.raises(Problem, match="did you mean llama"):
        asked(world, families=["lama"])
    with pytest.raises(Problem, match="does not foretell"):
        asked(world, families=["t5"])
    with pytest.raises(Problem, match="did you mean rotary"):
        asked(world, positions=["rotar"])


def test_its_estimate_grows_with_contestants_and_steps(world):
    module, machine = load("shootout"), hardware.look()
    one, more = (module.estimate(asked(world, steps=steps), {}, machine) for steps in (100, 300))
    assert one.tokens < more.tokens and one.seconds < more.seconds
    assert (
        module.estimate(asked(world, attentions={}), {}, machine).tokens
        < module.estimate(asked(world), {}, machine).tokens
    )


def test_answers_to_recall_stand_in_the_text():
    batch = recall.Recall(rows=6, time=64, seed=3).batch(2)
    for ids, targets, weights in zip(batch.ids, batch.targets, batch.weights, strict=True):
        assert weights.any()
        shown = {}
        for token, target, weight in zip(ids.tolist(), targets.tolist(), weights.tolist(), strict=True):
            if token < recall.QUESTION:
                shown[token // recall.KEYS] = token % recall.KEYS
            if weight:
                assert recall.QUESTION <= token < recall.FILLER and shown[token - recall.QUESTION] == target
    again = recall.Recall(rows=6, time=64, seed=3).batch(2, [4])
    assert np.array_equal(again.ids, batch.ids[[4]])


@pytest.mark.parametrize("kind", recall.KINDS)
def test_what_is_asked_for_stands_where_it_should(kind):
    ids, answers = recall.at_distance(np.random.default_rng(1), kind, 9, 5)
    pairs, questions = ids[:, -10], ids[:, -1] - recall.QUESTION
    assert (pairs == questions * recall.KEYS + answers).all()


def test_a_model_that_looks_it_up_is_always_right():
    class Oracle(torch.nn.Module):
        def forward(self, ids, last):
            question = ids[:, -1:] - recall.QUESTION
            pair = ((ids // recall.KEYS == question) & (ids < recall.QUESTION)).float().argmax(1)
            value = ids[torch.arange(len(ids)), pair] % recall.KEYS
            return torch.nn.functional.one_hot(value, recall.VOCABULARY).float()

    found = distance.recalled(Oracle(), [4, 32], 20, 1)  # type: ignore[arg-type]
    assert found == {"needle": [1.0, 1.0], "associative": [1.0, 1.0]}


def test_memory_is_what_is_alive_at_once():
    with attention_lengths.Watch() as watch:
        first = torch.ones(1000)
        second = first + 1
        del first
        second.view(10, 100)[0] + torch.ones(100)
    assert watch.most == 8000
    small, large = (attention_lengths.measure(plain, length)["bytes"] for length in (64, 256))
    assert 12 < large / small < 18


def test_the_warning_follows_from_what_was_measured():
    found = {name: [{"length": 4096, "seconds": 1.0, "bytes": 100}] for name in ATTENTIONS}
    found["fused"] = [{"length": 4096, "seconds": 0.1, "bytes": 10}]
    assert "10 times as long" in attention_lengths.warning(found)
    assert attention_lengths.warning({name: [each[0] | {"length": 512}] for name, each in found.items()}) == ""


def test_the_definition_warns_of_long_texts():
    q = torch.zeros(1, 1, 2049, 1)
    with pytest.warns(UserWarning, match="plain"):
        ATTENTIONS["steps"](q, q, q, Sight(None))
