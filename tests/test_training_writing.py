"""Checkpoints are written while training goes on, are whole before anyone looks at the model, and the right ones stay."""

import errno
import threading
import time

import pytest
import torch

from groundup.errors import OutOfSpace
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training import checkpoint
from groundup.training.keeper import Hooks
from groundup.training.loop import train
from groundup.training.settings import TrainSettings
from groundup.training.writing import Writing
from tests.test_training_loop import digest, objective, shards  # noqa: F401


def model() -> Transformer:
    return Transformer(ModelSettings(depth=1, width=16, vocabulary=300, head_width=16), seed=3)


def run(source: NextToken, folder=None, hooks=None, **values):
    settings = TrainSettings(steps=values.pop("steps", 6), rows=8, time=24, log_every=1, **values)
    return train(model(), source, settings, folder, "run", hooks)


def steps_in(folder) -> list[int]:
    return [int(place.name) for place in checkpoint.named(folder / "checkpoints")]


def test_a_step_goes_on_while_its_checkpoint_is_written(tmp_path):
    writing, gate, written = Writing(tmp_path), threading.Event(), {}
    state = {"a": torch.ones(3)}

    def write(copy):
        gate.wait(10)
        written.update({name: tensor.clone() for name, tensor in copy.items()})

    writing.start(state, write)
    state["a"] += 1  # the next step
    assert writing.busy
    writing.check()  # does not wait
    gate.set()
    writing.wait()
    assert written["a"].tolist() == [1, 1, 1] and not writing.busy


def test_the_next_checkpoint_waits_for_the_one_in_flight(tmp_path):
    writing, order = Writing(tmp_path), []
    gate = threading.Event()
    writing.start({"a": torch.ones(1)}, lambda copy: (gate.wait(10), order.append(1)))
    threading.Timer(0.1, gate.set).start()
    writing.start({"a": torch.ones(1)}, lambda copy: order.append(2))
    writing.wait()
    assert order == [1, 2]


def test_what_the_disk_refused_is_said_by_the_next_step_in_a_sentence(tmp_path):
    def full(copy):
        raise OSError(errno.ENOSPC, "No space left on device")

    writing = Writing(tmp_path)
    writing.start({"a": torch.ones(1)}, full)
    while writing.busy:
        time.sleep(0.001)
    with pytest.raises(OutOfSpace, match="the disk is full"):
        writing.check()
    writing.check()  # said once


def test_a_checkpoint_is_whole_before_the_model_is_looked_at(shards, tmp_path):  # noqa: F811
    seen = []

    def look(trained, step):
        seen.append((step, checkpoint.newest(tmp_path / "checkpoints", "run", print).step if step else 0))
        return {"validation": 1.0}

    run(objective(shards), tmp_path, Hooks(validate=look), validate_every=2)
    assert seen == [(0, 0), (2, 2), (4, 4), (6, 6)]


def test_the_newest_the_best_and_every_nth_stay(shards, tmp_path):  # noqa: F811
    worth = {2: 3.0, 4: 1.0, 6: 2.0, 8: 2.5, 10: 2.0, 12: 2.0}
    hooks = Hooks(validate=lambda trained, step: {"validation": worth.get(step, 9.0)})
    values = {"checkpoint_every": 1, "validate_every": 2, "keep": 2, "keep_best": True, "keep_every": 5, "steps": 12}
    run(objective(shards), tmp_path, hooks, **values)
    assert steps_in(tmp_path) == [4, 5, 10, 11, 12] and checkpoint.best_of(tmp_path / "checkpoints") == (4, 1.0)


def test_writing_behind_ends_with_the_bits_of_writing_nothing(shards, tmp_path):  # noqa: F811
    assert digest(run(objective(shards), tmp_path, checkpoint_every=1)) == digest(run(objective(shards)))


def test_another_machine_may_go_on_and_is_told_so(shards, tmp_path):  # noqa: F811
    asked = []
    here = {"threads": 1, "cpu": "one"}
    stop = Hooks(stopping=lambda: asked.append(1) or len(asked) > 3, place=here)
    with pytest.raises(KeyboardInterrupt):
        run(objective(shards), tmp_path, stop)
    said = []
    run(objective(shards), tmp_path, Hooks(say=said.append, place=here | {"threads": 2}))
    assert len(said) == 1 and "threads 2 (before: 1)" in said[0] and "not to the last bit" in said[0]


def test_a_file_is_what_others_read_as_safetensors(tmp_path):
    import safetensors.torch

    state = {"a": torch.rand(3, 2), "b": torch.tensor(2.0), "c": torch.arange(3), "d": torch.rand(5).bfloat16()}
    checkpoint.save(tmp_path, 1, state | {"none": torch.zeros(0, 4)}, "run", {})
    read = safetensors.torch.load_file(tmp_path / "000001" / checkpoint.STATE)
    assert all(torch.equal(read[name], value) for name, value in state.items()) and read["none"].shape == (0, 4)
