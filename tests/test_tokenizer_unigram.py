"""What a person meets who trains unigram or reads SentencePiece's files, mistakes included."""

import json
import struct

import pytest

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer

TEXT = "Anna gave the red ball to Ben, it's 1234 o'clock 日本語 é.\n" * 20
NORMAL, UNKNOWN, CONTROL, SYMBOL, UNUSED, BYTE = range(1, 7)
SOME = [
    ("<unk>", 0.0, UNKNOWN),
    ("<s>", 0.0, CONTROL),
    ("▁", -2.0, NORMAL),
    ("a", -3.0, NORMAL),
    ("b", -3.5, NORMAL),
    ("▁ab", -4.0, NORMAL),
]


@pytest.fixture
def folder(tmp_path):
    Tokenizer.train(TEXT, 330, kind="unigram", specials=["<|end|>"]).save(tmp_path / "made")
    return tmp_path / "made"


def field(number: int, value: int | float | bytes) -> bytes:
    """One field of a protobuf message, small numbers only."""
    if isinstance(value, bytes):
        size = len(value)
        return (
            bytes([number << 3 | 2]) + (bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])) + value
        )
    return (
        bytes([number << 3 | 5]) + struct.pack("<f", value) if isinstance(value, float) else bytes([number << 3, value])
    )


def model(pieces=SOME, training=b"\x18\x01", reading=b"\x18\x01", more=b"") -> bytes:
    """A file of SentencePiece: type UNIGRAM, and a blank before every text."""
    told = b"".join(
        field(1, field(1, text.encode()) + field(2, score) + field(3, what)) for text, score, what in pieces
    )
    return told + field(2, training) + field(3, reading) + more


def test_a_tokenizer_is_trained_by_changing_one_word():
    tokenizer = Tokenizer.train(TEXT, 330, kind="unigram", specials=["<|end|>"])
    assert (tokenizer.size, tokenizer.vocabulary, tokenizer.specials) == (330, 331, {"<|end|>": 330})
    assert tokenizer.tokens[:256] == [bytes([byte]) for byte in range(256)] and tokenizer.decode([256]) == "\ufffd"
    assert tokenizer.decode(tokenizer.encode("the red ball")) == "the red ball"
    assert len(tokenizer.encode(TEXT)) < len(TEXT) / 2 and tokenizer.encode("").tolist() == []
    assert [tokenizer.token_bytes(token) for token in tokenizer.encode("the").tolist()] == [b" the"]


def test_pieces_never_cross_words_or_mix_letters_and_digits():
    tokens = Tokenizer.train(TEXT * 5, 420, kind="unigram", pattern="gpt2").tokens[257:]
    assert all(b" " not in token[1:] for token in tokens)
    assert not any(any(map(str.isalpha, token.decode())) and any(map(str.isdigit, token.decode())) for token in tokens)


def test_what_is_unknown_is_bytes_or_one_token_for_a_run():
    with_bytes, without = (Tokenizer.train(TEXT, 330, kind="unigram", byte_fallback=given) for given in (True, False))
    assert with_bytes.encode("жж").tolist()[-4:] == list("жж".encode())
    assert without.encode("жж").tolist()[1:] == [0] and without.decode(without.encode("a жж a")) == "a \ufffd a"


def test_samples_hang_on_the_seed_alone():
    kind = Tokenizer.train(TEXT, 330, kind="unigram").kind
    first = [kind.sample("the red ball", 0.1, seed).tolist() for seed in range(20)]
    assert (
        first == [kind.sample("the red ball", 0.1, seed).tolist() for seed in range(20)]
        and len(set(map(tuple, first))) > 3
    )
    assert kind.sample("the red ball", 1000.0).tolist() == kind.encode_many(["the red ball"])[0].tolist()


def test_hostile_texts_are_encoded_in_good_time():
    tokenizer = Tokenizer.train([TEXT, "a" * 300], 330, kind="unigram")
    for text in ("a" * 1_000_000, " " * 1_000_000, "\x00" * 1_000_000, "ж" * 500_000):
        assert tokenizer.decode(tokenizer.encode(text)) == text


OPTIONS = {
    "ask for more": {"size": 200},
    "cannot hold": {"size": 260},
    "lower min_frequency": {"min_frequency": 10**6},
    "min_frequency, longest_piece and rounds": {"rounds": 0},
    "shrink": {"shrink": 1.0},
    "no split pattern": {"pattern": "gpt9"},
    "normalizer 'NFX'": {"normalize": ["NFX"]},
    "every source is empty": {"sources": []},
    "half of a surrogate pair": {"sources": ["a\ud800"]},
}


@pytest.mark.parametrize("expected", OPTIONS)
def test_what_cannot_be_trained_is_said_in_a_sentence(expected):
    with pytest.raises(Problem, match=expected):
        Tokenizer.train(**{"sources": TEXT, "size": 330, "kind": "unigram"} | OPTIONS[expected])


def test_alpha_is_a_power():
    with pytest.raises(Problem, match="alpha = -1"):
        Tokenizer.train(TEXT, 330, kind="unigram").sample("a", -1)


CHANGES = {
    "unk_id = null": lambda told: told["model"].update(unk_id=None),
    "end before that": lambda told: told["model"].update(unk_id=9999),
    "lacks <0x00>": lambda told: told["model"]["vocab"][0].__setitem__(0, "zzz"),
    "under two ids": lambda told: told["model"]["vocab"][-1].__setitem__(0, "<unk>"),
    "no finite number": lambda told: told["model"]["vocab"][-1].__setitem__(1, float("nan")),
    "normalizer 'BertNormalizer'": lambda told: told.update(normalizer={"type": "BertNormalizer"}),
    "is not whole": lambda told: told.update(normalizer={"type": "Replace"}),
    "regular expression": lambda told: told.update(
        normalizer={"type": "Replace", "pattern": {"Regex": "("}, "content": ""}
    ),
    "not base64": lambda told: told.update(normalizer={"type": "Precompiled", "precompiled_charsmap": "é"}),
    "cut off or altered": lambda told: told.update(
        normalizer={"type": "Precompiled", "precompiled_charsmap": "aaaaaaaaaaaa"}
    ),
    "cuts text by": lambda told: told.update(pre_tokenizer={"type": "Digits"}),
    "decodes by": lambda told: told.update(decoder={"type": "BPEDecoder"}),
    "truncation": lambda told: told.update(truncation={"max_length": 3}),
    "post_processor": lambda told: told.update(post_processor={"type": "BertProcessing"}),
    "id of another piece": lambda told: told["added_tokens"][0].update(id=5),
    "as Hugging Face writes it": lambda told: told["model"].pop("vocab"),
}


@pytest.mark.parametrize("expected", CHANGES)
def test_a_file_that_says_something_else_is_refused_by_name(folder, expected):
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text())
    CHANGES[expected](told)
    file.write_text(json.dumps(told))
    with pytest.raises(Problem, match=expected):
        Tokenizer.load(folder)


def test_a_model_of_sentencepiece_is_a_tokenizer(tmp_path):
    (tmp_path / "x.model").write_bytes(model())
    tokenizer = Tokenizer.load(tmp_path / "x.model")
    assert tokenizer.specials == {"<s>": 1} and tokenizer.encode("  ab  ab<s>").tolist() == [5, 5, 0]
    assert tokenizer.decode([1, 5, 5]) == "<s> ab ab" and tokenizer.decode([5, 5]) == "ab ab"


@pytest.mark.parametrize("cut", range(1, len(model())))
def test_a_model_that_is_cut_off_is_refused(tmp_path, cut):
    (tmp_path / "x.model").write_bytes(model()[:cut])
    with pytest.raises(Problem, match=r"x\.model"):
        Tokenizer.load(tmp_path / "x.model")


MODELS = {
    "is of type WORD": model(training=b"\x18\x03"),
    "one unknown piece": model([(text, score, NORMAL) for text, score, _ in SOME]),
    "there twice": model([*SOME, ("a", -1.0, NORMAL)]),
    "no number": model([*SOME, ("c", float("inf"), NORMAL)]),
    "pieces for bytes": model([*SOME, ("<0x41>", 0.0, BYTE)]),
    "lacks <0x": model([*SOME, ("<0x41>", 0.0, BYTE)], training=b"\x18\x01" + b"\x98\x02\x01"),
    "could be cut into": model(SOME[:2]),
    "unused pieces": model([*SOME, ("c", -9.0, UNUSED)], training=b"\x18\x02"),
    "treat_whitespace_as_suffix": model(training=b"\x18\x01" + b"\xc0\x01\x01"),
    "denormalizer_spec": model(more=field(5, field(2, b"x"))),
    "the field 9": model(more=field(9, b"x")),
    "precompiled_charsmap": model(reading=field(2, b"x" * 20)),
    "UnicodeDecodeError": model().replace("▁ab".encode(), b"\xff\xffxab"),
    "no field of one": b"\x0f" + model(),
    "has no pieces": b"",
}


@pytest.mark.parametrize("expected", MODELS)
def test_a_model_that_was_altered_is_refused_by_name(tmp_path, expected):
    (tmp_path / "x.model").write_bytes(MODELS[expected])
    with pytest.raises(Problem, match=expected):
        Tokenizer.load(tmp_path / "x.model")


def test_a_model_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(Problem, match="cannot be read as a SentencePiece model"):
        Tokenizer.load(tmp_path / "x.model")


def test_byte_pairs_of_sentencepiece_are_only_read():
    with pytest.raises(Problem, match="not trained here"):
        Tokenizer.train(TEXT, 330, kind="sentencepiece_bpe")


def test_only_unigram_draws_by_probability():
    with pytest.raises(Problem, match="has no probabilities to draw by"):
        Tokenizer.train(TEXT, 300).sample("a")
