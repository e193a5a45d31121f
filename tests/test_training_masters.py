"""Weights held in bf16 beside masters in f32: the steps of autocast, exact checkpoints, the same bits after a stop, less memory."""

import json

import pytest
import torch
from typer.testing import CliRunner

from groundup.commands import app
from groundup.model.folder import load
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training import checkpoint
from groundup.training.keeper import Hooks
from groundup.training.loop import Training, train
from groundup.training.memory import step_bytes
from groundup.training.settings import TrainSettings
from tests.model_example import model
from tests.training_example import Counting, make, make_world, settings

SHORT = "bf16_weights"


def asked(precision=SHORT, kind="adamw", **more) -> TrainSettings:
    rates = {"kind": kind, "rate": 0.003}
    given = {"steps": 12, "rows": 4, "time": 16, "log_every": 1, "optimizer": rates, "precision": precision}
    return TrainSettings.model_validate(given | more)


def training(precision=SHORT, kind="adamw", **more) -> Training:
    made = model("llama", 2)
    made.compute = torch.bfloat16
    return Training(made, NextToken(Counting()), asked(precision, kind, **more))


def ran(precision, kind="adamw", **more) -> tuple[list[float], dict[str, torch.Tensor]]:
    one = training(precision, kind, **more)
    losses = [one.advance(step)["next_token"].item() for step in range(12)]
    return losses, {name: value.clone() for name, value in one.state.items() if name.startswith("model.")}


@pytest.mark.parametrize("kind", ["adamw", "muon", "lion"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_steps_are_those_of_autocast(kind, accumulate):
    cast, short = ran("bf16", kind, accumulate=accumulate), ran(SHORT, kind, accumulate=accumulate)
    assert short[0] == pytest.approx(cast[0], abs=2e-3)
    for name, value in cast[1].items():
        assert short[1][name].dtype == torch.float32
        assert (short[1][name] - value).norm() <= 0.01 * value.norm() + 1e-6, name


def test_a_matrix_is_held_in_bf16_and_its_gradient_too_and_what_is_saved_is_its_master():
    one = training()
    weight = one.model.model.layers[0].mlp.up_proj.weight
    before = one.state["model.model.layers.0.mlp.up_proj.weight"].clone()
    seen = []
    weight.register_post_accumulate_grad_hook(lambda value: seen.append(value.grad.dtype))
    one.advance(0)
    master = one.state["model.model.layers.0.mlp.up_proj.weight"]
    assert seen == [torch.bfloat16] and weight.dtype == torch.bfloat16 and master.dtype == torch.float32
    assert not torch.equal(master, before) and torch.equal(weight, master.bfloat16())
    assert not torch.equal(master, master.bfloat16().float())  # it knows more than what is held
    one.masters.release()
    assert weight.dtype == torch.float32 and torch.equal(weight, master)


def test_parts_of_a_step_are_added_up_in_f32():
    one, seen = training(accumulate=4), []
    weight = one.model.model.layers[0].mlp.up_proj.weight
    weight.register_post_accumulate_grad_hook(lambda value: seen.append(value.grad.clone()))
    one.advance(0)
    assert len(seen) == 4 and not torch.equal(seen[-1], seen[-1].bfloat16().float())


def test_the_table_and_the_norms_stay_wide():
    held = training().masters.held
    assert held and not any("embed" in name or "norm" in name for name in held)


@pytest.mark.parametrize("more", [{}, {"regularise": {"average": 0.9}}], ids=["plain", "averaged"])
def test_a_stopped_training_goes_on_with_the_same_bits_from_whole_masters(tmp_path, more):
    def run(folder, stop=None):
        made, asks = model("llama", 2), []
        made.compute = torch.bfloat16
        hooks = Hooks(stopping=lambda: asks.append(1) or (stop is not None and len(asks) > stop))
        return train(made, NextToken(Counting()), asked(**more), folder, "run", hooks)

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", 5)
    saved = checkpoint.newest(tmp_path / "cut" / "checkpoints", "run", print)
    assert saved.state["model.model.layers.0.mlp.up_proj.weight"].dtype == torch.float32
    resumed = run(tmp_path / "cut")
    assert whole.state.keys() == resumed.state.keys()
    assert all(torch.equal(whole.state[name], resumed.state[name]) for name in whole.state)
    assert all(value.dtype == torch.float32 for value in resumed.model.parameters())


def test_looks_at_an_average_see_it_and_the_training_goes_on_as_before():
    one = training(regularise={"average": 0.5})
    for step in range(3):
        one.advance(step)
    name, weight = "model.layers.0.mlp.up_proj.weight", one.model.model.layers[0].mlp.up_proj.weight
    before = weight.clone()
    with one.shown():
        assert torch.equal(weight, one.state[f"average.{name}"].bfloat16()) and not torch.equal(weight, before)
    assert torch.equal(weight, before)


def test_a_stage_makes_a_folder_in_f32_and_is_told_what_it_multiplied_in(tmp_path):
    world = make_world(tmp_path / "world", 40)
    out = make(tmp_path / "made", settings(world, **{"training.precision": SHORT, "training.steps": 6}))
    chosen = json.loads((out / "manifest.json").read_text())["resolved"]["chosen"]["probe"]
    assert chosen["precision"] == SHORT
    assert all(value.dtype == torch.float32 for value in load(out / "model").parameters())


def test_a_step_is_replayed_from_a_checkpoint_as_it_was(tmp_path):
    world = make_world(tmp_path / "world", 40)
    given = {"training.precision": SHORT, "training.steps": 6, "training.keep_every": 5, "training.log_every": 1}
    out = make(tmp_path / "made", settings(world, **given | {"training.checkpoint_every": 5}))
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    loss = next(line["loss"] for line in lines if line.get("step") == 6 and "loss" in line)
    said = CliRunner().invoke(app, ["replay", f"{out}@6"], catch_exceptions=False).stdout
    assert "from step 5" in said and float(said.split("loss ")[1].split()[0]) == pytest.approx(loss, abs=1e-5)


def test_the_plan_counts_what_is_spared():
    plan = ModelSettings(depth=4, width=256, vocabulary=2048, tied=False)
    cast, short, parts = (
        step_bytes(plan, asked(precision, rows=4, accumulate=accumulate), 4, 2)
        for precision, accumulate in (("bf16", 1), (SHORT, 1), (SHORT, 4))
    )
    one = Training(Transformer(plan, compute=torch.bfloat16), NextToken(Counting()), asked())
    assert cast - short == 2 * sum(value.numel() for value in one.masters.held.values())
    assert parts == step_bytes(plan, asked("bf16", rows=4, accumulate=4), 4, 2)
