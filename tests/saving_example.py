"""A state that is saved again and again by children that something may happen to; a program for strace.

python tests/saving_example.py FOLDER TIMES CALL:NUMBER…   saves step 1, then for each CALL:NUMBER has a child save step 2

strace is to act on the TIMESth call of a name by a thread; each child makes so many harmless ones first that it is the
NUMBERth of saving. After each, what is left must be a whole checkpoint. Prints for each child `step word`.
"""

import os
import shutil
import sys
from pathlib import Path

import torch

from groundup.training import checkpoint
from groundup.training.writing import Writing


def state(step: int) -> dict[str, torch.Tensor]:
    """What is saved after a step."""
    return {"a.weight": torch.full((300, 40), float(step)), "b": torch.arange(step, step + 9)}


def harmless(call: str, place: Path) -> None:
    """One call of that name that changes nothing."""
    if call == "write":
        os.write(os.open(os.devnull, os.O_WRONLY), b"x")
    elif call == "fsync":
        os.fsync(os.open(place, os.O_RDONLY))
    elif call == "rename":
        (place / "x").touch()
        os.rename(place / "x", place / "y")


def save(folder: Path, call: str, before: int) -> str:
    """What is said about saving step 2 in the background, where strace counts from zero."""
    place = folder.with_name(f"harmless-{call}-{before}")
    place.mkdir()

    def write(copy: dict[str, torch.Tensor]) -> None:
        for _ in range(before):
            harmless(call, place)
        checkpoint.save(folder, 2, copy, "run", {}, keep=2)

    writing = Writing(folder)
    writing.start(state(2), write)
    try:
        writing.wait()
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"
    return "saved"


def in_a_child(folder: Path, call: str, before: int) -> str:
    """Its last words, or nothing if it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, save(folder, call, before).encode())
        os._exit(0)
    os.close(writing)
    said = os.fdopen(reading).read()
    os.waitpid(child, 0)
    return said


def main() -> None:
    """The program."""
    folder, times = Path(sys.argv[1]), int(sys.argv[2])
    told = []
    checkpoint.save(folder, 1, state(1), "run", {})
    for call, number in (word.split(":") for word in sys.argv[3:]):
        said = in_a_child(folder, call, times - int(number))
        found = checkpoint.newest(folder, "run", lambda sentence: None)
        assert found is not None, "nothing is left"
        assert all(torch.equal(found.state[name], value) for name, value in state(found.step).items())
        told.append(f"{found.step} {said or 'killed'}")
        shutil.rmtree(folder / "000002", ignore_errors=True)
    os.write(1, "\n".join(told).encode())  # in one call, of which strace has none left to count


if __name__ == "__main__":
    main()
