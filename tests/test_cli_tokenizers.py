"""Commands about tokenizers in files: what a text becomes, and the same vocabulary in other formats."""

import io
import sys

import pytest

from groundup.__main__ import main
from groundup.tokenizer import Tokenizer


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    Tokenizer.train("Anna's boat isn't 7 feet long " * 9, 300, specials=["<|end|>"]).save("made")
    return tmp_path


def test_a_text_is_shown_as_its_tokens(folder, capsys):
    assert main(["tokenizer", "show", "made", "Anna <|end|> ø"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ids = [int(line.split()[0]) for line in lines[:-1]]
    tokenizer = Tokenizer.load("made")
    assert ids == tokenizer.encode("Anna <|end|> ø").tolist() and tokenizer.specials["<|end|>"] not in ids
    assert lines[0].endswith("'Anna'") and lines[-2].endswith(r"'\\xb8'")
    assert lines[-1] == f"15 bytes, {len(ids)} tokens, {15 / len(ids):.2f} bytes a token"


def test_bytes_come_through_standard_input(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\x00")))
    assert main(["tokenizer", "show", "made"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "255  '\\\\xff'",
        "  0  '\\x00'",
        "2 bytes, 2 tokens, 1.00 bytes a token",
    ]


def test_an_empty_text_has_no_tokens(folder, capsys):
    assert main(["tokenizer", "show", "made", ""]) == 0
    assert capsys.readouterr().out == "0 bytes, 0 tokens\n"


def test_a_tokenizer_goes_into_a_rank_file_and_back(folder, capsys):
    assert main(["tokenizer", "convert", "made", "--to", "x.tiktoken"]) == 0
    assert (
        main(["tokenizer", "convert", "x.tiktoken", "--pattern", "gpt4", "--special", "<|end|>", "--to", "again"]) == 0
    )
    assert "1 special" in capsys.readouterr().out
    before, after = Tokenizer.load("made"), Tokenizer.load("again")
    assert (after.tokens, after.specials, after.kind.merges) == (before.tokens, before.specials, before.kind.merges)


@pytest.mark.parametrize(
    ("words", "said"),
    {
        ("show", "nowhere", "x"): "there is no tokenizer at nowhere",
        ("show",): "Missing argument 'FILE'; see groundup tokenizer show --help",
        ("show", "made", "x", "--pattern", "gpt2"): "leave out pattern and specials",
        ("convert", "made"): "Missing option '--to'",
        ("convert", "made", "--to", "made"): "made is there already",
        ("convert", "made", "--to", "x.xyz"): "is of no format that is written here",
        ("stray", "--into", "x"): "there is nothing at stray",
    }.items(),
)
def test_wrong_input_is_one_sentence_and_code_2(folder, capsys, words, said):
    assert main(["tokenizer", *words]) == 2
    told = capsys.readouterr().err
    assert said in told and told.startswith("groundup: ") and told.count("\n") == 1, told
    assert [path.name for path in folder.iterdir()] == ["made"]


@pytest.mark.parametrize("command", ["show", "convert"])
def test_each_has_an_example(folder, capsys, command):
    assert main(["tokenizer", command, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"groundup tokenizer {command} " in said.partition("Example")[2] and "--pattern" in said


def test_the_help_of_the_stage_leads_there(folder, capsys):
    assert main(["tokenizer", "--help"]) == 0
    assert "groundup tokenizer show --help" in capsys.readouterr().out
