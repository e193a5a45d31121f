"""Megatron's tokens are a pair of files: whoever reads one of them has read both."""

import pytest

from groundup import hardware, run
from groundup.errors import Problem
from tests.run_example import at


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "web.bin").write_bytes(b"tokens")
    (tmp_path / "web.idx").write_bytes(b"borders")
    return tmp_path


def made(place, name="web.bin"):
    def write(settings, work):
        (work.out / "read.txt").write_bytes((place / "web.idx").read_bytes())

    return run.perform(at(place / "made", place / name), write, hardware.look())


@pytest.mark.parametrize("name", ["web.bin", "web.idx"])
def test_a_change_of_either_file_makes_another_result(pair, name):
    first = made(pair, name)
    assert made(pair, name) == first
    (pair / "web.idx").write_bytes(b"others!")
    second = made(pair, name)
    assert second != first and (second / "read.txt").read_bytes() == b"others!"
    (pair / "web.bin").write_bytes(b"other tokens")
    assert made(pair, name) not in (first, second)


def test_verify_names_the_index_that_was_changed_or_is_gone(pair):
    made(pair)
    assert run.verify(pair / "made").files == 3
    (pair / "web.idx").write_bytes(b"others!")
    with pytest.raises(Problem, match=rf"{pair}/web\.idx was changed"):
        run.verify(pair / "made")
    (pair / "web.idx").unlink()
    with pytest.raises(Problem, match=rf"{pair}/web\.idx is missing"):
        run.verify(pair / "made")


def test_an_attempt_that_was_interrupted_does_not_go_on_with_another_index(pair):
    said = []

    def give_up(settings, work):
        (work.out / "half.txt").write_text("so far")
        raise Problem("enough")

    with pytest.raises(Problem):
        run.perform(at(pair / "made", pair / "web.bin"), give_up, hardware.look())
    (pair / "web.idx").write_bytes(b"others!")

    def look(settings, work):
        said.extend(path.name for path in work.out.iterdir() if path.suffix == ".txt")

    run.perform(at(pair / "made", pair / "web.bin"), look, hardware.look())
    assert said == []


def test_a_file_without_the_other_is_known_by_its_own_bytes(pair):
    (pair / "web.idx").unlink()
    assert run.content_fingerprint(pair / "web.bin") == run.content_fingerprint(pair / "web.bin", {})
    (pair / "alone.bin").write_bytes(b"tokens")
    assert run.content_fingerprint(pair / "alone.bin") == run.content_fingerprint(pair / "web.bin")
