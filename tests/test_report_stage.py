"""The report of a run: its numbers are those of the stages, its page needs nothing else and trusts no text."""

import html
import json
import re
from html.parser import HTMLParser

import pytest

from groundup.errors import Problem
from groundup.run import perform, stage
from groundup.stages import report
from tests.report_example import HOSTILE, KINDS, MACHINE, MODELS, make, write_run

PARTS = ("town", "corpus", "tokenizer", "tokens", "evaluation", "int8", "export")
SECTIONS = ["stages", "corpus", "tokenizer", "training", "exam", "safety", "price", "serve"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("tour"))


def made(finished, into, parts=PARTS, models=MODELS):
    inputs = {part: str(finished / part) for part in parts} | {
        "models": {name: str(finished / name) for name in models}
    }
    settings = report.Settings.model_validate(inputs)
    return perform(stage(into / "report", "report", settings, version=report.VERSION), report.run, MACHINE)


@pytest.fixture(scope="module")
def whole(finished, tmp_path_factory):
    folder = made(finished, tmp_path_factory.mktemp("whole"))
    return json.loads((folder / "report.json").read_text()), (folder / "report.html").read_text()


def sections(page):
    return re.findall(r'<section id="(\w+)"', page)


def test_every_promised_number_is_there_as_a_fraction(whole):
    told = whole[0]
    for model in MODELS:
        assert set(KINDS) <= set(told["accuracy"][model])
        assert all(0 <= value <= 1 for value in told["accuracy"][model].values())
        assert 0 <= told["attack_success"][model] <= 1 and 0 <= told["over_refusal"][model] <= 1
        for kind, value in told["accuracy"][model].items():
            interval = told["intervals"]["accuracy"][model][kind]
            assert interval["low"] <= value <= interval["high"]
    for kind in ("duplicate", "near_duplicate", "gibberish", "spam", "toxic", "language", "pii", "leak"):
        assert told["cleaning"][kind] == {"precision": 0.992, "recall": 0.987}
    assert told["quantize"]["int8"]["bits_per_byte_change"] == 0.000944
    assert told["parameters"] > 0 and told["tokens"] == 2_950_000
    assert told["tokens_per_second"]["base"] == pytest.approx(52_000, rel=0.05)


def test_time_is_the_sum_of_what_the_manifests_say(whole, finished):
    manifests = [json.loads((finished / name / "manifest.json").read_text()) for name in (*PARTS, *MODELS)]
    spent = sum(manifest["seconds"] for manifest in manifests)
    assert spent <= whole[0]["seconds"] + 0.06 and whole[0]["seconds"] < spent + 30
    assert whole[0]["peak_mb"] == max(manifest["peak_mb"] for manifest in manifests)


def test_stages_are_told_with_their_fingerprints_and_what_they_read(whole, finished):
    for name in (*PARTS, *MODELS):
        assert whole[0]["stages"][name]["fingerprint"] == (finished / name).resolve().name.rpartition("-")[2]
        assert whole[0]["stages"][name]["fingerprint"] in whole[1]
    assert whole[0]["stages"]["evaluation"]["reads"] == ["town", "corpus", "tokens", *MODELS]
    assert list(whole[0]["stages"])[0] == "town"


def test_a_stage_that_was_not_named_is_found_through_those_that_read_it(finished, tmp_path):
    told = json.loads((made(finished, tmp_path, ("export",), ()) / "report.json").read_text())
    assert list(told["stages"]) == ["town", "corpus", "tokenizer", "tokens", "base", "chat", "aligned", "export"]


def test_two_runs_may_have_stages_of_the_same_name(finished, tmp_path):
    make(tmp_path, "town", "invent", {"report.json": {"town": "Elsewhere"}}, objective="another")
    settings = report.Settings(town=str(tmp_path / "town"), tokens=str(finished / "tokens"))
    folder = perform(stage(tmp_path / "report", "report", settings, version=1), report.run, MACHINE)
    stages = json.loads((folder / "report.json").read_text())["stages"]
    assert len(stages) == 5 and [each["kind"] for each in stages.values()].count("invent") == 2


def test_the_page_has_every_section_and_the_same_numbers(whole):
    told, page = whole
    assert sections(page) == SECTIONS
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    for model in MODELS:
        assert f"{100 * told['accuracy'][model]['reading_one']:.1f} %" in text
    assert "base writes freely, 31 % lies in runs of 16" in text
    assert "8,580 were kept" in text and "98.7 %" in text and "\N{MINUS SIGN}73 %" in text


@pytest.mark.parametrize(
    ("parts", "models", "left"),
    [
        (("corpus", "tokenizer", "tokens"), ("base",), ["stages", "corpus", "tokenizer", "training", "serve"]),
        (("evaluation",), (), ["stages", "exam", "safety", "serve"]),
        (("tokenizer",), (), ["stages", "tokenizer", "serve"]),
        (("int8",), (), ["stages", "price", "serve"]),
    ],
)
def test_what_is_missing_leaves_out_its_section(finished, tmp_path, parts, models, left):
    assert sections((made(finished, tmp_path, parts, models) / "report.html").read_text()) == left


def test_nothing_is_no_report(tmp_path):
    with pytest.raises(Problem, match="nothing to tell"):
        made(tmp_path, tmp_path, (), ())


def test_a_folder_of_another_kind_is_named(finished, tmp_path):
    settings = report.Settings(int8=str(finished / "corpus"))
    with pytest.raises(Problem, match=r"there is no .*price\.json"):
        perform(stage(tmp_path / "report", "report", settings, version=1), report.run, MACHINE)


class Tags(HTMLParser):
    """Scripts of a page, addresses it would load, and tags left open."""

    def __init__(self, page: str):
        super().__init__()
        self.scripts, self.addresses, self.open = 0, [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_loads_nothing(whole):
    tags = Tags(whole[1])
    assert tags.addresses and all(address.startswith(("#", "data:,")) for address in tags.addresses)
    assert not re.search(r"url\(|@import", whole[1])


def test_text_from_data_stays_text(whole):
    tags = Tags(whole[1])
    assert tags.scripts == 1 and tags.open == []
    assert HOSTILE not in whole[1]
    assert html.unescape(whole[1]).count(HOSTILE) > 10


def test_a_model_of_ones_own_texts_needs_no_town(finished, tmp_path):
    folder = made(finished, tmp_path, ("tokens",), ("base",))
    assert json.loads((folder / "report.json").read_text())["bits_per_byte"] == {
        "base": pytest.approx(0.7004, abs=1e-3)
    }
    assert "bits per byte" in (folder / "report.html").read_text()
