"""`groundup plan` before anything runs: money and energy, probes, machines by name, refusals that say what would fit."""

import json

import pytest
from typer.testing import CliRunner

from groundup import hardware
from groundup.commands import app
from groundup.errors import Problem
from groundup.model import folder
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.recipe import bill, probing
from groundup.recipe.probing import ENDLESS, Probe, endless
from groundup.stages.train import Settings, lasts
from groundup.training.drawn import curve, heights
from groundup.training.schedules import rate
from groundup.training.settings import ScheduleSettings, TrainSettings
from tests.training_example import make, make_world, settings


def said(*words: str) -> str:
    return CliRunner().invoke(app, ["plan", *words], catch_exceptions=False).stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def test_a_recipe_says_its_price_and_its_energy():
    told = json.loads(said("tour", "--price", "3.6", "--watts", "1000", "--json"))
    for each in [*told["stages"], told["total"]]:
        assert each["dollars"] == pytest.approx(each["seconds"] / 1000, abs=1e-5)
        assert each["kwh"] == pytest.approx(each["seconds"] / 3600, abs=1e-5)
    assert told["total"]["seconds"] == pytest.approx(sum(each["seconds"] for each in told["stages"]))


def test_the_table_ends_with_the_learning_rate_drawn():
    shown = said("tour")
    assert "price" in shown and "learning rate of base: wsd" in shown and "300 steps" in shown


def test_another_machine_is_faster_and_dearer():
    here, there = (json.loads(said("tour", f"hardware={name}", "--json")) for name in ("cpu", "h100"))
    assert there["tariff"]["dollars_per_hour"] > here["tariff"]["dollars_per_hour"]
    speed = [next(each["seconds"] for each in told["stages"] if each["name"] == "base") for told in (here, there)]
    assert speed[1] < speed[0]


def test_what_cannot_fit_is_refused_with_what_would():
    with pytest.raises(Problem, match=r"RTX 3060 has 7.1 GB: base\.training\.accumulate=\d+.* would fit"):
        said("tour", "hardware=rtx3060", "base.training.rows=4096")


def test_a_machine_alone_says_what_it_is_good_for():
    told = json.loads(said("hardware=t4", "--hours", "2", "--json"))
    assert told["machines"][0]["precision"] == "f16" and told["machines"][0]["hours"] <= 2
    assert "its loss scaled" in said("hardware=t4", "--hours", "2")


def test_two_recipes_are_one_too_many():
    with pytest.raises(Problem, match="takes one recipe"):
        said("tour", "pocket")


def test_a_probe_times_the_real_training(world, tmp_path):
    asked = settings(world, **{"training.steps": 50, "training.validate_every": 10, "samples.prompts": ["the cup"]})
    found = probing.take(asked, 1, 0.3, tmp_path)
    assert found.steps == 50 and found.tokens == 8 * 32 and found.counted >= probing.FEWEST
    assert found.step_seconds > 0 and found.setup_seconds > 0 and found.look_seconds > 0 and found.peak_bytes > 10**8
    assert 50 * found.step_seconds < found.seconds(asked.training, True)


def test_a_training_by_hand_is_probed_and_leaves_nothing(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [f"data={world / 'tokens'}", "model.depth=2", "model.width=32", "training.steps=20", "training.rows=8"]
    told = json.loads(said("train", *words, "training.time=32", "--probe", "--probe-seconds", "0.2", "--json"))
    assert told["stages"][0]["memory_bytes"] == told["probes"]["train"]["peak_bytes"]
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_cannot_begin_says_why_to_who_probes_it(world):
    asked = settings(world, data=str(world / "nothing"))
    with pytest.raises(Problem, match="could not be probed: .*nothing"):
        probing.probe(asked, seconds=0.1)


def test_a_model_that_is_there_is_counted(world, tmp_path):
    made = make(tmp_path / "base", settings(world, **{"training.steps": 2}))
    told = json.loads(said("train", f"start={made}", f"data={world / 'tokens'}", "--json"))
    assert told["stages"][0]["parameters"] == sum(
        value.numel()
        for value in __import__("groundup.model.folder", fromlist=["load"]).load(made / "model").parameters()
    )


def test_looks_samples_and_checkpoints_are_counted():
    probe = Probe(2.0, 1.0, 1.0, 3.0, 4.0, 5.0, 0, 100, 64, 9)
    training = TrainSettings(steps=100, validate_every=25, samples_at=[1, 100], checkpoint_seconds=1e9)
    looks, samples = 4, 2
    assert probe.seconds(training, True) == pytest.approx(2 + 100 + 3 * looks + 4 * samples + 5 * (looks + samples + 1))
    often = training.model_copy(update={"checkpoint_every": 10})
    assert probe.seconds(often, True) == pytest.approx(probe.seconds(training, True) + 5 * 10)


@pytest.mark.parametrize("kind", ["constant", "linear", "cosine", "wsd"])
def test_the_curve_is_the_schedule(kind):
    asked = ScheduleSettings(kind=kind, warmup=0.2)
    assert heights(asked, 40, 64) == [rate(step, 40, asked) for step in range(40)]
    lines = curve(asked, 40, 0.03).splitlines()
    assert (
        lines[0].startswith("0.03 │")
        and lines[-1].endswith("40 steps")
        and len({len(line) for line in lines[:-1]}) == 1
    )
    full = [line.split("│")[1].count("█") for line in lines[:-2]]
    assert full == sorted(full), "the lower a line, the more of it is filled"


def test_a_long_curve_is_the_mean_of_its_stretches():
    told = heights(ScheduleSettings(kind="linear"), 100_000, 50)
    assert told == pytest.approx([1 - (column + 0.5) / 50 for column in range(50)], abs=1e-3)


def test_money_and_energy_read_as_a_person_says_them():
    assert [bill.money(each) for each in (0.0012, 1.239, 8100)] == ["0.12 ¢", "$1.24", "$8,100"]
    assert [bill.energy(each) for each in (0.012, 3.44, 812.3)] == ["12 Wh", "3.4 kWh", "812 kWh"]


@pytest.mark.parametrize(
    ("compile", "long", "probed"), (("auto", False, "off"), ("auto", True, "auto"), ("on", False, "on"))
)
def test_a_probe_compiles_layers_only_where_the_training_itself_would(compile, long, probed):
    asked = Settings.model_validate({"training": {"steps": 5, "compile": compile}})
    inner = endless(asked, long).training
    assert inner.steps == ENDLESS and inner.compile == probed


def test_how_long_a_training_from_a_start_lasts_is_told_by_the_start(tmp_path):
    made, machine = Transformer(ModelSettings(depth=2, width=64, vocabulary=300)), hardware.look()
    folder.save(tmp_path / "model", made)
    known = lasts(Settings.model_validate({"start": str(tmp_path), "training": {"steps": 100}}), machine)
    asked = {"model": made.settings.model_dump(), "training": {"steps": 100}}
    assert known == lasts(Settings.model_validate(asked), machine) > 5
    assert known < lasts(Settings.model_validate({"training": {"steps": 100}}), machine)
