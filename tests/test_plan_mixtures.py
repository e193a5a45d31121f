"""A plan says how often each text of a mixture would be read, and which one runs out: as the training itself would find."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from groundup.commands import app
from groundup.data.tokens import mixed_report
from groundup.data.tokens.foreseen import foreseen
from groundup.data.tokens.mixing import DomainSettings, MixtureSettings
from groundup.data.tokens.mixture import check_caps
from groundup.errors import Problem
from tests.mixture_example import mixture, shards


def said(*words: str) -> str:
    result = CliRunner().invoke(app, ["plan", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    place = tmp_path_factory.mktemp("texts")
    for number, (name, size) in enumerate((("web", 9000), ("books", 2000))):
        shards(place / name / "train", [5] * (size // 5), 10_000 * number)
    return place


def asked(texts, *more: str) -> list[str]:
    data = f"[{{path: {texts}/web, weight: 1}}, {{path: {texts}/books, weight: 1, epochs: 3}}]"
    return [
        "train",
        f"data={data}",
        "model.width=32",
        "training.rows=4",
        "training.time=64",
        "training.steps=100",
        *more,
    ]


def test_a_text_that_runs_out_is_named_with_figures(texts):
    shown = said(*asked(texts))
    assert "train reads web 1.44 times, books 6.67 times" in shown
    wanted, most = 100 * 4 * 64 // 2, (2000 - 64) // 64 * 3 * 64
    assert f"books runs out. {wanted:,} tokens of it are wanted and 2,000 are there" in shown
    assert f"3 times at most: {wanted - most:,} are missing" in shown and "epochs: 6.67" in shown
    told = json.loads(said(*asked(texts), "--json"))["mixtures"]["train"]
    assert [each["missing"] for each in told] == [0, wanted - most]


def test_nothing_runs_out_where_the_steps_are_few_or_only_some_rows_are_pages(texts):
    few = said(*asked(texts, "training.steps=40"))
    assert "runs out" not in few and "books 2.67 times" in few
    assert "books 0.67 times" in said(*asked(texts, "objective.replay=0.1", "objective.kind=answers"))


@pytest.mark.parametrize("seed", range(12))
def test_what_is_foreseen_is_what_the_mixture_reads_but_for_a_row(tmp_path, seed):
    dice = np.random.default_rng(seed)
    sizes = [int(size) * 5 for size in dice.integers(8, 60, 3)]
    weights = dice.integers(1, 9, (2, 3)).tolist()
    most = float(dice.integers(2, 9))
    made = mixture(
        tmp_path, sizes, [(0, weights[0]), (17, weights[1])], epochs={"b": most}, between=("steps", "linear")[seed % 2]
    )
    domains = [
        DomainSettings(path=name, name=name, weight=weight, epochs=most if name == "b" else None)
        for name, weight in zip("abc", weights[0], strict=True)
    ]
    change = {"step": 17, "weights": dict(zip("abc", weights[1], strict=True))}
    settings = MixtureSettings.model_validate({"curriculum": [change], "between": made.between})
    told, whole = foreseen(domains, sizes, settings, made.steps, made.rows, made.time), mixed_report.told(made)["whole"]
    for each, domain in zip(told, made.domains, strict=True):
        assert abs(each.epochs - whole[each.name]["epochs"]) <= 1 / domain.source.windows + 1e-4
    try:
        check_caps(made)
        refused = False
    except Problem:
        refused = True
    assert refused == bool(told[1].missing) or abs(told[1].epochs - most) <= 1 / made.domains[1].source.windows
