"""`groundup scaling`: from run folders to a law, its word on the next one, and a page."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from typer.testing import CliRunner

from groundup.commands import app
from groundup.errors import Problem
from groundup.experiments import scaling
from groundup.experiments.law import Law, Point
from groundup.experiments.scaling import Scaling, says
from groundup.model import cost, folder
from tests.training_example import make_world

LAW = Law(1.2, 30.0, 0.42, 90.0, 0.38)
PER = 6.5


def known(per: float = PER) -> list[Point]:
    grid = [(n, d) for n in (1e5, 4e5, 1.6e6) for d in (1e6, 4e6, 1.6e7)]
    return [Point(f"{n:.0f}", n, d, LAW.loss(n, d), per * n * d) for n, d in grid]


def test_what_is_said_of_a_known_law_is_true():
    told = says(known(), draws=10)
    assert (
        told["law"] == pytest.approx(asdict(LAW), rel=0.05) and told["off"] < 1e-3 and told["per"] == pytest.approx(PER)
    )
    ahead = told["next"]
    assert (ahead["parameters"], ahead["tokens"]) == (3.2e6, 3.2e7)
    assert ahead["loss"] == pytest.approx(LAW.loss(3.2e6, 3.2e7), rel=1e-3)
    for each in told["optimal"]:
        assert each["parameters"] == pytest.approx(LAW.best_size(each["flops"], PER), rel=0.05)
        assert each["parameters"] * each["tokens"] * PER == pytest.approx(each["flops"])
        assert each["sizes"][0] <= each["parameters"] * 1.001 and each["parameters"] <= each["sizes"][1] * 1.001
    words = scaling.text(told)
    assert "α = 0.42" in words and "twice the largest: 3.2M parameters, 32M tokens" in words
    assert "9 trainings barely fix 5 numbers" in words


def test_it_is_told_how_far_off_the_law_foretells_the_largest_training_from_the_others():
    points = known()
    assert abs(says(points, draws=10)["hindsight"]["off"]) < 0.01
    points[-1] = replace(points[-1], loss=0.7 * points[-1].loss)
    told = says(points, draws=10)
    assert told["hindsight"]["name"] == points[-1].name and told["hindsight"]["off"] == pytest.approx(1 / 0.7 - 1, 0.05)
    words = scaling.text(told)
    assert f"without {points[-1].name} it foretells" in words and "do not follow the law" in words
    assert "do not follow" not in scaling.text(says(known(), draws=10))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Nine trainings of a moment."""
    torch.set_num_threads(1)
    world = make_world(tmp_path_factory.mktemp("world"))
    settings = {"data": str(world / "tokens"), "training.rows": 4, "training.time": 32, "training.precision": "f32"}
    asked = Scaling(settings=settings, depths=[1, 2, 3], tokens=[256, 512, 1024], draws=10)
    into = tmp_path_factory.mktemp("scaling") / "law"
    return scaling.scaling(asked, into), into


def test_each_depth_is_trained_on_each_number_of_tokens(small):
    told, into = small
    assert len(told["points"]) == 9 and {point["tokens"] for point in told["points"]} == {256, 512, 1024}
    made = into / "runs" / "2-1024"
    model = folder.load(made / "model")
    point = next(point for point in told["points"] if point["name"] == "2-1024")
    assert point["parameters"] == sum(each.numel() for each in model.parameters())
    assert point["flops"] == 1024 * cost.flops_per_token(model.settings, 32, backward=True)
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    assert point["loss"] == [line["validation"] for line in lines if "validation" in line][-1]


def test_runs_that_are_there_say_the_same_as_when_they_were_made(small, tmp_path):
    told, into = small
    runs = sorted(str(path) for path in (into / "runs").iterdir() if path.is_symlink())
    done = CliRunner().invoke(
        app, ["scaling", *runs, "--draws", "10", "--into", str(tmp_path / "law")], catch_exceptions=False
    )
    again = json.loads((tmp_path / "law" / "scaling.json").read_text())
    assert done.exit_code == 0 and again["law"] == pytest.approx(told["law"], rel=1e-6)
    assert "L = E + A / N^α + B / D^β" in done.stdout


def test_the_page_needs_nothing_else(small):
    page = (small[1] / "report.html").read_text()
    assert page.count("<polyline") >= 3 and "http://" not in page and "https://" not in page


def test_what_is_no_training_is_refused(tmp_path):
    with pytest.raises(Problem, match="not a finished stage"):
        scaling.scaling(Scaling(runs=[str(tmp_path)]), tmp_path / "law")
    with pytest.raises(Problem, match="at least 6 trainings and there are 0"):
        scaling.scaling(Scaling(), tmp_path / "law")


@pytest.mark.parametrize("written", ["two", "0", "1.5"])
def test_depths_are_whole_numbers(written, tmp_path):
    with pytest.raises(Problem, match="whole numbers above 0"):
        CliRunner().invoke(app, ["scaling", "--depths", written, "--into", str(tmp_path)], catch_exceptions=False)
