"""The GPT of one file is the package's GPT-2, weight by weight, and learns."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from groundup.model import folder
from tests.model_example import ids, model

FILE = Path(__file__).parents[1] / "lessons/one_file_gpt.py"


@pytest.fixture(scope="module")
def alone():
    spec = importlib.util.spec_from_file_location("one_file_gpt", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["one_file_gpt"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["one_file_gpt"]


@pytest.fixture
def both(alone, tmp_path):
    ours = model("gpt2", hidden=256)
    folder.save(tmp_path, ours)
    return ours, alone.load(tmp_path)


@torch.no_grad()
def test_its_logits_are_the_packages(both):
    ours, theirs = both
    mine, expected = ours(ids()), theirs(ids())
    assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())


@torch.no_grad()
def test_it_writes_the_same(both):
    ours, theirs = both
    text = ids(1, 8)
    for _ in range(64):
        text = torch.cat((text, ours(text)[:, -1:].argmax(-1)), 1)
    assert torch.equal(theirs.write(ids(1, 8), 64, temperature=0), text)


def test_it_learns(alone):
    torch.manual_seed(1)
    made = alone.GPT(alone.Sizes(20, context=16, depth=2, heads=2, width=32))
    losses = alone.train(made, torch.arange(400) % 20, 60, rows=8, rate=1e-2, told=False)
    assert losses[0] > 2.5 and losses[-1] < 0.2


def test_it_stays_short_and_needs_torch_alone():
    text = FILE.read_text()
    assert len(text.splitlines()) <= 200 and "groundup" not in text.split('"""')[2]
