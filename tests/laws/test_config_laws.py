"""Laws of written settings: what holds for any names, any values, in any order."""

import json
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from groundup import config

NAMES = st.text("abcdefg_", min_size=1, max_size=4)
TEXTS = st.text(st.characters(max_codepoint=0xD7FF), max_size=20)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(allow_nan=False), TEXTS)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
TREES = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=3), lambda inner: st.dictionaries(NAMES, inner | LEAVES, max_size=3)
)
QUICK = settings(max_examples=150, deadline=None)


def leaves(tree, path=()):
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


@QUICK
@given(TREES)
def test_laying_nothing_over_or_under_changes_nothing(tree):
    assert config.merge(tree, {}) == config.merge({}, tree) == config.merge(tree, tree) == tree


@QUICK
@given(TREES, TREES)
def test_what_is_laid_over_wins_and_what_is_not_covered_stays(base, over):
    merged = config.merge(base, over)
    for path, value in leaves(over):
        found = reduce(dict.__getitem__, path, merged)
        assert found == value or value == {}
    assert set(merged) == set(base) | set(over)
    for path, value in leaves(base):
        if path[0] not in over:
            assert reduce(dict.__getitem__, path, merged) == value


@QUICK
@given(TREES, TREES)
def test_merging_leaves_its_sources_alone(base, over):
    before = json.dumps([base, over])
    config.merge(base, over)["new"] = 1
    assert json.dumps([base, over]) == before


@QUICK
@given(st.lists(NAMES, min_size=1, max_size=4), VALUES)
def test_a_word_says_any_value_under_any_name_and_remembers_itself(path, value):
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return
    raw = json.dumps(value, ensure_ascii=isinstance(value, str) is False)
    if "\\u" in raw or not raw.isprintable() or "Infinity" in raw:
        return
    section = config.overrides([f"{'.'.join(path)}={raw}"])
    assert reduce(dict.__getitem__, path, section) == value
    assert section.places[path[0]].raw == raw


@QUICK
@given(TEXTS)
def test_no_bare_word_is_ever_refused(text):
    if text.strip()[:1] in ("[", "{", '"', "'"):
        return
    value = config.overrides([f"a={text}"])["a"]
    assert value == text.strip() or value is None or isinstance(value, bool | int | float)


@QUICK
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_numbers_read_as_python_writes_them(number):
    assert config.overrides([f"a={number!r}"])["a"] == number


@QUICK
@given(TREES, st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3), st.integers()), max_size=5))
def test_the_last_word_wins(base, words):
    section = config.merge(base, config.overrides([f"{'.'.join(path)}={value}" for path, value in words]))
    if words:
        path, value = words[-1]
        assert reduce(dict.__getitem__, path, section) == value
