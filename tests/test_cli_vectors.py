"""Commands about word vectors: learnt from files, looked into, in words of a text or tokens of a tokenizer."""

import pytest

from groundup.__main__ import main
from groundup.model.vector_files import read
from groundup.tokenizer import Tokenizer
from tests.laws.test_skipgram import ROLES, of_one_role, stories


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """A folder with texts, and vectors learnt from them."""
    folder = tmp_path_factory.mktemp("notes")
    (folder / "notes").mkdir()
    texts = stories()
    for part in range(3):
        (folder / f"notes/{part}.txt").write_text("\n\n".join(texts[part::3]))
    return folder


@pytest.fixture
def folder(notes, monkeypatch):
    monkeypatch.chdir(notes)
    monkeypatch.setenv("COLUMNS", "160")
    return notes


SMALL = ["--width", "20", "--window", "4", "--rounds", "30"]


@pytest.mark.parametrize("form", ["word2vec", "glove"])
def test_vectors_are_learnt_from_files_and_asked_for_neighbours(folder, capsys, form):
    assert main(["vectors", "train", "notes", "--into", f"made/{form}.txt", "--form", form, *SMALL]) == 0
    assert f"made made/{form}.txt: 26 words of 20 numbers, learnt from 16,500 in the texts" in capsys.readouterr().out
    assert (read(f"made/{form}.txt").width, of_one_role(read(f"made/{form}.txt")) > 0.85) == (20, True)
    assert main(["vectors", "nearest", f"made/{form}.txt", "cat", "--many", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and {line.split()[1] for line in lines} <= set(ROLES["animal"])
    assert main(["vectors", "analogy", f"made/{form}.txt", "cat", "dog", "milk"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10


def test_a_tokenizers_tokens_get_vectors(folder, capsys):
    Tokenizer.train(stories(), 400).save("tokenizer")
    assert main(["vectors", "train", "notes", "--tokenizer", "tokenizer", "--into", "tokens.txt", *SMALL]) == 0
    assert "tokens of 20 numbers" in capsys.readouterr().out
    assert "▁cat" in read("tokens.txt").words


@pytest.mark.parametrize(
    ("words", "said"),
    {
        ("nearst",): "Did you mean 'nearest'?; see groundup vectors --help",
        ("train", "notes"): "Missing option '--into'; see groundup vectors train --help",
        ("train", "nowhere", "--into", "x"): "nowhere does not exist",
        ("train", "notes", "--into", "notes"): "notes is there already: name a new file with --into",
        ("train", "notes", "--into", "x", "--form", "xml"): "--form is one of word2vec, glove, not 'xml'",
        ("train", "notes", "--into", "x", "--width", "0"): "width",
        ("train", "notes", "--into", "x", "--least", "999999"): "fewer than two words occur 999999 times",
        ("train", "notes", "--into", "x", "--tokenizer", "none"): "there is no tokenizer at none",
        ("nearest", "nowhere", "cat"): "nowhere cannot be read as word vectors",
        ("nearest", "notes/0.txt", "cat"): "notes/0.txt:1",
    }.items(),
)
def test_wrong_input_is_one_sentence_and_code_2(folder, capsys, words, said):
    before = sorted(folder.iterdir())
    assert main(["vectors", *words]) == 2
    told = capsys.readouterr().err
    assert said in told and told.startswith("groundup: ") and told.count("\n") == 1, told
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("command", ["train", "nearest", "analogy"])
def test_each_has_an_example(folder, capsys, command):
    assert main(["vectors", command, "--help"]) == 0
    assert f"groundup vectors {command} " in capsys.readouterr().out.partition("Example")[2]


def test_without_words_the_group_shows_its_commands(folder, capsys):
    main(["vectors"])
    said = capsys.readouterr().out
    assert all(f"│ {command} " in said for command in ("train", "nearest", "analogy"))
