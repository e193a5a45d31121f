"""A checkpoint is there whole or not at all, says so itself, and what is not ours is left alone."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.errors import Problem
from groundup.training import checkpoint

TOP = Path(__file__).parents[1]


def state(value: float) -> dict[str, torch.Tensor]:
    return {"a.weight": torch.full((4, 3), value), "b": torch.tensor(value, dtype=torch.float64), "n": torch.arange(5)}


def quiet(sentence: str) -> None:
    raise AssertionError(sentence)


def test_what_was_saved_comes_back_bit_for_bit(tmp_path):
    checkpoint.save(tmp_path, 7, state(0.1), "run", {"line": {"loss": 1.5}})
    found = checkpoint.newest(tmp_path, "run", quiet)
    assert found.step == 7 and found.notes == {"line": {"loss": 1.5}}
    fresh = state(0.0)
    checkpoint.restore(fresh, found.state)
    assert all(torch.equal(fresh[name], value) for name, value in state(0.1).items())


def test_nothing_saved_is_nothing_found(tmp_path):
    assert checkpoint.newest(tmp_path / "none", "run", quiet) is None


def test_only_the_newest_are_kept(tmp_path):
    for step in (1, 2, 30, 400):
        checkpoint.save(tmp_path, step, state(step), "run", {}, keep=2)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["000030", "000400"]


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    for step in (5, 10):
        checkpoint.save(folder, step, state(step), "run", {"line": {"loss": 0.25}})
    return folder


@given(st.sampled_from([checkpoint.STATE, checkpoint.MANIFEST]), st.data())
@settings(max_examples=200, deadline=None)
def test_a_flipped_bit_anywhere_is_noticed(two, name, data):
    path = two / "000010" / name
    raw = path.read_bytes()
    at, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    said = []
    try:
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :])
        found = checkpoint.newest(two, "run", said.append)
    finally:
        path.write_bytes(raw)
    whole = (
        found.step == 10
        and all(torch.equal(found.state[n], v) for n, v in state(10).items())
        and found.notes == {"line": {"loss": 0.25}}
    )
    assert whole or (found.step == 5 and "000010" in said[0])


@pytest.mark.parametrize("name", [checkpoint.STATE, checkpoint.MANIFEST])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_torn_file_is_passed_over_with_a_word_and_left(tmp_path, name, share):
    for step in (5, 10):
        checkpoint.save(tmp_path, step, state(step), "run", {})
    path = tmp_path / "000010" / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    said = []
    assert checkpoint.newest(tmp_path, "run", said.append).step == 5
    assert len(said) == 1 and "000010" in said[0] and path.exists()


def test_a_training_that_comes_by_a_damaged_one_again_sets_it_aside(tmp_path):
    checkpoint.save(tmp_path, 10, state(1), "run", {})
    (tmp_path / "000010" / checkpoint.STATE).write_bytes(b"torn")
    checkpoint.save(tmp_path, 10, state(1), "run", {})
    assert checkpoint.newest(tmp_path, "run", quiet).step == 10
    assert (tmp_path / "000010.damaged" / checkpoint.STATE).read_bytes() == b"torn"


def test_what_is_not_a_checkpoint_is_never_deleted(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "000001-mine").mkdir()
    for step in range(5):
        checkpoint.save(tmp_path, step, state(step), "run", {}, keep=1)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["000001-mine", "000004", "notes"]


def test_a_checkpoint_of_other_settings_is_passed_over(tmp_path):
    checkpoint.save(tmp_path, 3, state(1), "other", {})
    said = []
    assert checkpoint.newest(tmp_path, "run", said.append) is None and "other settings" in said[0]


def test_a_state_of_other_shapes_is_refused_by_name(tmp_path):
    with pytest.raises(Problem, match="b"):
        checkpoint.restore(state(1), state(1) | {"b": torch.zeros(2)})


def test_files_have_the_mode_that_umask_allows(tmp_path):
    before = os.umask(0o022)
    try:
        checkpoint.save(tmp_path, 3, state(1), "run", {})
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "000003").iterdir()} == {"0o644"}


def test_a_manifest_names_the_hash_of_every_file(tmp_path):
    checkpoint.save(tmp_path, 3, state(1), "run", {})
    manifest = json.loads((tmp_path / "000003" / checkpoint.MANIFEST).read_text())
    assert set(manifest["files"]) == {path.name for path in (tmp_path / "000003").iterdir()} - {checkpoint.MANIFEST}


FULL_DISK = """
import resource, signal, sys, torch
from pathlib import Path
from groundup.training import checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, limits = Path(sys.argv[1]), range(0, 6000, 400)
state = {"a": torch.ones(1000)}
checkpoint.save(folder, 1, state, "run", {})
for limit in limits:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        checkpoint.save(folder, 2, state, "run", {})
        assert limit > 4000, limit
        break
    except OSError:
        assert sorted(p.name for p in folder.iterdir()) == ["000001"], list(folder.iterdir())
        assert checkpoint.newest(folder, "run", print).step == 1
else:
    raise AssertionError("never saved")
assert limit > 0 and checkpoint.newest(folder, "run", print).step == 2
print("survived")
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on file sizes")
def test_a_full_disk_keeps_the_old_checkpoint_and_leaves_no_rest(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and "survived" in done.stdout, done.stderr[-2000:]
