"""Searches: what is drawn follows from the seed, trials are dropped as the method says, a kill changes nothing."""

import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from groundup import run
from groundup.commands import app
from groundup.errors import Problem
from groundup.experiments.search import Search, ladder, search
from groundup.experiments.space import dimension, dimensions, drawn
from tests.training_example import make_world

OVER = {"training.optimizer.rate": "log:1e-3..1e-1", "model.heads": "1,2,3"}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def asked(world, **values) -> Search:
    settings = {"data": str(world / "tokens"), "model.depth": 1, "model.width": 32, "training.steps": 6}
    settings |= {"training.rows": 4, "training.time": 32, "training.precision": "f32"}
    return Search.model_validate({"over": OVER, "settings": settings, "trials": 4} | values)


@pytest.fixture(scope="module")
def undisturbed(world, tmp_path_factory):
    into = tmp_path_factory.mktemp("search") / "halving"
    return search(asked(world, method="halving", reduction=2), into), into


def test_a_draw_is_a_function_of_seed_setting_and_trial():
    over = dimensions(OVER)
    draws = [drawn(over, 7, trial) for trial in range(200)]
    assert draws == [drawn(over, 7, trial) for trial in range(200)] != [drawn(over, 8, trial) for trial in range(200)]
    rates = sorted(each["training.optimizer.rate"] for each in draws)
    assert 1e-3 <= rates[0] and rates[-1] <= 1e-1 and rates[100] == pytest.approx(1e-2, rel=0.5)  # evenly in powers
    assert {each["model.heads"] for each in draws} == {1, 2, 3}
    more = dimensions(OVER | {"model.depth": "1,2"})  # another setting does not change what the others draw
    assert [drawn(more, 7, 3)[name] for name in OVER] == [drawn(over, 7, 3)[name] for name in OVER]


def test_whole_ends_draw_whole_numbers_and_places_lie_between_the_ends():
    width = dimension("model.width", "lin:16..64")
    found = {width.draw(1, trial) for trial in range(300)}
    assert all(isinstance(each, int) for each in found) and min(found) == 16 and max(found) == 64
    for written in ("lin:0.1..0.9", "log:1e-4..1e-1", "2,4,8"):
        each = dimension("x", written)
        assert all(0 <= each.place(each.draw(1, trial)) <= 1 for trial in range(50))


@pytest.mark.parametrize("written", ["log:0..1", "log:1..0.1", "cube:1..2", "lin:1", "4", "lin:a..b", "log:1..2..3"])
def test_what_is_no_range_is_refused_with_an_example(written):
    with pytest.raises(Problem, match=r"x.*(expected|needs)"):
        dimension("x", written)


def test_random_trains_all_and_halving_the_better_ones_longer():
    nine = {"over": OVER, "trials": 9}
    assert ladder(Search(**nine), 90) == [(9, 1.0)]
    found = ladder(Search(**nine, method="halving"), 90)
    assert [(count, round(share * 90)) for count, share in found] == [(9, 10), (3, 30), (1, 90)]


def test_a_budget_of_steps_means_fewer_trials():
    assert ladder(Search(over=OVER, steps=350), 100) == [(3, 1.0)]
    found = ladder(Search(over=OVER, trials=27, method="halving", steps=400), 90)
    assert 250 < sum(count * round(share * 90) for count, share in found) <= 400
    with pytest.raises(Problem, match="not enough for one trial of 100 steps"):
        ladder(Search(over=OVER, steps=50), 100)


def test_the_better_half_goes_on_and_what_cannot_be_trained_is_said(undisturbed):
    table, into = undisturbed
    by_rung = {rung: [each for each in table if each.rung == rung and not each.refused] for rung in (0, 1, 2)}
    assert [each.steps for each in table if not each.refused][0] == 6 and len(by_rung[2]) == 1
    for rung in (1, 2):
        losses = sorted((each.loss, each.trial) for each in by_rung[rung - 1])
        assert {each.trial for each in by_rung[rung]} <= {trial for _, trial in losses[: len(by_rung[rung])]}
    for each in table:
        assert bool(each.refused) == (each.values["model.heads"] == 3)
        assert not each.refused or "heads" in each.refused


def test_every_trial_is_a_run_folder_that_verifies(undisturbed):
    table, into = undisturbed
    best = table[0]
    folder = into / "trials" / f"{best.trial:03}-{best.steps}"
    assert (
        run.read_manifest(folder)["settings"]["training"]["optimizer"]["rate"] == best.values["training.optimizer.rate"]
    )
    assert run.verify(folder).files > 3


def test_the_page_needs_nothing_else_and_shows_every_trial(undisturbed):
    table, into = undisturbed
    page = (into / "report.html").read_text()
    trained = [each for each in table if each.loss is not None]
    assert page.count("<polyline") == len(trained) and page.count("<circle") == len(OVER) * len(trained)
    assert "http://" not in page and "https://" not in page


def test_a_search_that_is_asked_again_trains_nothing(undisturbed, world):
    table, into = undisturbed
    before = (into / "table.json").read_bytes()

    def kept(said, where, seed):
        assert where.exists(), "nothing is to be trained"
        return where

    again = search(asked(world, method="halving", reduction=2), into, kept)
    assert again == table and (into / "table.json").read_bytes() == before


def test_another_question_needs_another_folder(undisturbed, world):
    with pytest.raises(Problem, match="its method"):
        search(asked(world, reduction=2), undisturbed[1])


def test_killed_and_taken_up_again_it_ends_with_the_same_table(undisturbed, world, tmp_path):
    table, whole = undisturbed
    words = [f"{name}={value}" for name, value in json.loads((whole / "search.json").read_text())["settings"].items()]
    over = [word for name, value in OVER.items() for word in ("--over", f"{name}={value}")]
    (tmp_path / "search.yaml").write_text("method: halving\nreduction: 2\ntrials: 4\n")
    command = ["search", str(tmp_path / "search.yaml"), *words, *over, "--into", str(tmp_path / "killed")]
    process = subprocess.Popen([sys.executable, "-m", "groundup", *command], stderr=subprocess.DEVNULL)
    while not list((tmp_path / "killed" / "trials").glob("*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "table.json").exists()
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert (
        done.exit_code == 0 and (tmp_path / "killed" / "table.json").read_bytes() == (whole / "table.json").read_bytes()
    )


def test_time_that_is_spent_ends_a_search(world, tmp_path):
    table = search(asked(world, seconds=1e-9, over={"training.optimizer.rate": "log:1e-3..1e-1"}), tmp_path / "short")
    assert len(table) == 1


def test_settings_that_never_fit_are_said_at_once(world, tmp_path):
    with pytest.raises(Problem, match="no trial of this search can be trained: .*heads"):
        search(asked(world, over={"model.heads": "3,5"}), tmp_path / "none")
