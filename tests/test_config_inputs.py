"""Inputs are found wherever they are nested, and replaced without touching anything else."""

import pytest
from pydantic import Field

from groundup import config


class Mix(config.Settings):
    source: config.Input
    weight: float = 1.0


class Stage(config.Settings):
    data: config.Input = Field(description="read")
    start: config.Input | None = None
    more: list[config.Input] = []
    models: dict[str, config.Input] = {}
    mixes: list[Mix] = []
    inner: Mix | None = None
    note: str = "not an input"
    labels: list[str] = ["nor these"]


FULL = Stage(
    data="$tokens", start="$base/model", more=["a", "$b"], models={"chat": "$chat/model"},
    mixes=[Mix(source="s0"), Mix(source="s1")], inner=Mix(source="deep"),
)  # fmt: skip
NAMES = ["data", "start", "more.0", "more.1", "models.chat", "mixes.0.source", "mixes.1.source", "inner.source"]


def test_every_input_is_found_under_its_dotted_name():
    assert list(config.inputs_of(FULL)) == NAMES
    assert config.inputs_of(FULL)["more.1"] == "$b" and config.inputs_of(FULL)["inner.source"] == "deep"


def test_an_input_that_is_not_given_is_none():
    assert config.inputs_of(Stage(data="x")) == {"data": "x"}


def test_replacing_reaches_every_input_and_nothing_else():
    replaced = config.replace_inputs(FULL, {name: f"/abs/{name}" for name in NAMES})
    assert config.inputs_of(replaced) == {name: f"/abs/{name}" for name in NAMES}
    assert replaced.note == FULL.note and replaced.labels == FULL.labels and replaced.mixes[1].weight == 1.0
    assert config.inputs_of(FULL)["data"] == "$tokens"
    assert config.replace_inputs(replaced, config.inputs_of(FULL)) == FULL


def test_replacing_what_is_no_input_is_a_mistake():
    with pytest.raises(KeyError, match="note"):
        config.replace_inputs(FULL, {"note": "/etc"})
