"""The tokenizer stage: from the corpus's parquet files to a folder, in a real run folder."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from groundup.errors import Problem
from groundup.hardware import look
from groundup.run import Estimate, perform, stage
from groundup.stages import load
from groundup.tokenizer import Tokenizer

STAGE = load("tokenizer")
TEXTS = [f"Page {number}: the garden of Anna is green and {number * 7} steps long.\n" for number in range(300)]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number, part in enumerate((TEXTS[:200], TEXTS[200:])):
        ids = [f"{number}-{place}" for place in range(len(part))]
        table = pyarrow.table({"id": ids, "text": part, "source": ["test"] * len(part)})
        parquet.write_table(table, folder / f"kept-{number:05d}.parquet")
    return folder


def made(tmp_path, corpus, **settings):
    wanted = stage(
        tmp_path / "made", "tokenizer", STAGE.Settings(corpus=str(corpus), **settings), version=STAGE.VERSION
    )
    return perform(wanted, STAGE.run, look())


def test_the_folder_holds_a_tokenizer_of_the_corpus(tmp_path, corpus):
    folder = made(tmp_path, corpus, size=300)
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.tokens == Tokenizer.train(TEXTS, 300).tokens
    assert "<|assistant|>" in tokenizer.specials and (folder / "chat_template.jinja").exists()
    told = json.loads((folder / "report.json").read_text())
    assert told["bytes_per_token"] == round(sum(map(len, TEXTS)) / sum(map(len, tokenizer.encode_many(TEXTS))), 4)


@pytest.mark.parametrize("algorithm", STAGE.OPTIONS)
def test_another_kind_of_tokenizer_is_one_word_away(tmp_path, corpus, algorithm):
    folder = made(tmp_path, corpus, size=300, algorithm=algorithm)
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.tokens == Tokenizer.train(TEXTS, 300, kind=algorithm).tokens
    assert json.loads((folder / "report.json").read_text())["kind"] == algorithm and "<|user|>" in tokenizer.specials


def test_a_sample_is_spread_over_the_corpus(corpus):
    files = STAGE.kept_files(corpus)
    chosen = list(STAGE.texts(files, 0.1))
    assert len(chosen) == 30 and chosen[0] in TEXTS[:30] and chosen[-1] in TEXTS[-30:]


def test_a_folder_without_a_corpus_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Problem, match="kept-"):
        STAGE.kept_files(tmp_path / "empty")


def test_the_estimate_grows_with_the_corpus():
    settings = STAGE.Settings(corpus="corpus")
    small, large = (STAGE.estimate(settings, {"corpus": Estimate(text_bytes=size)}, look()) for size in (10**6, 10**9))
    assert 0 < small.seconds < large.seconds and small.memory_bytes < large.memory_bytes
