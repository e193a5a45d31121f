"""The benchmark of cards, on a processor with tiny sizes: every part of it runs, and it says so where there is no card."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.gpu import decoding, texts, training
from bench.gpu.contestants import CONTESTANTS, NANOCHAT, NANOGPT, OURS
from groundup import hardware
from groundup.model import cost

ROOT = Path(__file__).parents[1]
HERE = training.Card("cpu", "a processor", 1e12, torch.float32, compiling=False)
TINY = {"depth": 2, "width": 32, "heads": 2, "kv_heads": 2, "head_width": 16, "hidden": 64, "context": 32}


def tiny(who):
    """The same config, a thousandth of its size."""
    model = {**who.model, **TINY}
    if "window" in model:
        model["window"] = 16
    return dataclasses.replace(who, model=model, training={**who.training, "rows": 8, "time": 32})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card here")
def test_without_a_card_it_says_so_and_measures_nothing():
    told = subprocess.run([sys.executable, "-m", "bench.gpu"], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 1 and told.stderr.startswith("bench.gpu measures a CUDA card, and torch finds none here")


def test_the_share_of_the_peak_is_that_of_the_tokens_it_reads():
    told = training.utilisation(tiny(NANOGPT), 300, HERE, rows=4, steps=2)
    sizes = tiny(NANOGPT).sizes(300)
    flops = told["tokens_per_s"] * cost.flops_per_token(sizes, 32, backward=True)
    assert told["tokens_per_s"] > 0 and told["mfu"] == pytest.approx(flops / 1e12, abs=1e-4)


def test_a_race_trains_every_contestant_on_the_same_tokens_for_as_long(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("The mill stands by the river, and the miller sleeps. " * 8000)
    learnt, held_out = texts.made([file], tmp_path / "tokens", 300)
    assert len(learnt.tokens) > 50 * len(held_out.tokens) > 0
    found = [training.race(tiny(who), learnt, held_out, HERE, 0.4, together=4) for who in CONTESTANTS]
    assert [run["who"] for run in found] == ["groundup", "nanoGPT", "nanochat"]
    assert len({run["foretold"] for run in found}) == 1 and all(0 < run["val_loss"] < 6 for run in found)
    assert found[0]["val_loss"] < 5.0  # a text of ten words is learnt in less than a second
    assert not found[0]["missing"] and all(run["missing"] for run in found[1:])


def test_writing_is_timed_by_every_way_there_is_here():
    told = decoding.speeds(tiny(OURS), 300, HERE, texts=2, written=8)
    assert set(told["tokens_per_s"]) == {"model", "static"} and min(told["tokens_per_s"].values()) > 0


def test_the_configs_are_those_that_were_read():
    gpt2, chat = NANOGPT.sizes(50_257), NANOCHAT.sizes(32_768)
    assert gpt2.vocabulary == 50_304 and 123e6 < cost.parameters(gpt2) < 125e6
    assert NANOGPT.settings(600_000).schedule.warmup == pytest.approx(2000 / 600_000)
    assert NANOGPT.training["rows"] * NANOGPT.training["time"] == 491_520
    assert NANOCHAT.training["rows"] * NANOCHAT.training["time"] == 1 << 19
    assert NANOCHAT.settings(400).schedule.warmup == pytest.approx(0.1) and chat.head_width == 128
    assert [training.parts(480, 32), training.parts(256, 16), training.parts(7, 3)] == [15, 16, 7]
    assert hardware.look().device == "cpu"
