"""Old pickled weights: they come out as safetensors with the same bits, and what is not weights is refused and not run."""

import json
import os
from pathlib import Path

import pytest
import torch

from groundup.errors import Problem
from groundup.model import folder, legacy
from tests.model_example import model, tokenizer


@pytest.fixture
def old(tmp_path) -> Path:
    """A tied model's folder as older programs saved it: its head is the same tensor as its table."""
    made = model("llama", vocabulary=320)
    folder.save(tmp_path / "old", made, tokenizer(), "plain")
    (tmp_path / "old" / folder.WEIGHTS).unlink()
    state = dict(made.state_dict())
    torch.save(state | {"lm_head.weight": state["model.embed_tokens.weight"]}, tmp_path / "old" / legacy.WEIGHTS)
    (tmp_path / "old" / "modeling.py").write_text("raise SystemExit")
    return tmp_path / "old"


def same(one, two) -> bool:
    return set(one) == set(two) and all(torch.equal(tensor, two[name]) for name, tensor in one.items())


def test_a_folder_comes_out_with_the_same_bits_and_without_what_is_not_known(old, tmp_path):
    told = legacy.convert(old, tmp_path / "new")
    assert told["tied"] == ["lm_head.weight"] and told["tensors"] == len(model("llama").state_dict())
    assert same(folder.load(tmp_path / "new").state_dict(), model("llama", vocabulary=320).state_dict())
    names = {file.name for file in (tmp_path / "new").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= names
    assert not names & {"modeling.py", legacy.WEIGHTS} and not (tmp_path / "new.partial").exists()


def test_shards_come_out_as_shards(old, tmp_path):
    state = torch.load(old / legacy.WEIGHTS, weights_only=True)
    (old / legacy.WEIGHTS).unlink()
    names, index = sorted(state), {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"pytorch_model-0000{number}-of-00002.bin"
        # one as torch < 1.6 wrote it
        torch.save({name: state[name] for name in part}, old / file, _use_new_zipfile_serialization=number == 1)
        index |= dict.fromkeys(part, file)
    (old / legacy.SHARDS).write_text(json.dumps({"weight_map": index}))
    legacy.convert(old, tmp_path / "new")
    assert same(folder.load(tmp_path / "new").state_dict(), model("llama", vocabulary=320).state_dict())
    assert (tmp_path / "new" / "model-00002-of-00002.safetensors").exists()


class Payload:
    """What a stranger may put into a pickle: a call that leaves a trace."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_a_pickle_that_is_a_program_is_refused_and_not_run(old, tmp_path):
    state = torch.load(old / legacy.WEIGHTS, weights_only=True)
    torch.save(state | {"model.norm.weight": Payload(tmp_path / "trace")}, old / legacy.WEIGHTS)
    with pytest.raises(Problem, match=r"pytorch_model\.bin is a pickle that wants to call \w+\.mkdir: refused"):
        legacy.convert(old, tmp_path / "new")
    assert not (tmp_path / "trace").exists() and [path.name for path in tmp_path.iterdir()] == ["old"]
    torch.load(old / legacy.WEIGHTS, weights_only=False)
    assert (tmp_path / "trace").exists(), "the payload would have done nothing anyway"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": torch.ones(2), "epoch": 3}, "'epoch', which is of the kind int and no tensor"),
        ([torch.ones(2)], "holds list; expected a table"),
        ({"a": torch.ones(1).expand(10**9)}, "'a' has 4000000000 bytes and the file gives it fewer"),
        (dict.fromkeys("abcdefghi", torch.ones(4096)), "more than twice"),
        ({"a": torch.ones(2).to_sparse()}, "'a' is torch.sparse_coo"),
        ({"a": torch.ones(2, dtype=torch.complex64)}, "complex64"),
        (b"no pickle at all", "cannot be read as weights alone"),
        (b"", "cannot be read as weights alone"),
        (b"PK\x05\x06" + bytes(18), "cannot be read as weights alone"),
    ],
)
def test_what_is_no_table_of_tensors_is_refused_by_name(tmp_path, found, said):
    """Read in this process as the child would."""
    path = tmp_path / legacy.WEIGHTS
    path.write_bytes(found) if isinstance(found, bytes) else torch.save(found, path)
    with pytest.raises(Problem, match=said):
        legacy.checked(legacy._read(path), path)


def test_an_index_that_points_elsewhere_is_refused(old):
    (old / legacy.WEIGHTS).rename(old.parent / "outside.bin")
    for table, said in (
        ({"a": "../outside.bin"}, "only .bin files beside it"),
        ({"a": "b.bin"}, "is not there"),
        ([], "weight_map"),
    ):
        (old / legacy.SHARDS).write_text(json.dumps({"weight_map": table}))
        with pytest.raises(Problem, match=said):
            legacy.weight_files(old)


def test_a_folder_in_use_is_left_alone(old):
    with pytest.raises(Problem, match="there already"):
        legacy.convert(old, old)
