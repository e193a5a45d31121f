"""What a training tells while it runs: its speed, its share of the machine's peak, and a few of its words."""

import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.training.allocator import give_back_memory, keep_memory
from groundup.training.meter import WINDOW, Meter
from groundup.training.samples import greedy


def test_speed_is_tokens_over_seconds_and_pauses_do_not_count(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    meter = Meter(flops_per_token=3.0, peak_flops=1000.0)
    for _ in range(5):
        now[0] += 2.0
        meter.count(100)
    now[0] += 60.0
    meter.pause(60.0)
    now[0] += 2.0
    meter.count(100)
    assert meter.speed == pytest.approx(50.0) and meter.utilisation == pytest.approx(0.15)
    assert meter.left(500) == pytest.approx(10.0)


def test_speed_forgets_what_was_long_ago(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    meter = Meter()
    for tokens in [1] * 10 + [100] * int(WINDOW + 2):
        now[0] += 1.0
        meter.count(tokens)
    assert meter.speed == pytest.approx(100.0)


def test_before_the_first_step_nothing_is_claimed():
    assert Meter().speed == 0.0 and Meter().utilisation == 0.0 and Meter().left(5) == float("inf")


def test_rows_sampled_together_say_what_they_say_alone():
    model = Transformer(ModelSettings(depth=2, width=32, vocabulary=40), seed=1)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    prompts = [np.array([1, 2, 3]), np.array([7]), np.arange(12)]
    together = greedy(model, prompts, 9)
    assert together == [greedy(model, [prompt], 9)[0] for prompt in prompts]
    assert [len(row) for row in together] == [9, 9, 9]
    for prompt, row in zip(prompts, together, strict=True):
        text = torch.from_numpy(np.concatenate([prompt, row]))[None]
        assert model(text[:, :-1])[0, len(prompt) - 1 :].argmax(-1).tolist() == row
    assert greedy(model, prompts[:1], 9, stops=[together[0][4]])[0] == together[0][: together[0].index(together[0][4])]


@pytest.mark.skipif(sys.platform != "linux", reason="speaks to glibc")
def test_memory_that_was_freed_is_used_again():
    assert keep_memory()

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(16 << 20)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    assert min(faults() for _ in range(6)) < 100  # of the 16,384 pages that it takes


@pytest.mark.skipif(sys.platform != "linux", reason="speaks to glibc")
def test_memory_is_handed_back_when_training_is_over():
    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    assert keep_memory()
    torch.ones(64 << 20)
    kept = held()
    give_back_memory()
    assert held() < kept - (200 << 20)
