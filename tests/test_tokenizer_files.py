"""A tokenizer in files: what is written is read back, and what cannot be meant is refused in a sentence."""

import json
import os

import pytest

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.classes import CLASSES, classes_as_text, classes_of_regex, coarse, read_classes
from groundup.tokenizer.split import PATTERNS

TEXT = "Anna gave the red ball to Ben, it's 1234 o'clock 日本語 é.\n" * 20


@pytest.fixture
def folder(tmp_path):
    Tokenizer.train(TEXT, 320, specials=chat.specials("plain")).save(tmp_path / "made", "plain")
    return tmp_path / "made"


OWN = r"\p{L}+|\d| ?[^\s\p{L}\d]+"


@pytest.mark.parametrize("pattern", [*PATTERNS, OWN])
@pytest.mark.parametrize("name", ["folder", "only.json"])
def test_what_is_saved_is_read_back(tmp_path, pattern, name):
    tokenizer = Tokenizer.train(TEXT, 320, pattern=pattern, specials=["<|end|>"])
    tokenizer.save(tmp_path / name)
    again = Tokenizer.load(tmp_path / name)
    assert (again.tokens, again.kind.merges, again.specials) == (
        tokenizer.tokens,
        tokenizer.kind.merges,
        tokenizer.specials,
    )
    assert again.kind.pattern == pattern and again.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()


def test_equal_tokenizers_are_equal_bytes(tmp_path):
    for name in ("a", "b"):
        Tokenizer.train(TEXT, 320, specials=chat.specials()).save(tmp_path / name, "plain")
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_the_class_table_of_the_folder_decides(folder):
    changed = read_classes()
    changed[ord("x")] = CLASSES["number"]
    (folder / "unicode.json").write_text(classes_as_text(changed))
    assert Tokenizer.load(folder).kind.classes[ord("x")] == CLASSES["number"]


def test_a_table_of_the_first_format_is_still_read_and_still_written(folder):
    told = json.loads((folder / "unicode.json").read_text())
    assert told["format"] == 1 and "upper" not in told["classes"]
    assert (read_classes(folder / "unicode.json") == coarse(read_classes())).all()


def test_o200k_needs_a_table_that_tells_letters_apart(tmp_path):
    Tokenizer.train(TEXT, 320, pattern="o200k").save(tmp_path)
    assert json.loads((tmp_path / "unicode.json").read_text())["format"] == 2
    (tmp_path / "unicode.json").write_text(classes_as_text(coarse(read_classes())))
    with pytest.raises(Problem, match="without upper and lower letters, which o200k needs"):
        Tokenizer.load(tmp_path)


def test_the_shipped_class_table_is_that_of_regex_for_every_old_character():
    import unicodedata

    shipped, found = read_classes(), classes_of_regex()
    known = [point for point in range(0x110000) if unicodedata.category(chr(point)) != "Cn"]
    assert (shipped[known] == found[known]).all()


def test_files_honour_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        Tokenizer.train(TEXT, 300).save(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "tokenizer.json").stat().st_mode & 0o777 == 0o640


def turn_round(model: dict) -> None:
    """A merge of a token and a letter gets an id below that token's."""
    first, later = next(
        (a, b) for a in model["merges"] for b in model["merges"] if "".join(a) in b and "".join(b) != "".join(a)
    )
    model["merges"] = [later, first]
    low, high = model["vocab"]["".join(first)], model["vocab"]["".join(later)]
    model["vocab"]["".join(first)], model["vocab"]["".join(later)] = high, low


CHANGES = {
    "model.type": lambda told: told["model"].update(type="Morse"),
    "normalizer": lambda told: told.update(normalizer={"type": "Lowercase"}),
    "byte_fallback": lambda told: told["model"].update(byte_fallback=True),
    "decoder": lambda told: told.update(decoder={"type": "Metaspace"}),
    "no regular expression": lambda told: told["pre_tokenizer"]["pretokenizers"][0].update(pattern={"Regex": "(x"}),
    r"where \+ after {} means": lambda told: told["pre_tokenizer"]["pretokenizers"][0].update(
        pattern={"Regex": r"\d{1,3}+|\D"}
    ),
    "behavior Isolated": lambda told: told["pre_tokenizer"]["pretokenizers"][0].update(behavior="Removed"),
    "before both are made": lambda told: turn_round(told["model"]),
    "this reader knows Split": lambda told: told.update(pre_tokenizer={"type": "Whitespace"}),
    "add_prefix_space": lambda told: told["pre_tokenizer"]["pretokenizers"][1].update(add_prefix_space=True),
    "gaps": lambda told: told["model"]["vocab"].update({"Anna!": 9999}),
    "lacks the bytes": lambda told: [told["model"]["vocab"].pop("ÿ"), told["model"]["vocab"].update({"Anna!": 255})],
    "KeyError": lambda told: told["model"]["merges"].append(["Anna", "Ben"]),
    "which is taken": lambda told: told["added_tokens"][0].update(id=5),
    "is not a tokenizer.json": lambda told: told.pop("model"),
    "TypeError|ValueError": lambda told: told["added_tokens"][0].update(id=None),
}


@pytest.mark.parametrize("expected", CHANGES)
def test_a_file_that_says_something_else_is_refused_by_name(folder, expected):
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text())
    CHANGES[expected](told)
    file.write_text(json.dumps(told))
    with pytest.raises(Problem, match=expected):
        Tokenizer.load(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"model": 3}', "[" * 100_000])
def test_a_broken_file_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(Problem, match="tokenizer.json"):
        Tokenizer.load(tmp_path)


def test_a_truncated_class_table_is_refused(folder):
    file = folder / "unicode.json"
    file.write_text(file.read_text()[:-100])
    with pytest.raises(Problem, match=r"unicode\.json"):
        Tokenizer.load(folder)


def test_a_folder_without_a_tokenizer_is_said_to_be_one(tmp_path):
    with pytest.raises(Problem, match="there is no tokenizer"):
        Tokenizer.load(tmp_path)
