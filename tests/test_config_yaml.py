"""YAML as version 1.2 means it, with a line for whatever is wrong, and nothing in it that could run."""

import math

import pytest

from groundup import config
from groundup.errors import Problem


def read(tmp_path, text: str | bytes):
    path = tmp_path / "a.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return config.read_yaml(path)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3e-4", 3e-4),
        ("1e5", 1e5),
        (".5", 0.5),
        ("1.", 1.0),
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("true", True),
        ("0o17", 15),
        ("017", 17),
        ("0x10", 16),
        ("12:30:00", "12:30:00"),
        ("2024-01-01", "2024-01-01"),
        ("~", None),
        ("", None),
        ("null", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("+1", 1),
        ("-1", -1),
        ("1_000", 1000),
        ("_", "_"),
        ("1__0", "1__0"),
        ("=", "="),
        ("<<", "<<"),
        ("-.inf", -math.inf),
        ("tRuE", "tRuE"),
        ("1e", "1e"),
        ("$corpus/kept", "$corpus/kept"),
    ],
)
def test_a_scalar_is_what_version_1_2_says(tmp_path, written, meant):
    value = read(tmp_path, f"a: {written}\n")["a"]
    assert value == meant and type(value) is type(meant)


def test_every_key_and_item_knows_its_line(tmp_path):
    section = read(tmp_path, "a: 1\nb:\n  - x\n\n  - y\nc: {d: 2,\n  e: 3}\n")
    assert [section.places[key].line for key in "abc"] == [1, 2, 6]
    assert [place.line for place in section["b"].places] == [3, 5]
    assert section["c"].places["e"].line == 7 and str(section.places["a"]).endswith("a.yaml, line 1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: a is written twice, first in line 1"),
        ("a:\n  b: 1\n c: 2\n", "line 3: not YAML"),
        ("a: 1\nb: [1, 2\n", "line 3: not YAML"),
        ("a: 1\nb:\t- 2\n\t- 3", "line 2: not YAML"),
        ("- a\n- b", "expected names with values"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", "line 2: the tag"),
        ("a: !new 1", "line 1: the tag !new"),
        ("? [a, b]\n: 1", "line 1: a name must be one word"),
        ("a: &x [*x]", "line 1: too large"),
        ("a: *x", "line 1: not YAML"),
        (b"a: 1\nb: caf\xe9\n", "line 2: not UTF-8"),
        ("a: \x00", "not YAML"),
        ("a: 1\n---\nb: 2", "line 2: not YAML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, text, said):
    with pytest.raises(Problem) as caught:
        read(tmp_path, text)
    assert said in str(caught.value) and "a.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_an_empty_file_is_no_settings_and_a_missing_one_a_sentence(tmp_path):
    assert read(tmp_path, "") == read(tmp_path, "# nothing\n") == {}
    with pytest.raises(Problem, match="cannot read .*No such file"):
        config.read_yaml(tmp_path / "none.yaml")


def test_a_few_lines_cannot_fill_the_memory(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(Problem, match="too large once its aliases"):
        read(tmp_path, "\n".join(lines))


def test_an_alias_is_what_its_anchor_is(tmp_path):
    assert read(tmp_path, "a: &s {b: 1}\nc: *s\n") == {"a": {"b": 1}, "c": {"b": 1}}
