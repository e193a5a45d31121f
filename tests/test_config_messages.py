"""Wrong settings end in one sentence that names the setting, the place it was written, and what was probably meant."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator

from groundup import config
from groundup.errors import Problem


class AdamW(config.Settings):
    kind: Literal["adamw"] = "adamw"
    rate: float = Field(3e-4, gt=0, description="step size")
    betas: list[float] = Field([0.9, 0.95], description="decay of the moments")


class Muon(config.Settings):
    kind: Literal["muon"] = "muon"
    rate: float = Field(0.02, gt=0, description="step size")
    momentum: float = Field(0.95, description="decay of the momentum")


class Shape(config.Settings):
    depth: int = Field(4, gt=0, le=100, description="number of layers")
    family: Literal["qwen3", "llama", "gpt2"] = Field("qwen3", description="whose shape")


class Train(config.Settings):
    data: config.Input = Field(description="folder of tokens to learn from")
    model: Shape = Field(Shape(), description="the network")
    optimizer: Annotated[AdamW | Muon, Field(discriminator="kind")] = Field(Muon(), description="how weights move")
    precision: Literal["bf16", "f32"] | None = Field(None, description="dtype of the products")
    batch: int | Literal["auto"] = Field("auto", description="rows")
    name: str = Field("run", description="what to call it")
    shuffle: bool = Field(True, description="mix the documents")

    @field_validator("name")
    @classmethod
    def _short(cls, value: str) -> str:
        if len(value) > 20:
            raise ValueError("a name has at most 20 characters")
        return value


def build(text: str, *words: str) -> Train:
    written = config.written.parse_yaml(text, "tour.yaml")
    return config.build(Train, config.merge(written, config.overrides(words)), "base")


def complaint(text: str, *words: str) -> str:
    with pytest.raises(Problem) as caught:
        build(text, *words)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (
            "data: x\nmodel:\n  dpeth: 6",
            [],
            "base.model.dpeth is not a setting (tour.yaml, line 3); did you mean depth",
        ),
        ("data: x", ["model.Depth=6"], "base.model.Depth is not a setting (in 'model.Depth=6'); did you mean depth?"),
        ("data: x", ["depth=6"], "base.depth is not a setting (in 'depth=6'); did you mean model.depth?"),
        ("data: x\nmodel:\n  q: 6", [], "base.model.q is not a setting (tour.yaml, line 3); known here: depth, family"),
        ("model:\n  depth: 6", [], "base.data is missing (tour.yaml, line 1): folder of tokens to learn from"),
        ("data: x\nmodel:\n  depth: six", [], "must be a whole number, found the text 'six' (tour.yaml, line 3)"),
        ("data: x\nmodel:\n  depth: 6.5", [], "base.model.depth must be a whole number, found 6.5 (tour.yaml, line 3)"),
        ("data: x", ["model.depth=0"], "base.model.depth must be above 0, found 0 (in 'model.depth=0')"),
        ("data: x", ["model.depth=101"], "base.model.depth must be at most 100, found 101"),
        ("data: x", ["model.depth=true"], "base.model.depth must be a whole number, found true"),
        ("data: x\nmodel: 6", [], "base.model must be names with values, found 6 (tour.yaml, line 2)"),
        ("data: x\nmodel:\n  family: lama", [], "must be 'qwen3', 'llama' or 'gpt2', found the text 'lama'"),
        ("data: x\nmodel:\n  family: lama", [], "(tour.yaml, line 3); did you mean llama?"),
        ("data: x", ["precision=f23"], "base.precision must be 'bf16' or 'f32', found the text 'f23'"),
        ("data: x", ["batch=atuo"], "base.batch must be a whole number or 'auto', found the text 'atuo'"),
        ("data: x\nshuffle: on", [], "base.shuffle must be true or false, found the text 'on' (tour.yaml, line 2)"),
        ("data: 2024", [], "base.data must be text, found 2024 (tour.yaml, line 1); put it in quotes"),
        ("data: x\noptimizer:\n  kind: moun", [], "base.optimizer.kind must be one of 'adamw', 'muon', found 'moun'"),
        ("data: x\noptimizer:\n  kind: moun", [], "(tour.yaml, line 3); did you mean muon?"),
        ("data: x\noptimizer: {kind: adamw,\n\n  momentum: 1}", [], "momentum is not a setting (tour.yaml, line 4)"),
        ("data: x\noptimizer:\n  kind: adamw\n  betas: [1, b]", [], "optimizer.betas.1 must be a number, found"),
        ("data: x\noptimizer:\n  kind: adamw\n  betas: b", [], "line 4); a list of one is written [b]"),
        ("data: x", ["optimizer.rate=-1"], "base.optimizer.rate must be above 0.0, found -1"),
        ("data: x", ["name=" + "n" * 21], "base.name (in 'name=nnnnnnnnnnnnnnnnnnnnn'): a name has at most 20"),
        ("data: x\nmodel:", [], "base.model must be names with values, found nothing (tour.yaml, line 2)"),
        ("dta: x\nmodle: 3", [], "dta is not a setting (tour.yaml, line 1); did you mean data? (2 more"),
    ],
)
def test_each_mistake_has_its_sentence(text, words, said):
    assert said in complaint(text, *words)


def test_a_setting_of_another_kind_is_not_suggested_to_itself():
    said = complaint("data: x\noptimizer:\n  kind: adamw\n  momentum: 1")
    assert "did you mean" not in said and "known here: kind, rate, betas" in said


def test_whole_numbers_are_numbers_and_nothing_else_is_guessed():
    assert build("data: x", "optimizer.rate=1").optimizer.rate == 1.0
    assert isinstance(build("data: x", "optimizer.rate=1").optimizer.rate, float)
    assert "whole number" in complaint("data: x", "model.depth='6'")


def test_a_part_without_its_kind_has_the_kind_of_the_default():
    assert build("data: x", "optimizer.momentum=0.5").optimizer == Muon(momentum=0.5)
    assert build("data: x", "optimizer.kind=adamw", "optimizer.betas=[0, 1]").optimizer == AdamW(betas=[0.0, 1.0])


class Deep(config.Settings):
    train: Train = Field(Train(data="x", model=Shape(depth=12, family="llama")), description="with defaults of its own")


def test_naming_one_setting_of_a_part_leaves_the_rest_of_its_default():
    deep = config.build(Deep, config.overrides(["train.model.depth=6"]))
    assert deep.train.model == Shape(depth=6, family="llama") and deep.train.data == "x"


def test_a_word_of_digits_is_text_where_text_is_expected():
    assert build("data: x", "data=2024", "name=007").data == "2024"
    assert build("data: x", "data=2024", "name=007").name == "007"


def test_settings_never_change_once_built():
    with pytest.raises(Exception, match="frozen"):
        build("data: x").data = "y"  # type: ignore[misc]


def test_the_schema_knows_every_field_by_its_description_and_refuses_others():
    schema = config.schema(Train)
    assert schema["additionalProperties"] is False and schema["required"] == ["data"]
    assert schema["properties"]["data"] == {
        "description": "folder of tokens to learn from", "format": "path", "title": "Data", "type": "string",
    }  # fmt: skip
    assert schema["$defs"]["Shape"]["properties"]["family"]["enum"] == ["qwen3", "llama", "gpt2"]
    assert set(schema["properties"]["optimizer"]["discriminator"]["mapping"]) == {"adamw", "muon"}
