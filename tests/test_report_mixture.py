"""The report shows what a mixture read and how exposed canaries are: the numbers of the files, in words and drawn."""

import json
import re

import pytest

from groundup.data.synthetic.canaries import Canaries, CanarySettings
from groundup.data.tokens import mixed_report
from groundup.data.tokens.split import WHOLE
from groundup.evaluation.exposure import by_repeats
from groundup.evaluation.report.figures import figures
from groundup.evaluation.report.gather import Training, gather
from groundup.evaluation.report.of_mixture import columns
from groundup.evaluation.report.page import page
from tests.browser_example import CHROMIUM, Browser
from tests.mixture_example import mixture
from tests.report_example import evaluation, make, tokenizer

KNOTS = [(0, [3.0, 1.0, 1.0]), (20, [0.0, 1.0, 0.0])]
EXPOSED = {1: 1.25, 10: 4.5, 100: 9.75}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    return mixture(tmp_path_factory.mktemp("domains"), [400, 700, 300], KNOTS, epochs={"b": 9.0})


@pytest.fixture(scope="module")
def place(tmp_path_factory, mixed):
    place = tmp_path_factory.mktemp("run")
    canaries = Canaries(CanarySettings(count=2, repeats=list(EXPOSED)), 100, WHOLE // 50).all
    index = {"documents": 100, "tokens": 1400, "text_bytes": 5000}
    files = {"train/index.json": index, "val/index.json": index, "canaries.jsonl": [vars(each) for each in canaries]}
    make(place, "tokens", "tokens", files)
    make(place, "tokenizer", "tokenizer", {"report.json": tokenizer()})
    lines = [{"step": step, "loss": 3.0, **mixed_report.at(mixed, step)} for step in range(1, mixed.steps + 1)]
    make(place, "base", "train", {"mixture.json": mixed_report.told(mixed)}, ["tokens"], lines)
    scores = json.loads(json.dumps(evaluation()["scores.json"]["base"]))
    scores["exposure"] = by_repeats(canaries, {each.id: EXPOSED[each.repeats] for each in canaries})
    make(place, "evaluation", "evaluate", {"scores.json": {"base": scores}, "answers.jsonl": []}, ["tokens", "base"])
    return place


def found_in(place, *names):
    return gather({name: str(place / name) for name in names}, {"base": str(place / "base")})


def told(html, section):
    return re.sub(
        r"\s+", " ", re.sub("<[^>]+>", " ", html.partition(f'<section id="{section}">')[2].split("</section>")[0])
    )


def test_each_domain_stands_there_with_what_was_wished_and_read(place, mixed):
    found = found_in(place, "tokens", "evaluation")
    words, whole = told(page(found, figures(found)), "mixture"), mixed_report.told(mixed)["whole"]
    for name, row in whole.items():
        assert re.search(
            rf"{name} .*{100 * row['wished']:.1f} % {100 * row['realised']:.1f} % .*{row['epochs']:.2f}", words
        )
    assert re.search(r" b [^a-z]* of 9 ", words) and "jump from one to the next at one place" in words
    assert figures(found)["mixture"] == {"base": whole}


def test_the_drawing_follows_the_steps_and_not_only_the_phases(place, mixed):
    drawn = columns(found_in(place).models["base"])
    assert len(drawn) == mixed.steps and all(
        sum(shares.values()) == pytest.approx(1, abs=1e-4) for _, _, shares in drawn
    )
    assert all(shares["b"] == pytest.approx(1, abs=1e-4) for first, _, shares in drawn if first >= 20)
    silent = Training("", 0, [], [], mixed_report.told(mixed))
    assert [(first, last) for first, last, _ in columns(silent)] == [(0, 20), (20, 30)]


def test_exposure_stands_there_by_how_often_a_secret_was_read(place):
    found = found_in(place, "tokens", "evaluation")
    words = told(page(found, figures(found)), "canaries")
    assert re.search(
        r"once two secrets 1\.2 bits .*10 times two secrets 4\.5 bits .*100 times two secrets 9\.8 bits", words
    )
    assert "Chance gives 1.4 bits of exposure, and 10 are the most" in words
    assert figures(found)["exposure"]["base"]["repeats"]["100"]["mean"] == 9.75


def test_canaries_that_nobody_asked_for_are_told_as_such(place):
    found = found_in(place, "tokens")
    words = told(page(found, figures(found)), "canaries")
    assert "two secrets once, two secrets 10 times, two secrets 100 times" in words
    assert "No examination has asked" in words


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)], ids=["wide", "phone in the dark"])
def test_both_fit_the_window_and_the_bands_fill_the_drawing(place, tmp_path, width, dark):
    found = found_in(place, "tokens", "evaluation")
    (tmp_path / "report.html").write_text(page(found, figures(found)))
    browser = Browser(width=width, height=900, dark=dark)
    try:
        browser.open((tmp_path / "report.html").as_uri())
        assert browser.js("document.documentElement.scrollWidth <= innerWidth")
        wide = "document.querySelectorAll('#mixture .card, #canaries .card')"
        assert browser.js(f"[...{wide}].length == 4 && [...{wide}].every(e => e.scrollWidth <= e.clientWidth)")
        bands = "[...document.querySelectorAll('#mixture polygon')].map(e => e.getBoundingClientRect())"
        assert browser.js(f"{bands}.reduce((sum, r) => sum + r.width * r.height, 0)") > 10_000
        assert browser.complaints() == []
    finally:
        browser.close()
