"""Every kind of tokenizer behind the same door: what a person meets, mistakes included."""

import json
from typing import get_args

import numpy as np
import pytest

from groundup.errors import Problem
from groundup.stages import tokenizer as stage
from groundup.tokenizer import Tokenizer
from groundup.tokenizer.kind import KINDS
from groundup.tokenizer.report import report
from groundup.tokenizer.wordpiece import read_vocab

TEXT = "Anna gave the red ball to Ben. Ben took the ball to the garden, and the garden was green.\n" * 20
LEARNED = [kind for kind in ("wordpiece", "character", "word")]


@pytest.mark.parametrize("kind", [*LEARNED, "byte"])
@pytest.mark.parametrize("name", ["folder", "only.json"])
def test_what_is_saved_is_read_back(tmp_path, kind, name):
    tokenizer = Tokenizer.train(TEXT, 256, kind=kind, specials=["<|end|>"])
    tokenizer.save(tmp_path / name)
    again = Tokenizer.load(tmp_path / name)
    assert (again.tokens, again.specials, again.kind.unknown) == (
        tokenizer.tokens,
        tokenizer.specials,
        tokenizer.kind.unknown,
    )
    assert again.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist() and again.encode(TEXT).dtype == np.uint32
    assert tokenizer.kind.name == kind and report(again, [TEXT])["tokens"] == len(again.encode(TEXT))


@pytest.mark.parametrize("kind", LEARNED)
def test_a_file_trains_as_its_text(tmp_path, kind):
    (tmp_path / "a.txt").write_text(TEXT)
    assert Tokenizer.train(tmp_path / "a.txt", 200, kind=kind).tokens == Tokenizer.train(TEXT, 200, kind=kind).tokens


def test_unknown_words_and_characters_have_an_id_of_their_own():
    assert Tokenizer.train(TEXT, 256, kind="wordpiece").encode("ball жук red").tolist()[1] == 0
    assert Tokenizer.train(TEXT, 256, kind="character").encode("aж").tolist()[1] == 0
    assert Tokenizer.train(TEXT, 256, kind="word").encode("the zebra").tolist()[1] == 0


def test_words_are_the_most_frequent_ones():
    assert Tokenizer.train(TEXT, 4, kind="word").tokens == [b"<unk>", b" the", b" Ben", b" ball"]
    assert b" red" not in Tokenizer.train([TEXT, TEXT], 100, kind="word", min_frequency=41).tokens


def test_capitals_and_accents_go_unless_they_are_asked_for():
    plain, cased = (
        Tokenizer.train("Élan Ben " * 9, 99, kind="wordpiece", lowercase=lowercase) for lowercase in (True, False)
    )
    assert (
        plain.decode(plain.encode("Élan\n\nBEN")) == "elan ben"
        and cased.decode(cased.encode("Élan  Ben")) == "Élan Ben"
    )


def test_scores_choose_different_pieces():
    """In `aaab`-like words the pair of the two most common letters is frequent, that of two rare ones is likely."""
    text = "xa " * 50 + "ax " * 50 + "qz " * 9
    first = [
        Tokenizer.train(text, 10, kind="wordpiece", score=score).kind.names[9] for score in ("frequency", "likelihood")
    ]
    assert first == ["ax", "qz"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"kind": "wordpiece", "size": 20}, "limit_alphabet, now 1,000"),
        ({"kind": "wordpiece", "score": "beauty"}, "frequency, likelihood"),
        ({"kind": "wordpiece", "specials": ["[UNK]"]}, "as a special token and as a piece of text"),
        ({"kind": "character", "size": 8}, "limit_alphabet=7"),
        ({"kind": "character", "min_frequency": 10**6}, "smaller min_frequency"),
        ({"kind": "word", "pattern": "gpt5"}, "gpt4, gpt2"),
        ({"kind": "word", "specials": [" ball"]}, "as a special token and as a piece of text"),
        ({"kind": "byte", "size": 255}, "256"),
        *(({"kind": kind, "sources": ["", ""]}, "every source is empty") for kind in LEARNED),
        *(({"kind": kind, "sources": ["half \ud83d"]}, r"character 5 .*U\+D83D") for kind in LEARNED),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(arguments, expected):
    with pytest.raises(Problem, match=expected):
        Tokenizer.train(**{"sources": TEXT, "size": 300} | arguments)


@pytest.mark.parametrize("kind", [*LEARNED, "byte"])
def test_bad_texts_are_refused_or_read_and_never_crash(kind):
    tokenizer = Tokenizer.train(TEXT, 256, kind=kind)
    with pytest.raises(Problem, match=r"character 2 .*U\+D800"):
        tokenizer.encode("ab\ud800")
    assert len(tokenizer.encode("")) == 0 and tokenizer.encode("").dtype == np.uint32
    assert tokenizer.encode(b"\xff\xfe ball \0 \xe2\x82").tolist()
    with pytest.raises(Problem, match="no token"):
        tokenizer.decode([tokenizer.vocabulary])


CHANGES = {
    "Lowercase": lambda told: told.update(normalizer={"type": "Lowercase"}),
    "Whitespace": lambda told: told.update(pre_tokenizer={"type": "Whitespace"}),
    "RobertaProcessing": lambda told: told.update(post_processor={"type": "RobertaProcessing"}),
    "Metaspace": lambda told: told.update(decoder={"type": "Metaspace"}),
    "gaps": lambda told: told["model"]["vocab"].update(Anna=9999),
    "the same id": lambda told: told["model"]["vocab"].update(Anna=5),
    "needs it for words": lambda told: told["model"].update(unk_token="<nothing>"),
    "continuing_subword_prefix is empty": lambda told: told["model"].update(continuing_subword_prefix=""),
    "give it one id": lambda told: told["added_tokens"].append({"id": 700, "content": "ball"}),
}


@pytest.mark.parametrize("expected", CHANGES)
def test_a_file_that_says_something_else_is_refused_by_name(tmp_path, expected):
    Tokenizer.train(TEXT, 200, kind="wordpiece", specials=["<|end|>"]).save(tmp_path)
    told = json.loads((tmp_path / "tokenizer.json").read_text())
    CHANGES[expected](told)
    (tmp_path / "tokenizer.json").write_text(json.dumps(told))
    with pytest.raises(Problem, match=expected):
        Tokenizer.load(tmp_path)


def test_other_peoples_word_lists_are_refused_by_name(tmp_path):
    Tokenizer.train(TEXT, 200, kind="character").save(tmp_path)
    told = json.loads((tmp_path / "tokenizer.json").read_text())
    for change in ({"pre_tokenizer": {"type": "WhitespaceSplit"}}, {"normalizer": {"type": "NFC"}}, {"decoder": None}):
        (tmp_path / "tokenizer.json").write_text(json.dumps(told | change))
        with pytest.raises(Problem, match="WhitespaceSplit|NFC|decoder"):
            Tokenizer.load(tmp_path)
    told["model"]["vocab"]["ball"] = len(told["model"]["vocab"])
    (tmp_path / "tokenizer.json").write_text(json.dumps(told))
    with pytest.raises(Problem, match="'ball' is not one"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"), [("a\n\nb\n", "empty line"), ("a\na\n", "two lines"), ("a\nb\n", r"\[UNK\]")]
)
def test_a_vocab_txt_that_cannot_be_meant_is_refused(tmp_path, content, expected):
    (tmp_path / "vocab.txt").write_text(content)
    with pytest.raises(Problem, match=expected):
        read_vocab(tmp_path / "vocab.txt")


def test_an_encoder_remembers_only_so_much(monkeypatch):
    monkeypatch.setattr("groundup.tokenizer.fast_word_pieces.MANY", 10)
    tokenizer = Tokenizer.train(TEXT, 200, kind="wordpiece")
    expected = [tokenizer.encode(f"ball{number}").tolist() for number in range(50)]
    encoder = tokenizer.kind._encoder
    assert len(encoder.known_chunks) == len(encoder.known_words) == 10
    assert [tokenizer.encode(f"ball{number}").tolist() for number in range(50)] == expected


def test_the_stage_offers_every_kind_and_refuses_settings_that_mean_nothing():
    kinds = get_args(stage.Settings.model_fields["algorithm"].annotation)
    assert set(kinds) == set(stage.OPTIONS) == set(KINDS) - {"sentencepiece_bpe"}  # which is only read
    for kind in kinds:
        stage.Settings(corpus="corpus", algorithm=kind)
    with pytest.raises(ValueError, match="`pattern` means nothing to wordpiece.* bpe and word and unigram"):
        stage.Settings(corpus="corpus", algorithm="wordpiece", pattern="gpt2")
    with pytest.raises(ValueError, match="limit_alphabet"):
        stage.Settings(corpus="corpus", limit_alphabet=9)
