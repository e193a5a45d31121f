"""The recipes of the objectives, each made from nothing at a tiny size: what was held out is measured, and told on a page."""

import json
import math

import pytest
import torch

from groundup.recipe.making import make

SMALL = {"town.megabytes": 0.1, "town.readers": 60, "measure.steps": 2, "measure.rows": 4}
FEW = {"steps": 3, "rows": 4, "precision": "f32"}
RECIPES = {  # recipe -> (what is made smaller, the trainings, what is asked of each text)
    "masked": ({"bert.model.width": 32, "bert.model.heads": 2}, ["bert"], {"pages": ["masked", "next_sentence"]}),
    "sorting": (
        {"bert.model.width": 32, "exercises.sortings": 40, "exercises.test": 16, "sorter.training.overfit": False},
        ["bert", "sorter"],
        {"test": ["classes"]},
    ),
    "rewriting": (
        {"spans.model.width": 32, "dates.model.width": 32, "exercises.rewritings": 40, "exercises.test": 16},
        ["spans", "dates"],
        {"test": ["target_tokens", "whole_targets"]},
    ),
    "chains": (
        {"gru.model.width": 32, "single.model.width": 32, "xl.model.width": 32},
        ["single", "gru", "xl"],
        {"pages": ["first_segment", "later_segments"]},
    ),
    "continued": (
        {"base.model.width": 32, "measure.time": 32},
        ["base", "forgetful", "faithful"],
        {"old": ["next_token"], "new": ["next_token"]},
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All are made in one place: the town and its corpus are the same."""
    torch.set_num_threads(1)
    return tmp_path_factory.mktemp("runs") / "recipes"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_measures_what_it_taught_on_what_was_held_out(folder, name):
    smaller, trainings, asked = RECIPES[name]
    few = {f"{each}.training.{key}": value for each in trainings for key, value in FEW.items()}
    made = make(name, folder, **SMALL, **few, **smaller)
    told = json.loads((made / "report.json").read_text())
    for model, texts in told["models"].items():
        assert {text: list(found) for text, found in texts.items()} == asked, model
        for found in texts.values():
            for share in found.values():
                assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1 and share["n"] > 0
                assert share["loss"] is None or math.isfinite(share["loss"])
    page = (made / "report.html").read_text()
    assert all(model in page for model in told["models"]) and "<svg" in page
    assert (made / "model" / "config.json").is_file()


def test_old_and_new_text_are_looked_at_side_by_side(folder):
    lines = [json.loads(line) for line in (folder / "forgetful" / "metrics.jsonl").read_text().splitlines()]
    last = [line for line in lines if "step" in line][-1]
    assert {"validation", "validation.old", "validation.new", "bits_per_byte.old"} <= set(last)
    assert last["validation"] == last["validation.new"] != last["validation.old"]
