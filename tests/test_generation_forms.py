"""Texts that are held to a form by the engine, and ends that may not come too early."""

import json
import re

import pytest
import torch

from groundup.errors import Problem
from groundup.generation.batch import generate
from groundup.generation.constrained import forms
from groundup.generation.engine import Engine, Request
from groundup.generation.language_model import LanguageModel
from groundup.generation.sample import Sampling
from groundup.tokenizer import Tokenizer
from tests import model_example

TOKENIZER = model_example.tokenizer(300)
SIZES = {"byte": 256, "unigram": 330, "wordpiece": 120, "character": 60}


def language_model(tokenizer: Tokenizer = TOKENIZER, template: str | None = "plain") -> LanguageModel:
    model = model_example.model("qwen3 untied", 1, vocabulary=tokenizer.vocabulary, context=256)
    return LanguageModel(model, tokenizer, template)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return language_model()


@pytest.mark.parametrize("temperature", [0.0, 1.5])
@pytest.mark.parametrize(
    "pattern", [r"\d{3}-\d{4}", "(yes|no), (because|although) .{3,9}!", "[A-F0-9]{8}", "日本(語|人)"]
)
def test_a_text_matches_the_pattern_whatever_the_model_thinks(lm, pattern, temperature):
    for seed in range(4):
        text = lm.generate("Once", 200, temperature, seed, regex=pattern)
        assert re.fullmatch(pattern, text), text


def test_json_that_fits_a_schema_can_be_read_at_once(lm):
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 5}}, "required": ["n"]}
    for seed in range(4):
        assert json.loads(lm.generate("Once", 200, 1.3, seed, json_schema=schema))["n"] in range(1, 6)


def test_a_choice_is_one_of_the_texts_and_the_likeliest_one_where_nothing_is_drawn(lm):
    assert lm.generate("Once", 50, 1.0, choices=["red", "green", "reddish"]) in ("red", "green", "reddish")


def test_an_answer_in_a_conversation_is_held_after_what_leads_it(lm):
    answer = lm.chat([{"role": "user", "content": "Hello"}], 60, 1.0, regex="[a-z]{4}")
    assert re.fullmatch("[a-z]{4}", answer)


def test_a_full_form_ends_the_text_without_an_end_token(lm):
    items = list(lm.stream("Once", 50, regex="abc", ignore_eos=True))
    assert "".join(item.text for item in items) == "abc" and items[-1].finish == "stop"


def test_a_form_that_is_cut_off_says_length(lm):
    items = list(lm.stream("Once", 3, regex="[a-z]{200}"))
    assert len(items) == 3 and items[-1].finish == "length"


def test_an_end_may_come_only_where_the_form_is_whole(lm):
    form, stop = lm.form(forms.by_regex("[ab]{3,}")), lm.stop_ids[0]
    engine = Engine(lm.model)
    sampling = Sampling(logit_bias=((stop, 90.0),))
    engine.add(Request([1, 2], 50, sampling, frozenset({stop}), constraint=form))
    events = []
    while not engine.idle:
        events += engine.step()
    assert events[-1].finish == "stop"
    text = b"".join(TOKENIZER.token_bytes(event.token) for event in events[:-1]).decode()
    assert re.fullmatch("[ab]{3,}", text)


def test_log_probabilities_are_the_models_own(lm):
    ids = lm.ids("Once")
    first = next(lm.stream(ids, 3, 1.0, regex="[0-9]{9}", top=2))
    logs = lm.logits(ids)[-1].log_softmax(-1)
    assert first.logprob == pytest.approx(float(logs[first.id]), abs=1e-4)
    assert [token for token, _ in first.top] == logs.topk(2).indices.tolist()


def test_rows_with_and_without_a_form_stand_side_by_side(lm):
    form = lm.form(forms.by_regex("[0-9]{5}"))
    alone = generate(lm.model, [[1, 2, 3]], 12, Sampling(seed=4))[0].ids
    engine = Engine(lm.model, slots=4)
    held = [engine.add(Request([1, 2], 20, Sampling(seed=seed), constraint=form)) for seed in range(3)]
    free = engine.add(Request([1, 2, 3], 12, Sampling(seed=4)))
    made: dict[int, list[int]] = {}
    while not engine.idle:
        for event in engine.step():
            made.setdefault(event.request, []).append(event.token)
    assert made[free] == alone
    for number in held:
        assert re.fullmatch("[0-9]{5}", TOKENIZER.decode(made[number]))


def test_no_end_comes_before_so_many_tokens(lm):
    stop = lm.stop_ids[0]
    engine = Engine(lm.model)
    number = engine.add(Request([1], 20, Sampling(0, logit_bias=((stop, 99.0),)), frozenset({stop}), min_tokens=7))
    events = []
    while not engine.idle:
        events += engine.step()
    assert number == 0 and len(events) == 8 and events[-1].token == stop


def test_penalties_keep_a_text_from_repeating_itself(lm):
    free = [item.id for item in lm.stream("a", 40, 0.0, ignore_eos=True)]
    held = [item.id for item in lm.stream("a", 40, 0.0, ignore_eos=True, presence_penalty=1e6)]
    assert len(set(held)) == 40 >= len(set(free))


def test_beams_find_a_text_at_least_as_likely_as_the_likeliest_steps(lm):
    def logprob(text_ids: list[int]) -> float:
        prompt = lm.ids("Once")
        logs = lm.logits(prompt + text_ids).log_softmax(-1)[len(prompt) - 1 : -1]
        return float(logs[torch.arange(len(text_ids)), torch.tensor(text_ids)].sum())

    from groundup.generation import beam

    greedy = [item.id for item in lm.stream("Once", 8, 0.0, ignore_eos=True)]
    found = beam.search(lm.model, lm.ids("Once"), 8, 8, (), 0.0)
    assert found[0].worth == pytest.approx(logprob(found[0].ids), abs=1e-3)
    assert found[0].worth >= logprob(greedy) - 1e-4
    assert lm.generate("Once", 8, beams=8, length_penalty=0.0, ignore_eos=True) == TOKENIZER.decode(found[0].ids)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"regex": "(a"}, "never closed"),
        ({"regex": "a", "choices": ["b"]}, "one form"),
        ({"choices": []}, "at least one"),
        ({"json_schema": {"not": {}}}, "'not'"),
        ({"logit_bias": {10**6: 1.0}}, "logit_bias"),
        ({"min_tokens": 10}, "min_tokens"),
        ({"beams": 3, "regex": "a"}, "together with beams"),
        ({"beams": 0}, "beams"),
        ({"beams": 99}, "beams"),
    ],
)
def test_what_cannot_be_held_is_refused_with_a_reason(lm, how, expected):
    with pytest.raises(Problem, match=expected):
        lm.generate("Once", 5, **how)


@pytest.mark.parametrize("kind", SIZES)
def test_every_kind_of_tokenizer_can_hold_a_form(kind):
    text = "the cat sat on the mat 0123456789 and abcdefghijklmnopqrstuvwxyz " * 20
    tokenizer = Tokenizer.train(text, SIZES[kind], kind, specials=["<|endoftext|>"])
    lm = language_model(tokenizer, None)
    written = lm.generate([1], 100, 1.0, regex="[a-z]{3}[0-9]{2}")
    assert re.fullmatch("[a-z]{3}[0-9]{2}", written), written
