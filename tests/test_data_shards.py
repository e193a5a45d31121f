"""Token shards keep every document, and a damaged folder is named instead of trained on."""

import json

import numpy as np
import pytest

from groundup.data.tokens.shards import Shards, Writer
from groundup.errors import Problem

DOCUMENTS = [np.array([0, 5, 6], "u4"), np.array([0], "u4"), np.array([0, 9, 9, 9], "u4")]


def written(folder, vocabulary=10):
    writer = Writer(folder, vocabulary)
    writer.add(DOCUMENTS[:2], 2)
    writer.add(DOCUMENTS[2:], 3)
    writer.close()
    return folder


@pytest.mark.parametrize("vocabulary, dtype", [(10, "uint16"), (65_536, "uint16"), (65_537, "uint32")])
def test_documents_come_back_in_the_narrowest_type(tmp_path, vocabulary, dtype):
    shards = Shards(written(tmp_path, vocabulary))
    assert [shards.document(i).tolist() for i in range(3)] == [d.tolist() for d in DOCUMENTS]
    assert (shards.tokens.dtype.name, shards.documents, shards.text_bytes) == (dtype, 3, 5)


def test_an_id_outside_the_vocabulary_is_never_written(tmp_path):
    with pytest.raises(Problem, match="the id 9"):
        written(tmp_path, 9)


def test_an_id_outside_the_vocabulary_is_found_on_opening(tmp_path):
    written(tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps(index | {"vocabulary": 9}))
    with pytest.raises(Problem, match="vocabulary has 9"):
        Shards(tmp_path)


@pytest.mark.parametrize("name", ["tokens.bin", "offsets.bin"])
def test_a_file_cut_short_is_named(tmp_path, name):
    written(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    with pytest.raises(Problem, match=name):
        Shards(tmp_path)


def test_one_flipped_bit_is_found_by_verify(tmp_path):
    written(tmp_path)
    raw = bytearray((tmp_path / "tokens.bin").read_bytes())
    raw[2] ^= 1
    (tmp_path / "tokens.bin").write_bytes(raw)
    with pytest.raises(Problem, match=r"tokens\.bin has changed"):
        Shards(tmp_path).verify()


def test_a_folder_without_tokens_says_which_folder_to_name(tmp_path):
    with pytest.raises(Problem, match="train/ or val/"):
        Shards(tmp_path)
