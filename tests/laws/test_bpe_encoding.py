"""Laws of encoding: the fast way is the reference's, and no text or bytes are ever lost."""

import random

from hypothesis import example, given, settings
from hypothesis import strategies as some

from groundup.tokenizer import Tokenizer, bpe, fast_bpe
from groundup.tokenizer.classes import read_classes
from groundup.tokenizer.split import PATTERNS, words

CLASSES = read_classes()
CORPUS = [
    "the cat sat on the mat, the dog's hat isn't that\n\n  fat 1234 " * 3,
    "aaaa aaa aa abab ABBA don't we'll é日本語日本語😀😀",
]
SPECIALS = ["<|end|>", "<|user|>"]
TOKENIZERS = {pattern: Tokenizer.train(CORPUS, 330, pattern=pattern, specials=SPECIALS) for pattern in PATTERNS}
OWN = r"\p{L}+|(\d)\1*|^\s|x*"  # leaves signs out, finds nothing at all, has groups, and knows beginnings of lines
patterns = some.sampled_from(list(PATTERNS))
tricky = some.text(" \t\r\n'sSdDtTlLvVeErRmMſaé1٣½🙂.,_/\u0300\u0301\u200d\u00a0\u0085\u2028日ʰǅǲK", max_size=40)
assigned = some.text(
    some.characters(exclude_categories=["Cs", "Cn"]), max_size=40
)  # of unassigned ones libraries disagree


@settings(max_examples=400, deadline=None)
@given(tricky | assigned, patterns | some.just(OWN))
@example("'ſ don'T we'LL 'Sx", "gpt4")
@example(" \n \n  x", "gpt4")
@example("x \r", "gpt2")
@example("x\n  ", "cl100k")
@example("\u0301ABC日AB 日bc'LLx", "o200k")
@example("!\u0301!!\u0301\n/\n.", "o200k")
def test_the_scanner_cuts_words_where_the_pattern_does(text, pattern):
    ends = fast_bpe.word_borders(text, pattern, CLASSES).tolist()
    data = text.encode()
    assert [data[a:b].decode() for a, b in zip([0, *ends], ends, strict=False)] == words(text, pattern)


@settings(max_examples=200, deadline=None)
@given(some.binary(max_size=60), patterns | some.just(OWN))
def test_words_tile_any_bytes(data, pattern):
    ends = fast_bpe.word_borders(data, pattern, CLASSES).tolist()
    assert ends == sorted(set(ends)) and (ends[-1] if ends else 0) == len(data)


@settings(max_examples=200, deadline=None)
@given(tricky | assigned | some.text("abthe", max_size=200), patterns)
def test_fast_encoding_is_the_reference(text, pattern):
    tokenizer = TOKENIZERS[pattern]
    merges = [(a, b) for a, b, _ in tokenizer.kind.merges]
    expected = bpe.encode(text, merges, pattern)
    assert tokenizer.encode(text).tolist() == expected
    assert tokenizer.encode(text).tolist() == expected  # the second time from memory


def test_a_memory_that_grows_and_fills_up_forgets_and_confuses_nothing(monkeypatch):
    monkeypatch.setattr(fast_bpe, "FIRST_SLOTS", 4)
    monkeypatch.setattr(fast_bpe, "MOST_SLOTS", 64)
    tokenizer, some_letters = Tokenizer.train(CORPUS, 330), random.Random(2)
    merges = [(a, b) for a, b, _ in tokenizer.kind.merges]
    text = " ".join("".join(some_letters.choices("abthe é", k=some_letters.randrange(1, 20))) for _ in range(500))
    expected = bpe.encode(text, merges)
    assert [tokenizer.encode(text).tolist() for _ in range(2)] == [expected, expected]
    assert len(tokenizer.kind._encoder.idle[0].table) == 64


def test_long_words_among_short_ones_disturb_nothing():
    tokenizer, chosen = Tokenizer.train(CORPUS, 330), random.Random(3)
    merges = [(a, b) for a, b, _ in tokenizer.kind.merges]
    lengths = [chosen.choice([2, 5, 9, 63, 64, 200]) for _ in range(600)]
    text = " ".join("".join(chosen.choices("abthe", k=length)) for length in lengths)
    assert tokenizer.encode(text).tolist() == bpe.encode(text, merges)


def test_long_words_are_encoded_as_the_reference_does():
    tokenizer, some_letters = TOKENIZERS["gpt4"], random.Random(1)
    merges = [(a, b) for a, b, _ in tokenizer.kind.merges]
    for length in (63, 64, 65, 300, 2000):
        for letters in ("abthe", "a", "ab"):
            word = "".join(some_letters.choices(letters, k=length))
            assert tokenizer.encode(word).tolist() == bpe.encode(word, merges)


@settings(max_examples=300, deadline=None)
@given(some.binary(max_size=80))
def test_decoding_gives_all_bytes_back(data):
    for tokenizer in TOKENIZERS.values():
        assert tokenizer.decode_bytes(tokenizer.encode(data)) == data


@settings(max_examples=300, deadline=None)
@given(some.text(some.characters(exclude_categories=["Cs"]), max_size=80))
def test_decoding_gives_all_text_back(text):
    for tokenizer in TOKENIZERS.values():
        assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(max_examples=200, deadline=None)
@given(
    some.lists(
        some.sampled_from(["<|", "end", "|>", "<|end|>", "<|user|>", "<|end", "us", "er|>", " ", "\n"]), max_size=12
    )
)
def test_no_text_becomes_a_special_token(pieces):
    for tokenizer in TOKENIZERS.values():
        assert all(token < tokenizer.size for token in tokenizer.encode("".join(pieces)).tolist())


@settings(max_examples=50, deadline=None)
@given(some.lists(tricky, max_size=20))
def test_many_texts_at_once_are_each_alone(texts):
    tokenizer = TOKENIZERS["gpt4"]
    together = tokenizer.encode_many(texts, threads=2)
    assert [ids.tolist() for ids in together] == [tokenizer.encode(text).tolist() for text in texts]


@settings(max_examples=200, deadline=None)
@given(some.lists(some.integers(0, TOKENIZERS["gpt4"].vocabulary - 1), max_size=40))
def test_streamed_text_is_decoded_text(ids):
    streamer = TOKENIZERS["gpt4"].streamer()
    assert "".join([*map(streamer.push, ids), streamer.flush()]) == TOKENIZERS["gpt4"].decode(ids)
