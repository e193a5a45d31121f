"""The losses of a training may not drift by more than rounding: who changes how a step is computed notices it here.

`training_losses.json` has them by kind of processor (amx, avx512, avx2, neon), for other kernels round otherwise. A new kind
prints what to add there; until then it is held to the others within 1e-3, as every kind is.
"""

import json
from pathlib import Path

import pytest
import torch

from groundup import hardware
from tests.losses_example import KEPT, train

MACHINE = hardware.look()
TORCH = torch.__version__.split("+")[0]
GOLDEN = json.loads(Path(__file__).with_name("training_losses.json").read_text())
NEAR = {"f32": 2e-6, "bf16": 1e-3}  # ten and four times what threads and kernels changed: bench/determinism.py
PRECISIONS = ("f32", "bf16") if MACHINE.amx or MACHINE.avx512_bf16 else ("f32",)


@pytest.fixture(scope="module")
def losses():
    return {precision: train(precision, threads=1)["losses"] for precision in PRECISIONS}


def test_every_kind_of_processor_learns_alike(losses):
    for told in GOLDEN.values():
        assert len(told["f32"]) == len(KEPT)
        assert losses["f32"] == pytest.approx(told["f32"], abs=1e-3)


def test_the_losses_on_a_known_kind_of_processor_are_those_written_down(losses):
    told = GOLDEN.get(MACHINE.kind)
    if told is None:
        new = {MACHINE.kind: {"cpu": MACHINE.cpu, "torch": TORCH} | losses}
        pytest.skip(
            f"no golden losses for this kind of processor yet: add to tests/golden/training_losses.json {json.dumps(new)}"
        )
    for precision in set(PRECISIONS) & set(told):
        assert losses[precision] == pytest.approx(told[precision], abs=NEAR[precision]), (MACHINE.cpu, TORCH, losses)
