"""Laws of choosing: what is drawn for many rows at once is what the definition draws for each, whatever they hold already."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.errors import Problem
from groundup.generation.penalties import Past, altered, altered_by_definition, typical, typical_by_definition
from groundup.generation.sample import Sampling, draw, left, left_by_definition, next_token

VOCABULARY = 24
texts = some.lists(some.integers(0, VOCABULARY - 1), max_size=12)
biases = some.dictionaries(some.integers(0, VOCABULARY - 1), some.floats(-9, 9), max_size=3).map(
    lambda told: tuple(told.items())
)
samplings = some.builds(
    Sampling,
    temperature=some.sampled_from([0.0, 0.4, 1.0, 2.0]),
    top_k=some.sampled_from([0, 1, 4]),
    top_p=some.sampled_from([1.0, 0.7]),
    min_p=some.sampled_from([0.0, 0.1]),
    seed=some.integers(0, 2**64 - 1),
    typical_p=some.sampled_from([1.0, 0.9, 0.3]),
    repetition_penalty=some.sampled_from([1.0, 1.3, 0.8]),
    presence_penalty=some.sampled_from([0.0, 0.7, -1.0]),
    frequency_penalty=some.sampled_from([0.0, 0.5, -0.2]),
    logit_bias=biases,
)
rows = some.lists(some.tuples(samplings, texts, texts, some.integers(0, 99)), min_size=1, max_size=5)


def random_logits(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 2


def past_of(prompt: list[int], made: list[int]) -> Past:
    past = Past(VOCABULARY, prompt)
    for token in made:
        past.take(token)
    return past


@settings(max_examples=200, deadline=None)
@given(rows, some.integers(0, 10**6))
def test_all_rows_at_once_draw_what_the_definition_draws(told, seed):
    logits = random_logits(len(told), seed)
    pasts = [past_of(prompt, made) for _, prompt, made, _ in told]
    drawn = draw(logits, [sampling for sampling, *_ in told], [step for *_, step in told], pasts)
    expected = [
        next_token(line, sampling, step, prompt, made)
        for line, (sampling, prompt, made, step) in zip(logits.tolist(), told, strict=True)
    ]
    assert drawn.tolist() == expected


@settings(max_examples=100, deadline=None)
@given(rows, some.integers(0, 10**6))
def test_all_rows_are_altered_as_the_definition_says(told, seed):
    logits = random_logits(len(told), seed)
    found = altered(logits, [row[0] for row in told], [past_of(row[1], row[2]) for row in told])
    for line, before, (sampling, prompt, made, _) in zip(found.tolist(), logits.tolist(), told, strict=True):
        assert line == pytest.approx(altered_by_definition(before, sampling, prompt, made), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    some.lists(some.one_of(some.just(0.0), some.floats(1e-6, 1.0)), min_size=1, max_size=20), some.floats(0.05, 0.99)
)
def test_typical_tokens_are_those_of_the_definition_and_have_their_share(weights, share):
    if not any(weights):
        weights[0] = 1.0
    rows_, shares = torch.tensor([weights], dtype=torch.float64), torch.tensor([[share]], dtype=torch.float64)
    kept = typical(rows_, shares)[0].tolist()
    assert [weight > 0 for weight in kept] == [weight > 0 for weight in typical_by_definition(weights, share)]
    assert sum(kept) >= share * sum(weights) - 1e-9


def test_a_row_without_penalties_keeps_its_logits_beside_rows_that_have_them():
    logits, plain = random_logits(2, 5), Sampling()
    found = altered(logits, [Sampling(repetition_penalty=2.0), plain], [past_of([1, 2], [3]), None])
    assert torch.equal(found[1], logits[1].double()) and not torch.equal(found[0], logits[0].double())


def test_penalties_work_on_the_likeliest_token_too():
    logits = torch.tensor([[1.0, 0.9, 0.0]])
    past = Past(3, [])
    past.take(0)
    assert draw(logits, [Sampling(temperature=0, presence_penalty=0.2)], [1], [past]).tolist() == [1]


def test_a_bias_of_minus_a_hundred_keeps_a_token_away_and_a_hundred_brings_it():
    logits, seeds = random_logits(40, 1), range(40)
    best = int(logits[0].argmax())
    never = [Sampling(seed=seed, logit_bias=((best, -100.0),)) for seed in seeds]
    always = [Sampling(seed=seed, logit_bias=((3, 100.0),)) for seed in seeds]
    assert best not in draw(logits[:1].repeat(40, 1), never, [0] * 40).tolist()
    assert set(draw(logits, always, [0] * 40).tolist()) == {3}


def test_what_is_left_of_the_weights_is_the_same_in_both():
    sampling = Sampling(temperature=0.7, top_k=9, top_p=0.9, typical_p=0.8)
    logits = random_logits(30, 8)
    for line, weights in zip(logits.tolist(), left(logits, [sampling] * 30), strict=True):
        assert weights.tolist() == pytest.approx(left_by_definition(line, sampling), abs=1e-12)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"typical_p": 0.0}, "typical_p"),
        ({"typical_p": math.nan}, "typical_p"),
        ({"repetition_penalty": 0.0}, "repetition_penalty"),
        ({"presence_penalty": math.inf}, "presence_penalty"),
        ({"frequency_penalty": math.nan}, "frequency_penalty"),
        ({"logit_bias": ((-1, 2.0),)}, "logit_bias"),
        ({"logit_bias": ((1, math.inf),)}, "logit_bias"),
        ({"logit_bias": ((1, 2.0), (1, 3.0))}, "twice"),
    ],
)
def test_penalties_that_mean_nothing_are_refused(values, expected):
    with pytest.raises(Problem, match=expected):
        Sampling(**values)
