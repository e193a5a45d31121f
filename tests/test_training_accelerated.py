"""A training on an accelerator, as far as a machine without one can tell: no step waits for it, and all of a model compiles.

Tensors without numbers (torch's meta device) stand for those of an accelerator: whoever asked one for a number would fail.
"""

import numpy as np
import pytest
import torch

from groundup.data.tokens.batches import Batch
from groundup.objectives import likelihood
from groundup.objectives.next_token import NextToken
from groundup.training.compiling_whole import whole
from groundup.training.loop import Training
from groundup.training.settings import OptimizerSettings, RegulariserSettings, TrainSettings
from groundup.training.terms import forward_backward
from tests.model_example import model

ROWS, TIME, VOCABULARY = 4, 16, 300


class Drawn:
    """Rows of random ids, some of which do not matter."""

    rows, time = ROWS, TIME

    def batch(self, step, rows=None):
        dice = np.random.default_rng(step)
        count = ROWS if rows is None else len(rows)
        text = dice.integers(0, VOCABULARY, (count, TIME + 1))
        weights = np.ones((count, TIME), np.float32)
        weights[:, ::5] = 0
        return Batch(text[:, :-1], text[:, 1:], weights)


def gradients(made, logits="whole"):
    made.logits = logits
    made.zero_grad()
    objective = NextToken(Drawn())
    batch = objective.batch(3)
    loss, _ = forward_backward(made, objective, [batch], objective.counts(batch))
    return loss, {name: value.grad.clone() for name, value in made.named_parameters()}


WAYS = {
    "muon": {},
    "adamw": {"optimizer": {"kind": "adamw", "decay": 0.1}, "accumulate": 2, "clip": 0.5},
    "adamw in 8 bits": {"optimizer": {"kind": "adamw", "state": "8bit"}},
    "muon in bf16": {"optimizer": {"state": "bf16"}},
    "lion": {"optimizer": {"kind": "lion"}},
    "adafactor": {"optimizer": {"kind": "adafactor"}},
    "sgd": {"optimizer": {"kind": "sgd"}},
    "regularised": {"regularise": {"average": 0.99, "z_loss": 1e-4, "label_smoothing": 0.1, "clip_value": 0.1}},
    "dropout": {"regularise": {"dropout": 0.1}},
    "in chunks": {"logits": "chunked"},
    "recomputed": {"recompute": True},
}


@pytest.mark.parametrize("way", WAYS)
def test_no_step_asks_the_device_for_a_number(way):
    from groundup.objectives.softened import softened
    from groundup.training.memory import spare

    made, asked = (
        model("llama").train().to("meta"),
        TrainSettings.model_validate({"rows": ROWS, "time": TIME, **WAYS[way]}),
    )
    made.compute = torch.bfloat16
    spare(made, asked, print)
    training = Training(made, softened(NextToken(Drawn()), asked.regularise), asked, torch.bfloat16)
    for step in range(3):
        means = training.advance(step)
        assert all(value.device.type == "meta" for value in means.values())
    with pytest.raises((RuntimeError, NotImplementedError)):
        training.line(3, means)  # lines of metrics are where it is asked


@pytest.mark.parametrize("kind", ("muon", "adamw", "adam"))
def test_adam_moves_all_weights_of_a_group_in_one_kernel(kind, monkeypatch):
    calls, fused = [], torch._fused_adamw_

    def count(weights, *rest, **how):
        calls.append(len(weights))
        fused(weights, *rest, **how)

    monkeypatch.setattr(torch, "_fused_adamw_", count)
    asked = TrainSettings(
        rows=ROWS, time=TIME, optimizer=OptimizerSettings(kind=kind), regularise=RegulariserSettings()
    )
    Training(model("llama").train(), NextToken(Drawn()), asked).advance(0)
    assert 1 <= len(calls) <= 3  # matrices, tables, vectors


def test_a_model_compiled_as_a_whole_has_the_gradients_of_the_plain_one_and_is_itself_afterwards():
    made = model("llama")
    loss, plain = gradients(made)
    with whole(made, backend="aot_eager"):
        fast_loss, fast = gradients(made)
        with torch.no_grad():
            assert torch.equal(made(torch.arange(8)[None]), made(torch.arange(8)[None]))
    assert torch.allclose(fast_loss, loss, rtol=1e-5)
    for name, value in plain.items():
        assert (fast[name] - value).norm() <= 1e-4 * value.norm() + 1e-7, name
    assert "hidden" not in vars(made) and not hasattr(made, "foretell")


@pytest.mark.parametrize("shape", ("gpt2", "gemma3"))
def test_nothing_between_ids_and_vectors_breaks_the_graph(shape):
    made = model(shape)
    torch._dynamo.reset()
    compiled = torch.compile(made.hidden, backend="eager", fullgraph=True, dynamic=False)
    ids = torch.arange(24).view(2, 12)
    assert torch.allclose(compiled(ids), made.hidden(ids), atol=1e-5)


def test_a_compiled_loss_is_used_where_gradients_are_wanted_and_only_there(monkeypatch):
    made, asked = model("llama"), []
    made.foretell = lambda x, targets: asked.append(len(targets)) or likelihood.log_probability(made.head(x), targets)
    meant = gradients(made)[0]
    assert len(asked) == 1
    gradients(made, "chunked")
    with torch.no_grad():
        objective = NextToken(Drawn())
        told = objective.loss(made, objective.batch(3))["next_token"]
    assert len(asked) == 1 and torch.allclose(told.sum / told.count, meant)
