"""Damaged model files: read or refused in a sentence, never a crash, never more memory than the file explains."""

import json
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest

MUTANTS = 500
ROOM = 300 << 20  # bytes of address space beyond what the imports took


@pytest.mark.parametrize("kind", ["safetensors", "q8_0", "q4_k"])
def test_mutants_are_read_or_refused(kind, tmp_path):
    child = [sys.executable, __file__, kind, str(tmp_path)]
    done = subprocess.run(child, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["refused"] > MUTANTS / 4 and told["read"] + told["refused"] == MUTANTS
    assert told["peak_growth"] < ROOM


def mutant(good: bytes, dice: random.Random) -> bytes:
    """Bits flipped, numbers made huge, pieces cut out, doubled or put elsewhere; mostly in the head, where it hurts."""
    raw = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(min(len(raw), 3000) if dice.random() < 0.9 else len(raw))
        kind = dice.randrange(5)
        if kind == 0:
            raw[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            raw[at : at + 8] = dice.choice([b"\xff" * 8, b"\0" * 8, (1 << 40).to_bytes(8, "little")])
        elif kind == 2:
            del raw[at : at + dice.randint(1, 40)]
        elif kind == 3:
            raw[at:at] = raw[at : at + dice.randint(1, 40)]
        else:
            del raw[max(at, 1) :]
    return bytes(raw)


def main(kind: str, folder: Path) -> None:
    from groundup.errors import Problem
    from groundup.model import folder as folders
    from groundup.model import gguf
    from tests.model_example import model, tokenizer

    words = tokenizer()
    wide = {"width": 256, "hidden": 256, "depth": 1} if kind.endswith("k") else {}
    made = model(vocabulary=words.vocabulary, **wide)
    if kind != "safetensors":
        path, read = folder / "x.gguf", lambda: (gguf.read(path), gguf.tokenizer_of(gguf.GGUF(path)))
        gguf.write(path, made, words, kind, "plain")
    else:
        path, read = folder / "model.safetensors", lambda: folders.load(folder)
        folders.save(folder, made)
    read()
    statm = Path("/proc/self/statm")
    size = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
    if size:
        resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, size + ROOM))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    good, dice, told = path.read_bytes(), random.Random(5), {"read": 0, "refused": 0}
    for _ in range(MUTANTS):
        path.write_bytes(mutant(good, dice))
        try:
            read()
            told["read"] += 1
        except Problem as problem:
            assert len(str(problem)) < 2000
            told["refused"] += 1
    told["peak_growth"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(json.dumps(told))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(sys.argv[1], Path(sys.argv[2]))
