"""What oneDNN compiles for products of shapes that never come again is let go: training does not grow with its steps."""

import os
import subprocess
import sys

import pytest

from groundup.training.allocator import KERNELS, keep_few_kernels

SHAPES = 400  # numbers of rows that the head is asked for, each once
GROWING = """
import resource, sys, torch
from groundup.training.allocator import keep_few_kernels
torch.set_num_threads(1)
if sys.argv[1] == "few":
    keep_few_kernels()
weight = torch.ones(256, 64, dtype=torch.bfloat16)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
torch.nn.functional.linear(torch.ones(2000, 64, dtype=torch.bfloat16), weight)
before = peak()
for number in range(int(sys.argv[2])):
    rows = 1 + 197 * number % 499  # in no order, as batches bring them
    torch.nn.functional.linear(torch.ones(rows, 64, dtype=torch.bfloat16), weight)
print((peak() - before) / 1024)
"""


def grown_mb(kept: str) -> float:
    surroundings = {name: value for name, value in os.environ.items() if name not in KERNELS}
    asked = [sys.executable, "-c", GROWING, kept, str(SHAPES)]
    told = subprocess.run(asked, env=surroundings, capture_output=True, text=True, timeout=120, check=True)
    return float(told.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="counts peaks as Linux does")
def test_products_of_ever_new_shapes_take_no_more_memory():
    alone, few = grown_mb("all"), grown_mb("few")
    assert few < max(100, 0.6 * alone)  # without AMX nothing is compiled and nothing grows


def test_the_numbers_are_set_where_nobody_chose_one(monkeypatch):
    environment = {}
    monkeypatch.setattr(os, "environ", environment)
    keep_few_kernels()
    assert environment == dict.fromkeys(KERNELS, "64")


def test_whoever_chose_a_number_keeps_it(monkeypatch):
    for name in KERNELS:
        monkeypatch.setenv(name, "7")
    keep_few_kernels()
    assert [os.environ[name] for name in KERNELS] == ["7", "7"]
