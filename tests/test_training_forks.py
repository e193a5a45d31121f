"""Runs branch off from others, steps of theirs are computed again, and what does not fit is a sentence that loses nothing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from groundup.commands.stages import fork_one
from groundup.commands.trainings import replay
from groundup.data.tokens.shards import Writer
from groundup.errors import Problem
from groundup.recipe.started import started
from tests.test_training_killed import hashes, stage_json
from tests.training_example import make, make_world, settings

TOP = Path(__file__).parents[1]
KEPT = {"training.keep_every": 4, "training.log_every": 1, "training.validate_every": 4}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), 60)


@pytest.fixture(scope="module")
def base(world, tmp_path_factory):
    into = tmp_path_factory.mktemp("runs") / "base"
    make(into, settings(world, **KEPT))
    return into


def interrupted(into: Path, world: Path, **values) -> Path:
    """A training that cannot write its samples, and so stops at its last step with a checkpoint of it."""
    asked = settings(world, **{"samples.prompts": ["the cup"], "training.checkpoint_every": 4} | values)
    partial = into.with_name(f"{into.name}.partial")
    (partial / "samples.jsonl").mkdir(parents=True)
    (partial / "stage.json").write_text(stage_json(into, asked))
    with pytest.raises(Exception, match="samples.jsonl|directory"):
        make(into, asked)
    return partial


def notes(folder: Path) -> list[str]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["note"] for line in lines if "note" in line]


def model_bytes(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def test_asked_for_checkpoints_stay_when_the_training_is_done(base):
    assert sorted(path.name for path in (base / "checkpoints").iterdir()) == ["000004", "000008", "000012"]


def test_a_fork_that_changes_nothing_ends_with_the_same_bits(base, tmp_path):
    made = fork_one([], tmp_path / "fork", None, False, f"{base}@8")
    assert model_bytes(made) == model_bytes(base) and "going on from step 8" in notes(made)[0]


def test_a_fork_has_the_settings_of_its_run_but_for_those_given(base, tmp_path):
    words = ["training.optimizer.kind=adamw", "training.steps=16", "training.keep_every=0"]
    made = fork_one(words, tmp_path / "fork", None, False, f"{base}@4")
    written = json.loads((made / "manifest.json").read_text())["settings"]
    assert (written["training"]["steps"], written["training"]["rows"]) == (16, 8)
    assert "of the optimizer start afresh" in notes(made)[0] and model_bytes(made) != model_bytes(base)
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(4, 17))


def test_forks_that_cannot_be_are_sentences(base, tmp_path):
    for word, words, said in [
        (f"{base}@5", [], "no checkpoint of step 5; there are: 4, 8, 12"),
        (f"{base}@12", [], "ask for more steps"),
        (f"{base}@4", ["model.width=64"], "another model"),
        (str(base), [], "expected RUN@STEP"),
        (f"{tmp_path / 'none'}@4", [], "there is no training at"),
    ]:
        with pytest.raises(Problem, match=said):
            fork_one(words, tmp_path / "fork", None, False, word)


@pytest.mark.parametrize("step", [3, 11])
def test_a_step_can_be_computed_again_from_the_checkpoint_before_it(base, capsys, step):
    replay(f"{base}@{step}")
    told = capsys.readouterr().out
    lines = [json.loads(line) for line in (base / "metrics.jsonl").read_text().splitlines()]
    (line,) = [line for line in lines if line.get("step") == step and "loss" in line]
    assert f"loss {line['loss']:.6g} nats, gradient {line['gradient']:.6g}" in told
    assert ("from the start" if step == 3 else "from step 8") in told and told.count("document") == 8


def test_other_settings_do_not_remove_an_interrupted_training(world, tmp_path):
    partial = interrupted(tmp_path / "base", world)
    before = hashes(partial / "checkpoints")
    with pytest.raises(Problem, match=r"training.steps 12 -> 24.*--from .*base.partial@12 --into OTHER"):
        make(tmp_path / "base", settings(world, **{"training.steps": 24}))
    assert hashes(partial / "checkpoints") == before
    made = fork_one(
        ["training.steps=24", "samples.prompts=[]"], tmp_path / "on", None, False, f"{tmp_path / 'base'}@12"
    )
    assert "going on from step 12" in notes(made)[0]


def test_a_shard_that_changed_since_the_run_began_is_a_sentence(world, tmp_path):
    shutil.copytree(world, tmp_path / "world")
    partial = interrupted(tmp_path / "base", tmp_path / "world")
    path = tmp_path / "world" / "tokens" / "train" / "tokens.bin"
    raw = bytearray(path.read_bytes())
    raw[0] ^= 1
    path.write_bytes(raw)
    with pytest.raises(Problem, match="data was changed since .train/tokens.bin"):
        make(tmp_path / "base", settings(tmp_path / "world", **{"samples.prompts": ["the cup"]}))
    assert (partial / "checkpoints" / "000012").is_dir()


def test_rows_longer_than_the_context_are_a_sentence(world, tmp_path):
    with pytest.raises(Problem, match="rows of 32 tokens are longer than the model's context of 16"):
        make(tmp_path / "base", settings(world, **{"model.context": 16}))


def test_an_id_that_the_model_has_no_row_for_is_a_sentence(world, tmp_path):
    shutil.copytree(world, tmp_path / "world")
    writer = Writer(tmp_path / "world" / "tokens" / "train", 5000)
    writer.add([np.full(400, 4321)], 400)
    writer.close()
    with pytest.raises(Problem, match="holds the id 4321 and the model knows 28"):
        make(tmp_path / "base", settings(tmp_path / "world"))


def test_a_held_out_part_of_no_tokens_is_said_and_nothing_is_lost(world, tmp_path):
    shutil.copytree(world, tmp_path / "world")
    Writer(tmp_path / "world" / "tokens" / "val", 5000).close()
    made = make(tmp_path / "base", settings(tmp_path / "world", **{"training.validate_every": 4}))
    assert any("val holds 0 tokens" in note for note in notes(made)) and (made / "model").is_dir()


def test_a_checkpoint_folder_without_permission_is_a_sentence(world, tmp_path):
    """As another user where we are root, whom nothing stops."""
    script = (
        "import os, sys, torch\nfrom pathlib import Path\nfrom groundup.errors import Problem\n"
        "from groundup.training import checkpoint\nfrom groundup.training.writing import Writing\n"
        "if os.getuid() == 0:\n    os.setuid(65534)\n"
        "folder = Path(sys.argv[1])\nwriting = Writing(folder)\n"
        "writing.start({'a': torch.ones(2)}, lambda state: checkpoint.save(folder, 2, state, 'run', {}))\n"
        "try:\n    writing.wait()\nexcept Problem as problem:\n    print(problem)\n"
    )
    place = Path("/tmp") / f"groundup-{os.getpid()}-permission"
    place.mkdir()
    try:
        place.chmod(0o555)
        environment = os.environ | {"PYTHONPATH": str(TOP)}
        command = [sys.executable, "-c", script, str(place)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert "no permission for" in done.stdout and not list(place.iterdir()), done.stderr[-1000:]
    finally:
        place.rmdir()


def test_what_is_no_training_cannot_be_forked(world, tmp_path):
    with pytest.raises(Problem, match="no training"):
        started(f"{world}@3")
