"""Laws of writing: a text is the same alone and in any company, and remembering changes nothing."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.generation.batch import generate, score
from groundup.generation.cache import Cache
from groundup.generation.engine import Engine, Request
from groundup.generation.sample import Sampling, draw, next_token, uniforms
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

torch.set_num_threads(1)
VOCABULARY, CONTEXT = 50, 48
prompts = some.lists(some.integers(0, VOCABULARY - 1), min_size=1, max_size=30)
samplings = some.builds(
    Sampling,
    temperature=some.sampled_from([0.0, 0.3, 1.0, 2.5]),
    top_k=some.sampled_from([0, 1, 3, 20, 1000]),
    top_p=some.sampled_from([1.0, 0.9, 0.5, 0.05]),
    min_p=some.sampled_from([0.0, 0.1, 0.9]),
    seed=some.integers(-5, 2**64),
)


def made(**settings) -> Transformer:
    """A small model with weights large enough to have opinions."""
    shape = {"depth": 2, "width": 32, "heads": 4, "kv_heads": 2, "vocabulary": VOCABULARY, "context": CONTEXT}
    sizes = ModelSettings(**{**shape, **settings})
    model, generator = Transformer(sizes).eval(), torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.4, generator=generator)
    return model


MODELS = {
    "qwen3": made(),
    "gpt2": made(family="gpt2"),
    "lfm2": made(family="lfm2", pattern=["conv", "full"]),
    "deepseek": made(family="deepseek_v3", kv_heads=4, experts={"count": 4, "hidden": 24, "shared": 24}),
}


def greedy_by_definition(model: Transformer, prompt: list[int], count: int) -> list[int]:
    """Each token from a full pass over everything before it, nothing remembered."""
    ids = list(prompt)
    with torch.inference_mode():
        for _ in range(min(count, CONTEXT - len(prompt) + 1)):
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("attention", ["plain", "fused"])
@pytest.mark.parametrize("family", MODELS)
@settings(max_examples=15, deadline=None)
@given(some.lists(prompts, min_size=1, max_size=5), some.data())
def test_what_is_remembered_gives_the_logits_of_a_full_pass(family, attention, texts, data):
    model, cache = MODELS[family], Cache(len(texts), slots=4)
    model.attention = attention
    with torch.inference_mode():
        for row, text in enumerate(texts):
            cut = data.draw(some.integers(0, len(text) - 1))
            parts = [part for part in (text[:cut], *([token] for token in text[cut:])) if part]
            at, found = 0, []
            for part in parts:
                found.append(model(torch.tensor([part]), torch.arange(at, at + len(part))[None], cache.view([row])))
                at += len(part)
            torch.testing.assert_close(torch.cat(found, 1), model(torch.tensor([text])), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", ["qwen3", "lfm2"])
@settings(max_examples=25, deadline=None)
@given(some.lists(prompts, min_size=1, max_size=7), some.integers(1, 9), some.integers(1, 4), some.integers(1, 40))
def test_the_engine_writes_what_full_passes_write(family, texts, count, slots, chunk):
    model = MODELS[family]
    engine = Engine(model, slots, chunk=chunk)
    order = [engine.add(Request(text, count)) for text in texts]
    written: dict[int, list[int]] = {number: [] for number in order}
    while not engine.idle:
        for event in engine.step():
            written[event.request].append(event.token)
    assert [written[number] for number in order] == [greedy_by_definition(model, text, count) for text in texts]


@pytest.mark.parametrize("family", MODELS)
@settings(max_examples=15, deadline=None)
@given(some.lists(some.tuples(prompts, samplings, some.integers(1, 8)), min_size=2, max_size=6), some.integers(1, 40))
def test_a_text_is_the_same_alone_and_in_company(family, requests, chunk):
    def run(slots: int, several: list) -> dict[int, list[tuple[int, float]]]:
        engine, written = Engine(MODELS[family], slots, chunk=chunk), {}
        for text, sampling, count in several:
            written[engine.add(Request(text, count, sampling))] = []
        while not engine.idle:
            for event in engine.step():
                written[event.request].append((event.token, event.logprob))
        return written

    together = run(4, requests)
    for number, request in enumerate(requests):
        alone = run(1, [request])[0]
        assert [token for token, _ in together[number]] == [token for token, _ in alone]
        np.testing.assert_allclose([value for _, value in together[number]], [value for _, value in alone], atol=1e-4)


@settings(max_examples=200, deadline=None)
@given(some.lists(samplings, min_size=1, max_size=5), some.integers(0, 1000), some.integers(0, 2**32))
def test_drawing_for_all_rows_is_the_definition_for_each(chosen, step, number):
    logits = torch.randn(len(chosen), 40, generator=torch.Generator().manual_seed(number)).mul(3).round(decimals=1)
    steps = [step + row for row in range(len(chosen))]
    expected = [next_token(row, *how) for row, *how in zip(logits.double().tolist(), chosen, steps, strict=True)]
    assert draw(logits, chosen, steps).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(samplings.filter(lambda sampling: sampling.temperature > 0), some.integers(0, 2**32))
def test_what_is_left_out_is_never_drawn(sampling, number):
    logits = torch.randn(30, generator=torch.Generator().manual_seed(number)) * 2
    weights = (logits.double() / sampling.temperature).softmax(-1)
    ordered = weights.sort(descending=True).values
    if sampling.top_k:
        ordered = ordered[: sampling.top_k]
    ordered = ordered[: int((ordered.cumsum(0) < sampling.top_p * ordered.sum() - 1e-12).sum()) + 1]
    allowed = weights >= max(float(ordered[-1]), sampling.min_p * float(ordered[0]) * (1 - 1e-12))
    drawn = draw(logits.expand(50, -1), [sampling] * 50, range(50))
    assert bool(allowed[drawn].all())


def test_draws_follow_the_probabilities():
    logits, count = torch.tensor([0.0, 1.0, 2.0, -1.0]), 20_000
    drawn = draw(logits.expand(count, -1), [Sampling(seed=7)] * count, range(count))
    shares = torch.bincount(drawn, minlength=4) / count
    torch.testing.assert_close(shares, logits.softmax(-1), atol=0.012, rtol=0)


@given(some.lists(some.tuples(some.integers(0, 2**64 - 1), some.integers(0, 2**31)), min_size=1, max_size=20))
def test_a_number_depends_on_seed_and_step_alone(keys):
    together = uniforms([seed for seed, _ in keys], [step for _, step in keys])
    assert together.tolist() == [float(uniforms([seed], [step])[0]) for seed, step in keys]
    assert ((together >= 0) & (together < 1)).all()


def test_numbers_of_neighbouring_seeds_and_steps_are_unrelated():
    grid = uniforms(
        [seed for seed in range(100) for _ in range(100)], [step for _ in range(100) for step in range(100)]
    )
    grid = grid.reshape(100, 100)
    assert len(set(grid.ravel().tolist())) == 10_000 and abs(grid.mean() - 0.5) < 0.02
    for shifted in (grid[1:, :] - 0.5, grid[:, 1:] - 0.5):
        other = (grid[:-1, :] if shifted.shape[0] == 99 else grid[:, :-1]) - 0.5
        assert abs((shifted * other).mean()) < 0.005


@settings(max_examples=20, deadline=None)
@given(some.lists(prompts, min_size=1, max_size=8), some.data())
def test_scores_are_those_of_full_passes(texts, data):
    model = MODELS["qwen3"]
    masks = [data.draw(some.lists(some.booleans(), min_size=len(text), max_size=len(text))) for text in texts]
    for text, mask, whole, part in zip(texts, masks, score(model, texts), score(model, texts, masks), strict=True):
        with torch.inference_mode():
            logs = model(torch.tensor([text]))[0].log_softmax(-1)
        expected = [0.0, *(float(logs[at, token]) for at, token in enumerate(text[1:]))]
        np.testing.assert_allclose(whole, expected, atol=1e-4)
        np.testing.assert_allclose(part, np.where(np.array(mask), expected, 0.0), atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(some.lists(prompts, min_size=1, max_size=12), some.integers(1, 6))
def test_batches_answer_in_the_order_of_their_prompts(texts, count):
    model = MODELS["qwen3"]
    answers = generate(model, texts, count, rows=3)
    assert [answer.ids for answer in answers] == [greedy_by_definition(model, text, count) for text in texts]


def test_a_share_of_all_is_no_limit():
    flat = [0.0] * 7
    drawn = {next_token(flat, Sampling(top_p=1.0, seed=seed), 0) for seed in range(200)}
    assert drawn == set(range(7)) and math.isclose(sum(drawn), 21)
