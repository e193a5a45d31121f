"""What an encoder-decoder writes: the likeliest, step by step or of several beams."""

from itertools import product

import pytest
import torch

from groundup.errors import Problem
from groundup.generation.sequence import translate
from tests.encoder_decoder_example import SHAPES, model

SOURCES = [[5, 6, 7, 8, 9, 10, 11], [20, 21], [30, 31, 32, 33]]


def step_by_step(made, source: list[int], tokens: int, end: int | None) -> list[int]:
    """The definition: read everything anew for each token."""
    target = [0]
    for _ in range(tokens):
        token = int(made(torch.tensor([source]), torch.tensor([target]))[0, -1].argmax())
        if token == end:
            break
        target.append(token)
    return target[1:]


@pytest.mark.parametrize("shape", SHAPES)
def test_each_source_alone_and_read_anew_gives_the_same(shape):
    made = model(shape)
    told = [step_by_step(made, source, 12, None) for source in SOURCES]
    assert translate(made, SOURCES, 12, 0, None) == told
    assert [translate(made, [source], 12, 0, None)[0] for source in SOURCES] == told


@pytest.mark.parametrize("shape", SHAPES)
def test_an_end_stops_one_target_and_not_the_others(shape):
    made = model(shape)
    free = translate(made, SOURCES, 12, 0, None)
    for end in {token for target in free for token in target[1:5]}:
        assert translate(made, SOURCES, 12, 0, end) == [step_by_step(made, source, 12, end) for source in SOURCES]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("beams", [2, 4])
def test_beams_of_a_source_do_not_hear_those_of_others(shape, beams):
    made = model(shape)
    together = translate(made, SOURCES, 10, 0, 1, beams)
    assert together == [translate(made, [source], 10, 0, 1, beams)[0] for source in SOURCES]


def worth(made, source: list[int], target: list[int], penalty: float) -> float:
    told = made(torch.tensor([source]), torch.tensor([[0, *target[:-1]]]))[0].log_softmax(-1)
    return float(told[range(len(target)), target].sum()) / len(target) ** penalty


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@torch.inference_mode()
def test_as_many_beams_as_there_are_targets_find_the_best_of_all(penalty):
    made = model("t5", vocabulary=5)
    end, source = 1, [2, 3, 4, 2]
    every = [[*body, end] for length in range(3) for body in product((0, 2, 3, 4), repeat=length)]
    every += [list(body) for body in product((0, 2, 3, 4), repeat=3)]
    best = max(every, key=lambda target: worth(made, source, target, penalty))
    made.settings = made.settings.model_copy(update={"vocabulary": 500})  # more beams than tokens
    found = translate(made, [source], 3, 0, end, beams=125, length_penalty=penalty)[0]
    assert found == [token for token in best if token != end]


@pytest.mark.parametrize(
    ("change", "words"),
    [({"source_ids": [[3], []]}, "source 1 is empty"), ({"source_ids": []}, "no source"), ({"max_tokens": 0}, "max_tokens"),
     ({"beams": 0}, "beams is 0"), ({"beams": 61}, "beams is 61"), ({"source_ids": [[60]]}, "id 60 is outside")],
)  # fmt: skip
def test_what_cannot_be_translated_is_said(change, words):
    given = {"source_ids": SOURCES, "max_tokens": 3, "start_id": 0, "end_id": 1, "beams": 1} | change
    with pytest.raises(Problem, match=words):
        translate(model("t5"), **given)


def test_start_is_where_it_starts():
    made = model("t5")
    one, other = (translate(made, SOURCES, 6, start, None) for start in (0, 7))
    assert one != other
