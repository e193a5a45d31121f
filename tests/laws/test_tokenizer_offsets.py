"""Laws of offsets: each token's bytes stand where its offsets say, and its characters are those that it touches."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train("the cat's 日本 日本 éé 😀😀 \x00 " * 5, 290)
texts = some.text(some.characters(exclude_categories=["Cs"]), max_size=40) | some.text("the é日本語😀\x00", max_size=40)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_offsets_say_where_each_token_stands(text):
    found, data = TOKENIZER.offsets(text), text.encode()
    assert found.ids.tolist() == TOKENIZER.encode(text).tolist()
    assert [data[a:b] for a, b in found.bytes.tolist()] == [
        TOKENIZER.token_bytes(token) for token in found.ids.tolist()
    ]
    for (a, b), (first, after) in zip(found.bytes.tolist(), found.characters.tolist(), strict=True):
        assert len(text[:first].encode()) <= a < len(text[: first + 1].encode())
        assert len(text[: after - 1].encode()) < b <= len(text[:after].encode())


@settings(max_examples=100, deadline=None)
@given(some.binary(max_size=40))
def test_bytes_that_are_not_utf8_are_a_character_each(data):
    found, text = TOKENIZER.offsets(data), data.decode(errors="surrogateescape")
    assert (
        found.bytes.reshape(-1).tolist()
        == [0, *[e for e in found.bytes[:, 1].tolist() for _ in (0, 1)]][: 2 * len(found.ids)]
    )
    assert found.characters.max(initial=0) == len(text)


def test_a_character_cut_by_tokens_belongs_to_each():
    plain = Tokenizer.train("x", 256)
    assert plain.offsets("aé").characters.tolist() == [[0, 1], [1, 2], [1, 2]]
    assert plain.offsets("").characters.shape == (0, 2)


def test_a_lead_that_nobody_wrote_takes_no_room():
    class Leading:
        name, lead, tokens = "leading", " ", [b" the", b" cat", b" "]
        made = (0, 1)

        def encode_many(self, texts, threads=None):
            import numpy as np

            return [np.array(self.made, np.uint32) for _ in texts]

    tokenizer = Tokenizer(Leading())
    assert tokenizer.offsets("the cat").characters.tolist() == [[0, 3], [3, 7]]
    Leading.made = (2, 0)  # a token for the lead alone
    tokenizer.kind.tokens = [b"the", b"cat", b" "]
    assert tokenizer.offsets("the").bytes.tolist() == [[0, 0], [0, 3]]


def test_a_kind_that_changes_text_says_that_it_cannot():
    class Lower:
        name, lead, tokens = "lower", "", [b"a"]

        def encode_many(self, texts, threads=None):
            import numpy as np

            return [np.zeros(len(text), np.uint32) for text in texts]

    with pytest.raises(Problem, match="changes text before it cuts it"):
        Tokenizer(Lower()).offsets("A")
