"""Laws of forms: whatever is written fits what was asked for, and there is always a way on."""

import json
import random
import re

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from groundup.errors import Problem
from groundup.generation.constrained import forms
from groundup.generation.constrained.automaton import MOST_KEPT, MOST_STATES
from groundup.generation.constrained.masks import Masks, Vocabulary, allowed_by_definition
from tests import model_example
from tests.schema_example import SCHEMAS, fits

TOKENIZER = model_example.tokenizer(300)
VOCABULARY = Vocabulary.of(TOKENIZER, TOKENIZER.vocabulary)
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def written(masks: Masks, seed: int, most: int = 300, endings: float = 0.3) -> tuple[bytes, bool]:
    """A text of random tokens that may come, and whether it was ended before there were `most`."""
    chance, state, text = random.Random(seed), masks.start(), b""
    for _ in range(most):
        if masks.complete(state) or (masks.may_end(state) and chance.random() < endings):
            return text, True
        allowed = masks.allowed(state).nonzero()[:, 0].tolist()
        assert allowed, f"no way on after {text!r}"
        token = chance.choice(allowed)
        state, text = masks.after(state, token), text + VOCABULARY.tokens[token]
    return text, masks.may_end(state)


letters = some.sampled_from(["a", "b", "c", "é", "日", "😀", "\\.", "\\n", " ", "-", '"'])
classes = some.sampled_from(
    ["[a-c]", "[^a]", "[^\\s,]", "\\d", "\\w", "\\W", "\\S", ".", "[é-日x]", "[^\\w]", "[]a]", "[a\\-z]"]
)
patterns = some.recursive(
    letters | classes,
    lambda inner: some.one_of(
        some.lists(inner, min_size=1, max_size=3).map("".join),
        some.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        some.tuples(inner, some.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@QUIET
@given(patterns, some.integers(0, 10**6))
def test_whatever_is_written_matches_the_pattern(pattern, seed):
    try:
        masks = forms.form(VOCABULARY, forms.by_regex(pattern))
    except Problem as problem:
        assume("empty text" in str(problem))
        return
    text, ended = written(masks, seed, 60)
    if ended:
        assert re.fullmatch(pattern, text.decode()), text


@QUIET
@given(patterns, some.integers(0, 10**6))
def test_a_text_that_the_pattern_matches_can_be_written(pattern, seed):
    """Letter by letter, as far as classes mean the same: the ASCII part of what they mean to `re`."""
    masks = _form_or_nothing(pattern)
    state, chance = masks.start(), random.Random(seed)
    text = "".join(chance.choice(["a", "b", "c", "1", " ", "é", "."]) for _ in range(chance.randrange(6)))
    found = masks.automaton.after(state, text.encode())
    matched = found is not None and masks.may_end(found)
    if re.fullmatch(pattern, text, re.ASCII) and "\\W" not in pattern and "\\w" not in pattern:
        assert matched
    if matched:
        assert re.fullmatch(pattern, text)


def _form_or_nothing(pattern: str) -> Masks:
    try:
        return forms.form(VOCABULARY, forms.by_regex(pattern))
    except Problem:
        assume(False)
        raise


@QUIET
@given(patterns, some.integers(0, 10**6))
def test_all_tokens_at_once_are_those_that_may_come_one_by_one(pattern, seed):
    masks, chance = _form_or_nothing(pattern), random.Random(seed)
    state = masks.start()
    for _ in range(5):
        allowed = masks.allowed(state).tolist()
        assert allowed[: len(VOCABULARY.tokens)] == allowed_by_definition(VOCABULARY.tokens, masks.automaton, state)
        places = [token for token, may in enumerate(allowed) if may]
        if not places:
            assert masks.complete(state)
            return
        state = masks.after(state, chance.choice(places))


@pytest.mark.parametrize("name", SCHEMAS)
def test_whatever_is_written_fits_the_schema(name):
    schema = SCHEMAS[name]
    masks, ended = forms.form(VOCABULARY, forms.by_schema(schema)), 0
    for seed in range(25):
        text, done = written(masks, seed, 400, endings=1.0)
        if done:
            ended += 1
            value = json.loads(text)
            assert fits(value, schema, schema), text
    assert ended


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_checker_of_schemas_knows_what_does_not_fit(name):
    assert not fits(object(), SCHEMAS[name], SCHEMAS[name])


bounds = some.one_of(some.none(), some.integers(-150, 150), some.decimals(-20, 20, places=2).map(float))


@QUIET
@given(bounds, bounds, some.booleans(), some.booleans(), some.sampled_from(["number", "integer"]), some.integers(0, 99))
def test_numbers_keep_within_their_bounds(low, high, with_low, with_high, kind, seed):
    schema = {"type": kind}
    schema |= {} if low is None else {"minimum" if with_low else "exclusiveMinimum": low}
    schema |= {} if high is None else {"maximum" if with_high else "exclusiveMaximum": high}
    try:
        masks = forms.form(VOCABULARY, forms.by_schema(schema))
    except Problem:
        assert low is not None and high is not None and (low >= high or kind == "integer" or high - low < 1)
        return
    for number in range(4):
        text, done = written(masks, seed + number, 60, endings=0.5)
        assert done and fits(json.loads(text), schema, schema), text


@QUIET
@given(some.integers(-300, 300), some.integers(0, 600), some.integers(-400, 400))
def test_every_integer_between_two_bounds_can_be_written(low, more, number):
    masks = forms.form(VOCABULARY, forms.by_schema({"type": "integer", "minimum": low, "maximum": low + more}))
    state = masks.automaton.after(masks.start(), str(number).encode())
    assert (state is not None and masks.may_end(state)) == (low <= number <= low + more)


@QUIET
@given(some.lists(some.text(min_size=1, max_size=6), min_size=1, max_size=8), some.integers(0, 999))
def test_a_choice_is_one_of_them_and_each_can_be_chosen(choices, seed):
    assume(all(choice.isprintable() for choice in choices))
    masks = forms.form(VOCABULARY, forms.by_choice(choices))
    text, done = written(masks, seed)
    assert done and text.decode() in choices
    for choice in choices:
        state = masks.automaton.after(masks.start(), choice.encode())
        assert state is not None and masks.may_end(state)


def test_any_object_is_an_object():
    masks = forms.form(VOCABULARY, forms.json_object())
    texts = [written(masks, seed, 400) for seed in range(40)]
    values = [json.loads(text) for text, done in texts if done]
    assert values and all(isinstance(value, dict) for value in values)


@pytest.mark.parametrize(
    "pattern", ["(?=a)b", "(a)\\1", "\\bword", "(?i)a", "a**", "*a", "(a", "a)", "[b-a]", "[a", "a{3,2}", "a$b", "(^a)", "\\q", "a*+",
                "[^\\x00-\\U0010ffff]", "\\ud800", "(" * 99 + ")" * 99, "a{999999}", "(?P<n>a)(?P<n>b)", "x" * 9000],
)  # fmt: skip
def test_a_pattern_that_cannot_be_followed_is_refused(pattern):
    with pytest.raises(Problem, match="regular expression|times"):
        forms.form(VOCABULARY, forms.by_regex(pattern))


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ({"not": {"type": "string"}}, "not"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "object", "patternProperties": {}}, "patternProperties"),
        ({"type": "integer", "multipleOf": 3}, "multipleOf"),
        ({"allOf": [{"type": "string"}, {"minLength": 1}]}, "allOf"),
        ({"oneOf": [{"type": "string"}, {"enum": ["a"]}]}, "oneOf"),
        ({"type": "string", "format": "duration"}, "format"),
        ({"type": "string", "pattern": "a", "maxLength": 3}, "pattern"),
        ({"type": "colour"}, "type"),
        ({"type": "string", "minLength": -1}, "minLength"),
        ({"$ref": "https://example.org/schema"}, "only its own parts"),
        ({"$ref": "#/$defs/none"}, "not in it"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "for ever"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no value"),
        ({"type": "array", "items": {"type": "string", "maxLength": 10**7}}, "times"),
        ({"properties": {"a": 5}}, "a schema is an object"),
    ],
)
def test_a_keyword_that_cannot_be_held_is_refused_by_name(schema, word):
    with pytest.raises(Problem, match=re.escape(word)):
        forms.form(VOCABULARY, forms.by_schema(schema))


@pytest.mark.parametrize("pattern", [".*a.{30}", "(.|a.|.b.){0,300}x.{90}", "((a*)*)*b", "(a?){80}a{80}"])
def test_a_hostile_pattern_costs_a_bounded_number_of_states(pattern):
    masks = forms.form(VOCABULARY, forms.by_regex(pattern))
    state, chance = masks.start(), random.Random(1)
    for _ in range(12):
        places = masks.allowed(state).nonzero()[:, 0].tolist()
        if not places:
            assert masks.complete(state)
            return
        state = masks.after(state, chance.choice(places))
        assert len(masks.automaton.states) < MOST_STATES + 20_000
        assert masks.automaton.kept < MOST_KEPT + 500_000


def test_forgetting_states_changes_no_mask():
    masks = forms.form(VOCABULARY, forms.by_regex("[a-z]{2,30}(?: [a-z]{1,9}){3}"))
    state, chance, seen = masks.start(), random.Random(2), []
    for _ in range(12):
        seen.append((state, masks.allowed(state)))
        state = masks.after(state, chance.choice(masks.allowed(state).nonzero()[:, 0].tolist()))
    masks.automaton.clear()
    masks.kept.clear()
    assert all(torch.equal(masks.allowed(state), mask) for state, mask in reversed(seen))


def test_a_vocabulary_without_some_letters_keeps_to_what_it_can_write():
    few = Vocabulary([b"a", b"b", b"ab", b"1"], 4)
    masks = forms.form(few, forms.by_regex("[a-z]{2}[0-9]?"))
    assert masks.allowed(masks.start()).tolist() == [True, True, True, False]
    with pytest.raises(Problem, match="vocabulary lacks letters"):
        forms.form(few, forms.by_regex("x+"))
