"""How much is to be read: all functions that a text passes from its ids to the loss, counted while it passes."""

import ast
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
import torch

from groundup.data.tokens.sequences import Sequences
from groundup.model.architectures import build
from groundup.objectives.sequence_to_sequence import SequenceToSequence
from tests import heads_example, model_example, stateful_example
from tests.encoder_decoder_example import settings

HOUSE = Path(__file__).parents[1] / "groundup"
LONGEST = 500


def passed(run: Callable[[], object]) -> dict[Path, set[int]]:
    """File of the house -> the first line of every function in it that was called."""
    found: dict[Path, set[int]] = defaultdict(set)

    def watch(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(HOUSE):
            found[path].add(frame.f_code.co_firstlineno)

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        run()
    finally:
        sys.settrace(before)
    return found


def lines_to_read(path: Path, first_lines: set[int]) -> int:
    """Lines of code of those functions, and of the heads of their classes: no comments, no docstrings, no empty lines."""
    text = path.read_text(encoding="utf-8")
    kept: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first in first_lines:
                start = node.body[0].end_lineno if ast.get_docstring(node) else None
                kept |= set(range(first, node.body[0].lineno)) | set(
                    range((start or node.body[0].lineno - 1) + 1, node.end_lineno + 1)
                )
        elif isinstance(node, ast.ClassDef) and any(
            node.lineno <= line <= (node.end_lineno or 0) for line in first_lines
        ):
            kept.add(node.lineno)
    told = text.splitlines()
    return sum(1 for line in kept if told[line - 1].strip() and not told[line - 1].strip().startswith("#"))


def test_t5_can_be_followed_from_the_ids_to_the_loss():
    objective = SequenceToSequence(Sequences([([5, 6, 7], [8, 9])], 1, 9, seed=1, start_id=0, end_id=1))
    batch, asked = objective.batch(0), settings("t5")
    made = build(asked, seed=1)

    def run() -> None:
        build(asked, seed=None)
        objective.loss(made, batch)

    counted = {path.relative_to(HOUSE).as_posix(): lines_to_read(path, lines) for path, lines in passed(run).items()}
    assert "model/encoder_decoder.py" in counted and "objectives/likelihood.py" in counted
    assert sum(counted.values()) <= LONGEST, counted


EXAMPLES = {
    **{name: (model_example, name) for name in model_example.EVERY},
    **{name: (heads_example, name) for name in heads_example.ENCODERS},
    **{name: (stateful_example, name) for name in stateful_example.FAMILIES},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_other_family_can_be_followed_too(name):
    example, shape = EXAMPLES[name]
    asked, text = example.settings(shape), example.ids()

    def run() -> None:
        told = build(asked, seed=1)(text)
        logits = told if isinstance(told, torch.Tensor) else told[0]
        torch.nn.functional.cross_entropy(logits.flatten(0, -2), torch.zeros_like(logits[..., 0]).long().flatten())

    counted = {path.relative_to(HOUSE).as_posix(): lines_to_read(path, lines) for path, lines in passed(run).items()}
    assert 50 < sum(counted.values()) <= LONGEST, counted
