"""`groundup cost`: the same numbers as in Python, for settings, folders, recipes and the dial."""

import json

import pytest
from typer.testing import CliRunner

from groundup.commands import app
from groundup.errors import Problem
from groundup.model import cost, dial, folder
from groundup.model.settings import ModelSettings
from tests.model_example import model


def told(*words: str) -> dict:
    done = CliRunner().invoke(app, ["cost", *words, "--json"], catch_exceptions=False)
    return json.loads(done.stdout)


def test_settings_are_counted_as_in_python():
    found = told("family=gpt2", "depth=12", "width=768", "heads=12", "vocabulary=50257", "context=1024", "--rows", "2")
    model = ModelSettings(family="gpt2", depth=12, width=768, heads=12, vocabulary=50257, context=1024)
    assert found["gpt2"] == {"model": model.model_dump(mode="json")} | cost.told(model, 2)
    assert found["gpt2"]["parameters"] == 124_439_808  # as OpenAI's has


def test_a_folder_says_what_it_is_made_of(tmp_path):
    made = model("gpt2")
    folder.save(tmp_path / "small", made)
    found = told(str(tmp_path / "small"), "--precision", "bf16")["small"]
    assert found["parameters"] == sum(value.numel() for value in made.parameters())
    assert found["bytes_per_number"] == 2


def test_a_recipe_says_what_it_trains():
    found = told("tour", "base.model.depth=3")
    assert list(found) == ["base"] and found["base"]["model"]["depth"] == 3
    assert (found["base"]["rows"], found["base"]["time"]) == (32, 128)


def test_the_dial_says_a_whole_training():
    found = told("--dial", "6", "tied=false")["dial 6"]
    plan = dial.plan(dial.dial(6, 2048, tied=False))
    assert found["model"] == plan.model.model_dump(mode="json")
    assert {name: found["plan"][name] for name in ("steps", "rows", "time", "tokens", "rate")} == {
        "steps": plan.steps, "rows": plan.rows, "time": plan.time, "tokens": plan.tokens, "rate": plan.rate,
    }  # fmt: skip
    assert found["plan"]["hours"] > 0


@pytest.mark.parametrize("words", [["pocket"], ["--dial", "4"], ["pattern=[window]", "window=8"]])
def test_a_table_is_for_people(words):
    shown = CliRunner().invoke(app, ["cost", *words], catch_exceptions=False).stdout
    assert "parameters" in shown and "memory in training" in shown and "feed-forward" in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "there is nothing at nowhere"),
        (["widht=3"], "did you mean width"),
        (["tour", "pocket"], "one model or recipe"),
        (["--precision", "f64"], "f64 is not known"),
        (["heads=3"], "do not divide the width"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(words, sentence):
    with pytest.raises(Problem, match=sentence):
        CliRunner().invoke(app, ["cost", *words], catch_exceptions=False, standalone_mode=False)
