"""Laws of changed vocabularies: every text still comes back, what stays keeps its meaning, equal inputs give equal outputs."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tokenizers import Tokenizer as Theirs

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.bpe import encode_word
from groundup.tokenizer.extend import Neighbours, extend, merge_further
from groundup.tokenizer.published import cut
from groundup.tokenizer.surgery import merge_vocabularies, prune
from tests.published_example import written

OLD = "Anna gave the red ball to Ben, and Ben gave it back.\n" * 9
NEW = "<|end|> eine Kugel, zwei Kugeln; die Kugel der Anna 日本語 日本語 Weihnachtsbaum Schneeflocken " * 9
SPECIALS = chat.specials("plain")
texts = some.text(some.sampled_from("Kugeln ein dAa the日本\n"), max_size=40) | some.text(
    some.characters(exclude_categories=["Cs"]), max_size=10
)
few = some.lists(texts, max_size=5)


@pytest.fixture(scope="module")
def old() -> Tokenizer:
    return Tokenizer.train(OLD, 300, specials=SPECIALS)


@pytest.fixture(scope="module")
def more(old):
    return extend(old, [NEW], 40)


def test_an_extended_tokenizer_knows_all_old_ids_and_spells_new_text_shorter(old, more):
    new = more.tokenizer
    assert all(new.token_bytes(token) == old.token_bytes(token) for token in range(old.vocabulary))
    assert new.specials == old.specials and new.vocabulary == old.vocabulary + 40 == len(more.rows)
    assert len(new.encode(NEW)) < 0.6 * len(old.encode(NEW))
    assert new.encode(OLD).tolist() == old.encode(OLD).tolist()


def test_the_rows_of_a_new_token_are_the_old_tokens_that_spell_it(old, more):
    for token, rows in enumerate(more.rows):
        assert b"".join(map(old.token_bytes, rows)) == more.tokenizer.token_bytes(token)
    assert all(len(rows) > 1 for rows in more.rows[old.vocabulary :]) and all(
        len(rows) == 1 for rows in more.rows[: old.vocabulary]
    )


@settings(max_examples=100, deadline=None)
@given(few)
def test_extending_says_again_what_was_said(old, more, said):
    for text in [*said, " ".join(SPECIALS)]:
        ids = more.tokenizer.encode(text)
        assert more.tokenizer.decode(ids) == text
        assert not set(ids.tolist()) & set(more.tokenizer.specials.values())
        spelled = [part for token in ids.tolist() for part in more.rows[token]]
        assert b"".join(map(old.token_bytes, spelled)) == text.encode()


@settings(max_examples=60, deadline=None)
@given(few, some.integers(1, 12))
def test_the_quick_way_of_extending_is_the_plain_way(old, said, count):
    counts = Counter(word for text in said for word in cut(text.encode(), old.kind.pattern, old.kind.classes))
    words = {word: old.encode(word).tolist() for word in counts}
    taken, tokens = {*old.tokens, b"Ku"}, [*old.tokens]
    plain = merge_further(words, counts, mine := list(tokens), set(taken), count)
    assert Neighbours(words, counts).merged(theirs := list(tokens), set(taken), count) == plain and mine == theirs


def test_what_is_extended_is_saved_and_extended_and_joined_again(more, tmp_path):
    more.tokenizer.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert (
        again.encode(NEW).tolist() == more.tokenizer.encode(NEW).tolist() and again.specials == more.tokenizer.specials
    )
    theirs = Theirs.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.encode(NEW.replace("<|end|>", "")).ids == again.encode(NEW.replace("<|end|>", "")).tolist()
    assert {name: theirs.token_to_id(name) for name in SPECIALS} == again.specials
    third = extend(again, ["Tannenbaum " * 9], 5).tokenizer
    assert third.encode(NEW).tolist() == again.encode(NEW).tolist() and third.vocabulary == again.vocabulary + 5
    assert extend(again, ["Tannenbaum " * 9], 5).tokenizer.tokens == third.tokens
    pruned = prune(again, [OLD], 280)
    assert pruned.tokenizer.decode(pruned.tokenizer.encode(NEW)) == NEW and pruned.tokenizer.size == 280


@settings(max_examples=40, deadline=None)
@given(few, some.integers(256, 300), texts)
def test_a_pruned_tokenizer_encodes_with_what_it_kept(old, said, size, text):
    pruned = prune(old, said, size)
    new = pruned.tokenizer
    assert new.size == min(size, old.size) and new.vocabulary == new.size + len(SPECIALS) == len(pruned.rows)
    assert {bytes([byte]) for byte in range(256)} <= set(new.tokens)
    for before, after in pruned.moved.items():
        assert new.token_bytes(after) == old.token_bytes(before) and pruned.rows[after] == (before,)
    assert list(new.specials) == SPECIALS and all(
        pruned.moved[old.specials[name]] == new.specials[name] for name in SPECIALS
    )
    ranks = {(a, b): made for a, b, made in new.kind.merges}
    assert all(
        encode_word(token, ranks) == [place]
        for place, token in enumerate(new.tokens)
        if token.isalpha() and len(token) > 1
    )
    assert new.decode(new.encode(text)) == text


def test_pruning_keeps_what_is_used_and_what_that_is_made_of(old):
    used = prune(old, ["gave gave gave"], 260).tokenizer
    assert b" gave" in used.tokens and used.encode(" gave").tolist() == [used.tokens.index(b" gave")]
    assert (
        prune(old, [old.encode(" gave gave"), [5, 6]], 260).tokenizer.tokens
        == prune(old, " gave gave", 260).tokenizer.tokens
    )
    assert prune(old, ["gave"], 300).tokenizer.tokens == old.tokens


def test_two_vocabularies_become_one_with_maps_from_both(old):
    other = Tokenizer.train(NEW, 290, specials=["<|end|>", "<|pad|>"])
    joined = merge_vocabularies(old, other)
    both = joined.tokenizer
    assert joined.from_first == {token: token for token in range(old.vocabulary)} and set(joined.from_second) == set(
        range(other.vocabulary)
    )
    for mine, theirs in ((old, joined.from_first), (other, joined.from_second)):
        assert all(both.token_bytes(after) == mine.token_bytes(before) for before, after in theirs.items())
        assert {name: theirs[token] for name, token in mine.specials.items()}.items() <= both.specials.items()
    assert both.encode(OLD).tolist() == old.encode(OLD).tolist()
    assert both.decode(both.encode(NEW)) == NEW and len(both.encode(NEW)) < len(old.encode(NEW))
    assert both.vocabulary == len({*old.tokens, *other.tokens}) + len(SPECIALS) + 1


def test_what_cannot_be_changed_is_said(old, tmp_path):
    with pytest.raises(Problem, match="256"):
        prune(old, [], 255)
    with pytest.raises(Problem, match="not this tokenizer's"):
        prune(old, [[9999]], 260)
    with pytest.raises(Problem, match="1 or more"):
        extend(old, [NEW], 0)
    with pytest.raises(Problem, match="cuts words by gpt4, the other by gpt2"):
        merge_vocabularies(old, Tokenizer.train(OLD, 260, pattern="gpt2"))
    for name, expected in {
        "qwen": "does more to a text",
        "llama3": "does more to a text",
        "twice_made": "several make",
    }.items():
        with pytest.raises(Problem, match=expected):
            extend(Tokenizer.load(written(name, tmp_path)[1]), [NEW], 5)


def test_a_rank_file_can_be_extended(old, tmp_path):
    old.save(tmp_path / "x.tiktoken")
    read = Tokenizer.load(tmp_path / "x.tiktoken", specials=SPECIALS)
    assert (
        extend(read, [NEW], 40).tokenizer.encode(NEW).tolist() == extend(old, [NEW], 40).tokenizer.encode(NEW).tolist()
    )
