"""The stage that invents: every artifact is there, equal inputs give equal bytes, an interrupted attempt goes on."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from groundup.errors import Problem
from groundup.hardware import look
from groundup.run import Work
from groundup.run.work import silent
from groundup.stages import invent

SMALL = invent.Settings(megabytes=1.5, readers=30, dialogues=40, preferences=20, questions=60, attacks=12)
WRITTEN = [
    "attacks/lookalikes.jsonl",
    "attacks/test.jsonl",
    "books/readers.jsonl",
    "dialogues/train.jsonl",
    "pages/pages-00000.warc",
    "pages/pages-00001.warc",
    "preferences/train.jsonl",
    "principles.json",
    "questions/test.jsonl",
    "report.json",
    "sealed/pages.parquet",
]


def at_work(folder: Path, settings: invent.Settings = SMALL, seed: int = 5) -> Work:
    folder.mkdir(exist_ok=True)
    work = Work(folder, settings, seed, look(), {}, silent)
    work.clock.start()
    return work


def contents(folder: Path) -> dict[str, bytes]:
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: (folder / name).read_bytes() for name in sorted(names) if name not in ("metrics.jsonl", "clock.json")}


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("invent") / "town"
    invent.run(SMALL, at_work(folder))
    return folder


def test_all_artifacts_of_the_contract_are_written(town):
    assert list(contents(town)) == WRITTEN


def test_the_size_is_what_was_asked_for(town):
    report = json.loads((town / "report.json").read_text())
    assert sum(report["text_bytes"].values()) == pytest.approx(SMALL.megabytes * 1e6, rel=0.1)
    assert sum(report["pages"].values()) == 1500


def test_the_speed_is_logged_and_not_part_of_the_artifacts(town):
    lines = [json.loads(line) for line in (town / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["page_seconds"] > 0
    assert "seconds" not in (town / "report.json").read_text()


def test_pages_leak_questions_of_the_test_that_was_written(town):
    questions = [json.loads(line)["question"] for line in (town / "questions" / "test.jsonl").open()]
    pages = b"".join(path.read_bytes() for path in (town / "pages").iterdir()).decode("utf-8", errors="replace")
    assert sum(question in pages for question in questions) > 20


def test_a_killed_attempt_goes_on_and_ends_in_the_same_bytes(town, tmp_path):
    folder = tmp_path / "town"

    def killed(done: float, total: float, unit: str, note: str) -> None:
        if unit == "pages":
            raise KeyboardInterrupt

    work = at_work(folder)
    work.sink = killed
    with pytest.raises(KeyboardInterrupt):
        invent.run(SMALL, work)
    first = folder / "pages" / "pages-00000.warc"
    assert first.exists() and not (folder / "report.json").exists()
    made = first.stat().st_ino
    invent.run(SMALL, at_work(folder))
    assert first.stat().st_ino == made  # kept, not written again
    assert contents(folder) == contents(town)


def test_another_seed_gives_another_town(town, tmp_path):
    invent.run(SMALL, at_work(tmp_path / "town", seed=6))
    other = contents(tmp_path / "town")
    assert all(other[name] != bytes_ for name, bytes_ in contents(town).items() if name != "principles.json")


def test_shares_that_leave_nothing_good_are_refused():
    with pytest.raises(ValidationError, match="at most 0.95"):
        invent.Shares(spam=0.9)


def test_an_internet_larger_than_the_disk_is_refused():
    with pytest.raises(Problem, match="are free: choose fewer megabytes"):
        invent.estimate(invent.Settings(megabytes=1e9), {}, look(folder="/"))
