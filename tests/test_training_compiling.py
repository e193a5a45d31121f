"""Layers compiled for a training: the same numbers but for the last digit, the same bits after a stop, and only where it pays."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from groundup.errors import Problem
from groundup.kernels.native import build
from groundup.model.layer import Layer
from groundup.training import compiling
from groundup.training.settings import TrainSettings
from tests.model_example import model
from tests.training_example import make, make_world, settings

needs_a_compiler = pytest.mark.skipif(build.compiler() is None, reason="no C++ compiler")


def gradients(made, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    made.zero_grad()
    made(ids).float().logsumexp(-1).sum().backward()
    return {name: value.grad.clone() for name, value in made.named_parameters()}


@needs_a_compiler
@pytest.mark.parametrize(("compute", "share"), ((None, 1e-5), (torch.bfloat16, 0.05)))
def test_compiled_layers_have_the_gradients_of_the_plain_ones_and_go_when_they_are_done(compute, share):
    made, ids = model("llama"), torch.arange(48).view(2, 24)
    made.compute, before = compute, made.attention
    plain = gradients(made, ids)
    with compiling.compiled(made):
        fast = gradients(made, ids)
        assert all("forward" in layer.__dict__ for layer in made.model.layers)
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert not any("forward" in layer.__dict__ for layer in made.model.layers)
    assert made.attention == before
    for name, value in plain.items():
        assert (fast[name] - value).norm() <= share * value.norm() + 1e-8, name


def test_a_compiled_layer_whose_gradients_are_wrong_is_not_taken(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda forward, **how: lambda x, reading: forward(2 * x, reading))
    long = TrainSettings(steps=100_000_000, rows=2, time=8)
    assert compiling.probe(model("llama"), long, print)["why"].endswith("% off")
    with pytest.raises(Problem, match="cannot be had here: gradients .* off"):
        compiling.probe(model("llama"), TrainSettings(steps=1, rows=2, time=8, compile="on"), print)


@needs_a_compiler
def test_a_compiled_training_is_told_of_and_makes_the_same_bits_twice(tmp_path):
    world = make_world(tmp_path / "world")
    asked = settings(world, **{"training.compile": "on", "training.steps": 6, "training.validate_every": 3})
    one, two = make(tmp_path / "one", asked), make(tmp_path / "two", asked)
    names = [path.name for path in sorted((one / "model").glob("*.safetensors"))]
    assert names and all((one / "model" / name).read_bytes() == (two / "model" / name).read_bytes() for name in names)
    chosen = json.loads((one / "manifest.json").read_text())["resolved"]["chosen"]["compile"]
    assert chosen["compile"] and chosen["compiled_ms"] > 0


def test_a_short_training_is_not_compiled_unasked():
    told = compiling.probe(model("llama"), TrainSettings(steps=3, rows=2, time=8), print)
    assert told == {"compile": False, "why": "a short training"}


def test_what_is_short_by_its_estimate_is_not_even_measured():
    made = model("llama")
    made.model.layers[0].mlp.up_proj.weight = None  # whoever passes through this layer fails
    long = TrainSettings(steps=100_000_000, rows=2, time=8)
    assert compiling.probe(made, long, print, seconds=599) == {"compile": False, "why": "a short training"}
    with pytest.raises(AttributeError):
        compiling.probe(made, long, print, seconds=601)


def test_what_was_measured_is_known_to_the_next_training_of_such_layers(tmp_path, monkeypatch):
    compilations = []
    monkeypatch.setattr(torch, "compile", lambda forward, **how: compilations.append(1) or forward)
    long = TrainSettings(steps=100_000_000, rows=2, time=8)

    def probed(depth=2, **changed):
        told = compiling.probe(model("llama", depth=depth), long.model_copy(update=changed), print, kept=tmp_path)
        return told, len(compilations)

    first, count = probed()
    assert count == 1 and first["plain_ms"] > 0 and probed() == (first, 1)
    assert probed(depth=3)[1] == 1  # layers are alike, however many there are
    assert probed(rows=4)[1] == 2 and probed(precision="bf16_weights")[1] == 3
    for file in tmp_path.iterdir():
        file.write_text("torn")
    assert probed()[1] == 4
    assert probed(steps=1)[0] == {"compile": False, "why": "a short training"}


def test_what_failed_is_tried_again(tmp_path, monkeypatch):
    tried = []

    def refuses(forward, **how):
        tried.append(1)
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", refuses)
    long = TrainSettings(steps=100_000_000, rows=2, time=8)
    for _ in range(2):
        assert not compiling.probe(model("llama"), long, print, kept=tmp_path)["compile"]
    assert len(tried) == 2


def test_a_short_training_does_not_load_torchs_compiler(tmp_path):
    program = (
        "import sys\nfrom pathlib import Path\nfrom tests.training_example import make, make_world, settings\n"
        "folder = Path(sys.argv[1])\nasked = settings(make_world(folder / 'world', 20), **{'training.steps': 2})\n"
        "make(folder / 'made', asked)\nassert 'torch._dynamo' not in sys.modules, 'seconds that nobody asked for'\n"
    )
    around = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    told = subprocess.run([sys.executable, "-c", program, tmp_path], env=around, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr[-2000:]


def test_what_would_take_long_is_tried(monkeypatch):
    tried = []

    def refuses(forward, **how):
        tried.append(forward.__self__)
        raise RuntimeError("no compiler here\nand more")

    monkeypatch.setattr(torch, "compile", refuses)
    long = TrainSettings(steps=100_000_000, rows=2, time=8)
    assert compiling.probe(model("llama"), long, print) == {"compile": False, "why": "no compiler here"}
    assert len(tried) == 1 and isinstance(tried[0], Layer)
    with pytest.raises(Problem, match="cannot be had here: no compiler here"):
        compiling.probe(model("llama"), TrainSettings(steps=1, rows=2, time=8, compile="on"), print)


@pytest.mark.parametrize(
    "given",
    ({"recompute": True}, {"watch": ["updates"]}, {"deterministic": True}, {"regularise": {"dropout": 0.1}}),
    ids=lambda given: next(iter(given)),
)
def test_what_compiled_layers_do_not_know_is_refused_by_name(given):
    asked = TrainSettings.model_validate({"compile": "on", **given})
    with pytest.raises(Problem, match=f"does not go with training.{next(iter(given))}"):
        compiling.probe(model("llama"), asked, print)
    assert not compiling.probe(model("llama"), asked.model_copy(update={"compile": "auto"}), print)["compile"]


def test_models_of_other_layers_stay_as_they_are():
    made = torch.nn.Linear(2, 2)
    assert compiling.probe(made, TrainSettings(steps=100_000_000), print)["why"].startswith("a model of the class")
