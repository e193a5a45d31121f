"""Settings of a model: filled in from family and width, refused in sentences before any memory is taken."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from groundup.errors import Problem
from groundup.model.settings import ModelSettings


def test_what_is_left_out_follows_from_the_width():
    made = ModelSettings(width=192)
    assert (made.heads, made.kv_heads, made.head_width, made.hidden) == (6, 6, 32, 512)
    assert ModelSettings(width=192, heads=4, kv_heads=2).head_width == 48


def test_a_family_brings_its_parts():
    made = ModelSettings(family="gpt2")
    assert (made.norm, made.positions, made.feedforward, made.biases, made.hidden) == (
        "layer",
        "learned",
        "gelu",
        True,
        512,
    )
    assert made.changed() == [] and ModelSettings(family="gpt2", norm="rms").changed() == ["norm"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"width": 100, "heads": 3}, "3 heads do not divide the width 100"),
        ({"family": "t5", "width": 100, "heads": 3}, "3 heads do not divide the width 100"),
        ({"family": "gru", "characters": {}}, "characters: a model of the family gru has no such part"),
        ({"heads": 4, "kv_heads": 3}, "3 does not divide 4 heads"),
        ({"head_width": 15}, "15 must be even"),
        ({"positions": "sinusoidal", "width": 33, "heads": 1, "head_width": 32}, "33 must be even"),
        ({"family": "gpt3"}, "gpt2"),
        ({"wdith": 3}, "wdith"),
        ({"width": "128"}, "width"),
        ({"depth": 0}, "depth"),
    ],
)
def test_what_cannot_be_built_is_said(values, said):
    with pytest.raises(ValidationError, match=said):
        ModelSettings(**values)


def test_heads_whose_width_is_said_need_not_divide():
    made = ModelSettings(family="t5", width=32, heads=3, head_width=10)
    assert made.heads * made.head_width == 30 and ModelSettings.model_validate(made.model_dump()) == made


def test_settings_survive_being_written_down():
    made = ModelSettings(family="llama", width=96, heads=3, eps=1e-4, vocabulary=77)
    assert ModelSettings.model_validate_json(made.model_dump_json()) == made


def test_the_vocabulary_is_the_tokenizers_unless_said():
    assert ModelSettings().with_vocabulary(300).vocabulary == 300
    assert ModelSettings(vocabulary=512).with_vocabulary(300).vocabulary == 512
    with pytest.raises(Problem, match="tokenizer has 300"):
        ModelSettings(vocabulary=200).with_vocabulary(300)


def test_settings_costs_and_stages_are_light():
    lines = (
        "import sys, groundup.model.settings, groundup.model.cost, groundup.stages.quantize, groundup.stages.export;"
    )
    heavy = subprocess.check_output(
        [sys.executable, "-c", lines + "print('torch' in sys.modules, 'numba' in sys.modules)"]
    )
    assert heavy.decode().split() == ["False", "False"]
