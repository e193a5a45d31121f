"""What a plan says before anything runs: what would run, what is there already, and what all of it takes."""

from dataclasses import replace

from groundup import hardware
from groundup.recipe import planning
from groundup.recipe.making import intact
from groundup.run import Estimate
from tests.recipe_stages import make, read, written

MACHINE = replace(hardware.look(), memory_bytes=10**9, disk_free_bytes=10**9)


def test_a_plan_tells_what_is_made_and_what_would_run(tmp_path):
    path = written(tmp_path)
    recipe, into = read(path), make(path, tmp_path / "out")
    assert [cost.made for cost in planning.plan(recipe, into, intact(recipe, into), MACHINE)] == [True, True, True]
    changed = read(path, "words.upper=true")
    states = {cost.name: cost.made for cost in planning.plan(changed, into, intact(changed, into), MACHINE)}
    assert states == {"pages": True, "words": False, "story": False}


def test_estimates_are_handed_down_along_the_references(tmp_path):
    recipe = read(written(tmp_path), "pages.copies=5")
    told = {cost.name: cost.estimate for cost in planning.plan(recipe, tmp_path, {}, MACHINE)}
    page = 5 * len("once upon a time")
    assert told["pages"].text_bytes == told["words"].text_bytes == page
    assert told["story"].text_bytes == 2 * page  # it reads the words and the pages


def test_raw_text_counts_with_its_size(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("x" * 300)
    (tmp_path / "notes/b.txt").write_text("x" * 200)
    recipe = read(written(tmp_path, "about: x\nstages:\n  words: {kind: join, parts: [notes]}\n"))
    (cost,) = planning.plan(recipe, tmp_path, {}, MACHINE)
    assert cost.estimate.text_bytes == 500 and cost.estimate.documents == 2


def test_a_plan_reads_as_a_table_with_units(tmp_path, capsys):
    costs = [
        planning.Cost("town", "invent", True, Estimate(text_bytes=12_000_000, documents=12_000, seconds=3)),
        planning.Cost(
            "base", "train", False, Estimate(tokens=2_900_000, parameters=800_000, memory_bytes=10**9, seconds=62)
        ),
    ]
    planning.show(costs, "tour: a way")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("tour: a way")
    assert lines[2].split() == ["town", "made", "12", "MB", "12k", "3.0", "s"]
    assert lines[3].split() == ["base", "would", "run", "2.9M", "800k", "1", "GB", "1:02"]
    assert lines[4].split() == ["1", "to", "run", "2.9M", "1", "GB", "1:02"]


def test_planning_makes_nothing(tmp_path):
    recipe = read(written(tmp_path))
    planning.refuse_what_cannot_fit(recipe, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()
