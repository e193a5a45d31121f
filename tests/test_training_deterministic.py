"""`training.deterministic`: nothing that a machine's size or mood decides reaches the weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from groundup.training.deterministic import one_order
from tests.training_example import make_world

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def made(world: Path, into: Path, threads: int) -> tuple[bytes, dict]:
    """The weights of a small training in a process with so many threads, and what it chose."""
    words = ["training.deterministic=true", "training.steps=4", "model.width=64", 'training.precision="auto"']
    command = [sys.executable, str(ROOT / "tests/training_example.py"), str(into), str(world), *words]
    around = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=around, cwd=ROOT, check=True)
    return (into / "model" / "model.safetensors").read_bytes(), json.loads((into / "resolved.json").read_text())


def test_the_weights_do_not_depend_on_how_many_threads_there_are(world, tmp_path):
    one, chosen = made(world, tmp_path / "one", 1)
    two, also = made(world, tmp_path / "two", 2)
    assert one == two
    assert chosen["threads"] == also["threads"] == 1
    assert chosen["probe"]["precision"] == also["probe"]["precision"] == "f32"  # a probe may not choose


def test_what_torch_was_told_before_comes_back():
    assert not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(ZeroDivisionError), one_order("cpu"):
        assert torch.are_deterministic_algorithms_enabled()
        raise ZeroDivisionError
    assert not torch.are_deterministic_algorithms_enabled()
