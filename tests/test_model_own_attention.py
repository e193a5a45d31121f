"""A reader's own attention: loaded from the file that was named, and refused in a sentence where it breaks a law."""

from pathlib import Path

import pytest
import torch

from groundup.errors import Problem
from groundup.model import own_attention
from tests.model_example import ids, model

LESSON = Path(__file__).parents[1] / "lessons" / "own_attention.py"


@pytest.mark.parametrize("name", ["windowed", "averaging"])
def test_those_of_the_lesson_keep_the_laws(name):
    attend = own_attention.load(LESSON, name)
    made = model("llama")
    made.attention = attend
    text = ids(2, 20)
    before = made(text)
    text[:, 12] = (text[:, 12] + 1) % 300
    assert torch.equal(before[:, :12], made(text)[:, :12]) and not torch.equal(before, made(text))


def test_a_window_wider_than_the_text_is_attention_itself():
    made, text = model("llama"), ids(2, 12)
    usual = made(text)
    made.attention = own_attention.load(LESSON, "windowed")
    torch.testing.assert_close(made(text), usual)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("def mine(q, k, v, sight, scale, cap):\n    return (q @ k.mT).softmax(-1) @ v", "sees later ones"),
        ("def mine(q, k, v, sight, scale, cap):\n    return v[:, :, :1]", "is expected: .batch, heads, time, width"),
        ("def mine(q, k, v, sight, scale, cap):\n    return v / 0", "not finite"),
        ("def mine(q):\n    return q", "fails on a text of 12 tokens: TypeError"),
        ("def mime(q, k, v, sight, scale, cap):\n    return v", "has no function mine; did you mean mime"),
        ("def mine(:", "cannot be run: SyntaxError"),
    ],
)
def test_what_breaks_a_law_is_refused_before_anything_is_trained(tmp_path, body, sentence):
    (tmp_path / "mine.py").write_text(body)
    with pytest.raises(Problem, match=sentence):
        own_attention.load(tmp_path / "mine.py", "mine")
