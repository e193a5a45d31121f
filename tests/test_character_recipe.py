"""A text letter by letter: the recipe trains once on any file and says what it came to."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from groundup import make
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.evaluation.whole_split import whole_split
from groundup.hardware.waiting import wait_gently
from groundup.model import folder
from groundup.run.started import process_seconds
from groundup.stages import letters, score

TEXT = "".join(
    f"{number} ships sail to the {place}.\n" for number in range(150) for place in ("north", "südlich", "east")
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("letters")
    (place / "text.txt").write_text(TEXT, encoding="utf-8")
    return make("shakespeare-char", into=place / "made", text=place / "text.txt", steps=12, **{"base.training.rows": 8})


def test_the_report_says_loss_seconds_and_tokens(run):
    told = json.loads((run / "report.json").read_text())
    assert told["tokens"] == 12 * 8 * 64 and 0 < told["val_loss"] < 4 and told["window"] == 64
    assert 0 < told["seconds"] and told["attempts"] == 1 and told["seed"] == 1
    vocabulary = len(set(TEXT))
    assert told["val_loss"] < np.log(vocabulary)  # it has learnt something


def test_the_end_of_the_text_is_held_out_and_nothing_is_lost(run):
    train, val = (Shards(run / "letters" / name) for name in ("train", "val"))
    assert len(train.tokens) == int(0.9 * len(TEXT)) and len(train.tokens) + len(val.tokens) == len(TEXT)
    from groundup.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(run / "model")
    assert tokenizer.decode(np.concatenate([train.tokens, val.tokens]).astype(np.int64)) == TEXT


def test_the_loss_over_the_whole_split_is_that_of_its_windows_one_by_one(run):
    model, tokens = folder.load(run / "model", "f32"), Shards(run / "letters" / "val").tokens
    loss, count = whole_split(model, tokens, 64)
    told = []
    with torch.inference_mode():
        for start in range(0, len(tokens) - 64, 64):
            window = torch.from_numpy(tokens[start : start + 65].astype(np.int64))
            told += torch.nn.functional.cross_entropy(
                model(window[None, :-1])[0], window[1:], reduction="none"
            ).tolist()
    assert count == len(told) and loss == pytest.approx(np.mean(told), abs=1e-5)
    assert json.loads((run / "report.json").read_text())["val_loss"] == pytest.approx(loss, abs=1e-4)


@pytest.mark.parametrize("raw", [None, b'{"tokens": 3', b"\xfe"])
def test_a_training_whose_log_is_gone_or_torn_is_told(run, tmp_path, raw):
    made = shutil.copytree((run / "base").resolve(), tmp_path / "base")
    assert score.of_training(made)["tokens"] == 12 * 8 * 64
    (made / "metrics.jsonl").unlink()
    if raw is not None:
        (made / "metrics.jsonl").write_bytes(raw)
    with pytest.raises(Problem, match="metrics.jsonl cannot be read"):
        score.of_training(made)


def test_a_held_out_text_of_no_window_is_a_sentence():
    with pytest.raises(Problem, match="64 tokens are held out, too few for one window of 64"):
        whole_split(lambda ids: torch.zeros(*ids.shape, 9), np.zeros(64, np.int64), 64)


@pytest.mark.parametrize(
    ("raw", "says"), [(b"\xff\xfe\x00" * 900, "not text in UTF-8"), (b"short", "has 5 characters")]
)
def test_what_is_no_text_is_refused(tmp_path, raw, says):
    (tmp_path / "text.txt").write_bytes(raw)
    with pytest.raises(Problem, match=says):
        letters.read(tmp_path / "text.txt")
    with pytest.raises(Problem, match="is a folder"):
        letters.read(tmp_path)


def test_a_process_knows_how_long_ago_it_began():
    script = "import time; time.sleep(0.3); from groundup.run.started import process_seconds; print(process_seconds())"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert 0.25 < float(told) < 60
    assert process_seconds() > 0.1


def test_how_threads_wait_is_set_before_torch_and_never_against_a_person():
    def told(**given: str) -> str:
        script = (
            "from groundup.hardware import wait_gently as w; import os; w(); print(os.environ.get('GOMP_SPINCOUNT'))"
        )
        around = {
            name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
        }
        return subprocess.run(
            [sys.executable, "-c", script], env=around | given, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert told() in ("0", "1000")
    assert told(GOMP_SPINCOUNT="7") == "7" and told(OMP_WAIT_POLICY="active") == "None"
    assert wait_gently() is None  # torch is here already
