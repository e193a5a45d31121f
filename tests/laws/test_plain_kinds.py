"""Laws of characters, words and bytes: decoding gives back whatever was known, and what was not is one id."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.tokenizer import Tokenizer
from groundup.tokenizer.split import words

CORPUS = "the king sings, the kings' cats don't sing\n\n  1234 日本語 é\0 "
SPECIALS = ["<|end|>"]
MADE = {kind: Tokenizer.train(CORPUS, 300, kind=kind, specials=SPECIALS) for kind in ("character", "word", "byte")}
any_text = some.text(some.characters(exclude_categories=["Cs", "Cn"]), max_size=40)


@settings(max_examples=200, deadline=None)
@given(some.lists(some.sampled_from(words(CORPUS)), max_size=12))
def test_decoding_gives_all_known_text_back(parts):
    for kind, tokenizer in MADE.items():
        text = "".join(parts)
        if kind != "word" or set(words(text)) <= set(words(CORPUS)):
            assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(max_examples=200, deadline=None)
@given(some.binary(max_size=60))
def test_bytes_lose_nothing(data):
    assert MADE["byte"].decode_bytes(MADE["byte"].encode(data)) == data and len(MADE["byte"].encode(data)) == len(data)


@settings(max_examples=300, deadline=None)
@given(any_text)
def test_a_character_that_is_not_known_is_one_unknown(text):
    tokenizer = MADE["character"]
    assert tokenizer.decode(tokenizer.encode(text)) == "".join(c if c in CORPUS else "<unk>" for c in text)


@settings(max_examples=300, deadline=None)
@given(any_text)
def test_fast_words_are_the_reference(text):
    assert MADE["word"].encode(text).tolist() == MADE["word"].kind.encode_plainly(text)


@pytest.mark.parametrize("kind", MADE)
@settings(max_examples=100, deadline=None)
@given(parts=some.lists(some.sampled_from(["<|", "end", "|>", "<|end|>", "<unk>", " ", "the"]), max_size=12))
def test_no_text_becomes_a_special_token(kind, parts):
    ids = MADE[kind].encode("".join(parts)).tolist()
    assert not set(ids) & set(MADE[kind].specials.values())


@pytest.mark.parametrize("kind", MADE)
@settings(max_examples=100, deadline=None)
@given(numbers=some.lists(some.integers(0, 10_000), max_size=30))
def test_streamed_text_is_decoded_text(kind, numbers):
    tokenizer = MADE[kind]
    ids, streamer = [number % tokenizer.vocabulary for number in numbers], tokenizer.streamer(tokenizer.kind.lead)
    assert "".join([*map(streamer.push, ids), streamer.flush()]) == tokenizer.decode(ids)
