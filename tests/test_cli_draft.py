"""A draft named on the command line: the same greedy text, and at the end how many drafted tokens stayed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from groundup.__main__ import main
from groundup.generation.language_model import LanguageModel
from groundup.model import folder
from groundup.tokenizer import Tokenizer, chat
from tests.speculation_example import made

ROOT = Path(__file__).parents[1]
TOLD = re.compile(r"draft: \d+ of \d+ drafted tokens stayed \(\d+ %\), \d\.\d\d tokens a pass")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A model and a smaller one."""
    home = tmp_path_factory.mktemp("models")
    tokenizer = Tokenizer.train(["the cup is in the shed. " * 20], 280, specials=chat.specials("plain"))
    for name, depth in (("large", 3), ("small", 1)):
        model = made(depth, depth=depth, vocabulary=tokenizer.vocabulary, context=96)
        folder.save(home / name, LanguageModel(model).model, tokenizer, "plain")
    return home


@pytest.mark.parametrize("draft", ["lookup", "self", "skip", "small"])
def test_generate_tells_how_many_drafted_tokens_stayed(place, capsys, draft):
    words = ["generate", str(place / "large"), "the cup", "--max-tokens", "20", "--temperature", "0"]
    assert main(words) == 0
    plain = capsys.readouterr()
    assert main([*words, "--draft", str(place / draft) if draft == "small" else draft, "--draft-length", "3"]) == 0
    ahead = capsys.readouterr()
    assert ahead.out == plain.out and "draft:" not in plain.err and TOLD.search(ahead.err)


def test_a_talk_tells_it_at_its_end(place):
    told = subprocess.run(
        [sys.executable, "-m", "groundup", "chat", str(place / "large"), "--max-tokens", "8", "--draft", "lookup"],
        input="where is the cup?\nand the hat?\n\n", cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert told.returncode == 0 and TOLD.search(told.stderr)


def test_a_draft_that_does_not_exist_is_named(place, capsys):
    assert main(["generate", str(place / "large"), "the cup", "--draft", "looup"]) != 0
    assert "did you mean lookup?" in capsys.readouterr().err
