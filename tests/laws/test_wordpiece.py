"""Laws of WordPiece: the fast ways are the references', and nothing that a text says becomes a special token."""

from hypothesis import example, given, settings
from hypothesis import strategies as some

from groundup.tokenizer import Tokenizer, fast_word_pieces, word_pieces
from groundup.tokenizer.bert_text import Rules, Words, words

CORPUS = "the king sings unsingable things, the kings' cats don't sing 1234 日本語 é " * 3
SPECIALS = ["[CLS]", "[SEP]", "<|end|>"]
TOKENIZER = Tokenizer.train(CORPUS, 120, kind="wordpiece", specials=SPECIALS)
tricky = some.text(
    " \t\n\r\x0b\x1c\x85\0aAbéÉİßΣ.!$—日豈각\u0301\u302e\u1b44\u0345\u200d\u2028\ufffd\U0001d15f", max_size=30
)
any_text = some.text(some.characters(exclude_categories=["Cs"]), max_size=40)
rules = some.builds(Rules, some.booleans(), some.booleans(), some.booleans(), some.booleans())
counted = some.dictionaries(some.text("abc", min_size=1, max_size=7), some.integers(1, 9), min_size=1, max_size=12)


@settings(max_examples=500, deadline=None)
@given(tricky | any_text, rules)
@example("a\u302e\u0301\u1b44", Rules())
@example("a\x1cb\x0bc\x85d", Rules(clean=False))
def test_words_by_table_are_words_step_by_step(text, chosen):
    fast = Words(chosen)
    assert [word for chunk in fast.chunks(text) for word in fast(chunk)] == list(fast(text)) == words(text, chosen)


@settings(max_examples=150, deadline=None)
@given(counted, some.sampled_from(word_pieces.SCORES), some.integers(1, 4), some.integers(0, 40), some.integers(2, 4))
def test_fast_training_is_the_reference(counts, score, least, more, limit):
    start = ["[UNK]", *word_pieces.alphabet(counts, limit)]
    expected = word_pieces.train(counts, start, len(start) + more, least, score)
    assert fast_word_pieces.train(counts, start, len(start) + more, least, score) == expected


@settings(max_examples=300, deadline=None)
@given(some.text("thekingsau日é", max_size=24), some.integers(1, 20))
def test_fast_cutting_is_the_reference(word, longest):
    ids = {name: place for place, name in enumerate(TOKENIZER.kind.names)}
    fast = fast_word_pieces.WordIds(ids, 0, "##", longest)
    assert fast.cut(word) == word_pieces.encode_word(word, ids, 0, "##", longest)


@settings(max_examples=200, deadline=None)
@given(
    some.lists(
        some.sampled_from(["the", "king", "sings", "cats", "1234", "unsingable", "日", "é", ",", "'"]), max_size=12
    )
)
def test_decoding_gives_known_words_back_with_single_blanks(parts):
    text = "\n ".join(parts)
    expected = " ".join(words(text, Rules()))
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == expected and TOKENIZER.kind.unknown not in TOKENIZER.encode(text)


@settings(max_examples=200, deadline=None)
@given(
    some.lists(
        some.sampled_from(["[", "CLS", "]", "[CLS]", "[SEP]", "<|end|>", "<|", "end", "|>", " ", "[UNK]"]), max_size=12
    )
)
def test_no_text_becomes_a_special_token(pieces):
    assert not set(TOKENIZER.encode("".join(pieces)).tolist()) & set(TOKENIZER.specials.values())


@settings(max_examples=200, deadline=None)
@given(some.lists(some.integers(0, TOKENIZER.vocabulary - 1), max_size=30))
def test_streamed_text_is_decoded_text(ids):
    streamer = TOKENIZER.streamer(TOKENIZER.kind.lead)
    assert "".join([*map(streamer.push, ids), streamer.flush()]) == TOKENIZER.decode(ids)


@settings(max_examples=100, deadline=None)
@given(some.binary(max_size=60), some.lists(tricky, max_size=5))
def test_many_texts_at_once_are_each_alone_and_bytes_may_be_any(data, texts):
    together = TOKENIZER.encode_many([data, *texts])
    assert [ids.tolist() for ids in together] == [TOKENIZER.encode(text).tolist() for text in (data, *texts)]
    assert together[0].tolist() == TOKENIZER.encode(data.decode(errors="replace")).tolist()
