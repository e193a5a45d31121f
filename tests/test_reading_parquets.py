"""Damaged Parquet is met with a sentence, by whichever stage reads it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from groundup import run
from groundup.data.reading import parquets
from groundup.data.synthetic.passages import passages
from groundup.data.tokens.corpora import Corpora
from groundup.errors import Problem
from groundup.evaluation.looking.finished import Corpus, Place
from groundup.stages import tokenizer

READERS = {
    "tokenizer": lambda folder: list(tokenizer.texts(tokenizer.kept_files(folder), 1.0)),
    "its size": lambda folder: tokenizer.text_bytes(*tokenizer.kept_files(folder)),
    "tokens": lambda folder: list(Corpora([str(folder)]).documents()),
    "how many": lambda folder: Corpora([str(folder)]).known,
    "passages": lambda folder: list(passages(folder, 100, 5, 1)),
    "look": lambda folder: list(Corpus(folder).parts(["id", "text"])),
    "a document": lambda folder: Corpus(folder).read([Place(0, 0, 0)]),
    "how many to look at": lambda folder: Corpus(folder).documents,
    "sealed": lambda folder: list(parquets.rows(folder / "kept-00000.parquet", "id", "text")),
}


def kept(folder: Path) -> Path:
    """A corpus of one file."""
    text = " ".join(f"word{n}" for n in range(60))
    path = folder / "kept-00000.parquet"
    columns = {"id": [str(n) for n in range(500)], "text": [f"{n} {text}" for n in range(500)], "source": ["x"] * 500}
    table = pa.table(columns)
    parquet.write_table(table, path, compression="none", use_dictionary=False)
    (folder / "table.json").write_text("{}")
    return path


@pytest.mark.parametrize("reader", READERS)
def test_a_file_without_a_footer_is_named(tmp_path, reader):
    path = kept(tmp_path)
    READERS[reader](tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Problem, match=r"kept-00000.parquet cannot be read as Parquet .*damaged or not whole"):
        READERS[reader](tmp_path)


@pytest.mark.parametrize("reader", ["tokenizer", "tokens", "passages", "look", "a document", "sealed"])
def test_a_file_that_is_damaged_in_its_middle_is_named(tmp_path, reader):
    path = kept(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[: len(raw) // 2] = bytes(len(raw) // 2)
    path.write_bytes(raw)
    with pytest.raises(Problem, match=r"kept-00000.parquet cannot be read as Parquet"):
        READERS[reader](tmp_path)


def test_a_column_that_is_wanted_and_not_there_is_named(tmp_path):
    with pytest.raises(Problem, match=r"kept-00000.parquet has no column 'reason'; it has id, text, source"):
        parquets.rows(kept(tmp_path), "id", "reason")


def test_what_a_reader_raises_is_left_alone(tmp_path):
    path = kept(tmp_path)
    with pytest.raises(OSError, match="mine"):
        for _ in parquets.batches(path, 10, ["text"]):
            raise OSError("mine")


def test_a_file_is_no_finished_stage(tmp_path):
    path = kept(tmp_path)
    with pytest.raises(Problem, match="it is not a finished stage"):
        run.read_manifest(path)
