"""The same settings from Python: a few names in `groundup`, fetched from their rooms when first used."""

import subprocess
import sys
from pathlib import Path

import pytest

import groundup
from groundup.errors import Problem
from groundup.recipe import byhand, making
from tests.recipe_stages import KINDS, written
from tests.training_example import make_world

ROOT = Path(__file__).parents[1]


def test_a_recipe_is_made_with_settings_by_their_dotted_names(tmp_path):
    into = making.make(
        written(tmp_path), into=tmp_path / "out", kinds=KINDS, **{"story.title": "Tale", "pages.copies": 2}
    )
    assert (into / "story.txt").read_text().startswith("TALE\nONCE UPON A TIME")


def test_parts_may_be_said_as_a_dict_and_paths_as_paths(tmp_path):
    (tmp_path / "more.txt").write_text("and more")
    said = {"story": {"title": "Tale", "also": tmp_path / "more.txt"}}
    into = making.make(written(tmp_path), into=tmp_path / "out", kinds=KINDS, **said)
    assert (into / "story.txt").read_text().endswith("AND MORE")


def test_a_wrong_name_is_a_sentence(tmp_path):
    with pytest.raises(Problem, match=r"story.titel is not a setting .*; did you mean title?"):
        making.make(written(tmp_path), into=tmp_path / "out", kinds=KINDS, **{"story.titel": "x"})


def test_one_stage_is_made_by_hand_and_found_again(tmp_path):
    make_world(tmp_path)
    said = {"data": tmp_path / "tokens", "model.depth": 1, "model.width": 32, "training.steps": 2, "training.time": 16}
    first = groundup.train(tmp_path / "mine", seed=3, **said)
    finished = (first / "manifest.json").stat().st_mtime_ns
    assert (tmp_path / "mine/model/config.json").is_file() and first == (tmp_path / "mine").resolve()
    assert groundup.train(tmp_path / "mine", seed=3, **said) == first
    assert (first / "manifest.json").stat().st_mtime_ns == finished
    assert groundup.train is byhand.train


@pytest.mark.parametrize("name", ["Tokenizer", "evaluate", "load", "make", "train"])
def test_the_few_names_are_there_whatever_was_imported_before(name):
    program = f"import groundup.recipe, groundup; assert callable(groundup.{name}), groundup.{name}"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    assert name in dir(groundup)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="it has Tokenizer, evaluate, load, make, train"):
        groundup.tokeniser  # noqa: B018
