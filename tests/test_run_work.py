"""What a stage may say and ask while it works."""

import json
import math

import numpy as np
import pytest

from groundup import hardware, run
from tests.run_example import at


@pytest.fixture
def stage(tmp_path):
    (tmp_path / "one.txt").write_text("a bridge")
    return at(tmp_path / "out" / "count", tmp_path / "one.txt")


def lines(work):
    return [json.loads(line) for line in (work.out / "metrics.jsonl").read_text().splitlines()]


def test_a_choice_is_made_once_and_kept_for_the_next_attempt(stage):
    asked = []

    def probe():
        asked.append(1)
        return {"dtype": "bf16", "threads": len(asked)}

    for _ in range(2):
        with pytest.raises(RuntimeError), stage.open(hardware.look()) as work:
            assert work.choose("speed", probe) == {"dtype": "bf16", "threads": 1}
            raise RuntimeError
    with stage.open(hardware.look()) as work:
        assert work.choose("speed", probe)["threads"] == 1
    assert run.read_manifest(stage.folder)["resolved"]["chosen"] == {"speed": {"dtype": "bf16", "threads": 1}}
    assert len(asked) == 1


def test_metrics_of_any_library_become_plain_lines(stage):
    with stage.open(hardware.look()) as work:
        work.log(step=np.int64(3), loss=np.float32(0.5), rates=np.array([1.0, 2.0]), spike=math.inf, note="late")
        assert lines(work)[0] | {"seconds": 0} == {
            "seconds": 0, "step": 3, "loss": 0.5, "rates": [1.0, 2.0], "spike": "inf", "note": "late",
        }  # fmt: skip


def test_rewinding_forgets_only_later_steps(stage):
    with stage.open(hardware.look()) as work:
        work.rewind(3)
        for step in range(6):
            work.log(step=step)
        work.log(note="no step")
        work.rewind(3)
        assert [line.get("step") for line in lines(work)] == [0, 1, 2, 3, None]


def test_a_torn_line_of_a_killed_attempt_is_dropped(stage):
    with pytest.raises(RuntimeError), stage.open(hardware.look()) as work:
        work.log(step=0)
        with open(work.out / "metrics.jsonl", "a") as file:
            file.write('{"step": 1, "lo')
        raise RuntimeError
    with stage.open(hardware.look()) as work:
        work.log(step=1)
        assert [line["step"] for line in lines(work)] == [0, 1]


def test_progress_is_cheap_to_report_and_the_end_is_never_swallowed(stage):
    heard = []
    with stage.open(hardware.look(), lambda *words: heard.append(words)) as work:
        for done in range(10_001):
            work.progress(done, 10_000, "pages")
    assert heard[-1] == (10_000, 10_000, "pages", "") and len(heard) < 100


def test_inputs_arrive_as_absolute_paths_and_stay_as_written_in_the_manifest(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_hand = at(tmp_path / "out" / "count", "one.txt")
    with by_hand.open(hardware.look()) as work:
        assert work.settings.pages == str(tmp_path / "one.txt") and work.seed == 1
    assert run.read_manifest(by_hand.folder)["settings"]["pages"] == "one.txt"


def test_leftovers_of_a_write_that_was_killed_are_swept_away(stage):
    with pytest.raises(RuntimeError), stage.open(hardware.look()) as work:
        (work.out / "kept.txt").write_text("kept")
        (work.out / ".tmpAbC123").write_text("safetensors was writing")
        (work.out / ".a.json.writing").write_text("we were writing")
        raise RuntimeError
    with stage.open(hardware.look()):
        pass
    assert sorted(run.read_manifest(stage.folder)["files"]) == ["kept.txt"]
