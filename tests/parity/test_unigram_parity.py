"""Hugging Face's and Google's libraries give our ids with unigram, from our files and from theirs."""

import base64
import io
import json
import random
import unicodedata

import pytest
import sentencepiece
import tokenizers

from groundup.tokenizer import Tokenizer
from groundup.tokenizer.charsmap import spaced
from groundup.tokenizer.normalize import normalizer
from groundup.tokenizer.pieces import as_read_there
from groundup.tokenizer.protobuf import fields

PIECES = [
    "the",
    " cat",
    "'s",
    " don't",
    "\n",
    "\n\n",
    "  ",
    "\t",
    " \r\n",
    "123",
    "é",
    "ß",
    "日本",
    "😀",
    "👩‍👩‍👧",
    "٣",
    "½",
    "Ⅷ",
    "!",
    " ...",
] + [
    "\u0301",
    "\u00a0",
    "\u2028",
    "\u0085",
    "ſ",
    "Ω",
    "и",
    " ل",
    "▁",
    "ﬁ",
    "①",
    "Σ",
    "İ",
    "각",
    "か\u3099",
    "<0x41>",
    "<unk>",
    "\ufffd",
]
SYMBOLS = ["<sym>", "<sy", "two words", "  two", "\x01", "ﷺ", "<s>", "<c>"]
PROSE = "It's the cat's hat; we'll see 1234 cats and 日本語 dogs, don't you think?\n\n  Indeed — 12,5 %! 😀😀\n"
WAYS = {
    "marked": {},
    "unmarked": {"marked": False},
    "unknown": {"byte_fallback": False},
    "no lead": {"lead": False, "normalize": ["NFKC", "Lowercase"]},
    "accents": {"marked": False, "pattern": "gpt2", "normalize": ["NFD", "StripAccents"], "byte_fallback": False},
}
MODELS = {
    "plain": {},
    "lossless": {"normalization_rule_name": "identity", "byte_fallback": True, "remove_extra_whitespaces": False},
    "symbols": {
        "user_defined_symbols": ["<sym>", "two words", "  "],
        "control_symbols": ["<c>"],
        "byte_fallback": True,
    },
    "across words": {
        "add_dummy_prefix": False,
        "split_by_whitespace": False,
        "allow_whitespace_only_pieces": True,
        "normalization_rule_name": "nfkc_cf",
    },
}


def texts(count: int, pieces: list[str] = PIECES) -> list[str]:
    chosen = random.Random(11)
    return ["".join(chosen.choices(pieces, k=chosen.randint(0, 20))) for _ in range(count)]


def random_strings(count: int) -> list[str]:
    """Of characters that every library knows: about younger ones they disagree."""
    chosen = random.Random(12)
    ranges = [(1, 0x7F), (1, 0x2FFF), (0x3000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF)]
    drawn = (chr(chosen.randint(*chosen.choice(ranges))) for _ in range(count * 40))
    known = [letter for letter in drawn if unicodedata.ucd_3_2_0.category(letter) != "Cn"]
    return ["".join(chosen.choices(known, k=chosen.randint(0, 12))) for _ in range(count)]


def trained_by_sentencepiece(kind: str, **options) -> bytes:
    lines = [line for text in [PROSE * 20, *texts(600)] for line in text.split("\n") if line]
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=out,
        model_type=kind,
        vocab_size=440,
        hard_vocab_limit=kind == "bpe",
        character_coverage=0.999,
        minloglevel=2,
        num_threads=1,
        **options,
    )
    return out.getvalue()


@pytest.fixture(scope="module", params=WAYS)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unigram")
    tokenizer = Tokenizer.train(
        [PROSE * 5, *texts(400)], 500, kind="unigram", specials=["<|end|>"], **WAYS[request.param]
    )
    tokenizer.save(folder)
    return tokenizer, folder


def test_the_tokenizers_library_gives_our_ids(made):
    tokenizer, folder = made
    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in [PROSE, *texts(3000), *random_strings(500)]:
        assert theirs.encode(text).ids == tokenizer.encode(text).tolist()
    assert theirs.get_vocab_size() == tokenizer.vocabulary
    if tokenizer.kind.byte_fallback:
        for text in texts(500):
            ids = tokenizer.encode(text).tolist()
            assert theirs.decode(ids, skip_special_tokens=False) == tokenizer.decode(ids)


def test_what_is_saved_is_read_back(made):
    tokenizer, folder = made
    again = Tokenizer.load(folder)
    assert again.kind.described() == tokenizer.kind.described() and again.tokens == tokenizer.tokens
    assert [again.encode(text).tolist() for text in texts(50)] == [
        tokenizer.encode(text).tolist() for text in texts(50)
    ]


def test_scores_are_read_as_the_tokenizers_library_reads_them():
    chosen = random.Random(2)
    scores = [-chosen.uniform(0, 20) for _ in range(2000)] + [-1000.0, -7.5, 0.0, -1e-5, -3.845067024702588]
    model = {"type": "Unigram", "unk_id": 0, "vocab": [[f"p{number}", score] for number, score in enumerate(scores)]}
    told = {"version": "1.0", "added_tokens": [], "model": model} | dict.fromkeys(
        ["truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"]
    )
    theirs = [
        score for _, score in json.loads(tokenizers.Tokenizer.from_str(json.dumps(told)).to_str())["model"]["vocab"]
    ]
    assert [as_read_there(score) for score in scores] == theirs != scores


METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
THEIRS = {
    "metaspace": (None, METASPACE),
    "not split": (None, METASPACE | {"split": False}),
    "no blank first": ({"type": "NFC"}, METASPACE | {"prepend_scheme": "never"}),
    "as older ones": ({"type": "Lowercase"}, {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}),
    "words first": (
        {
            "type": "Sequence",
            "normalizers": [
                {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
                {"type": "Nmt"},
                {"type": "NFKD"},
                {"type": "StripAccents"},
                {"type": "Strip", "strip_left": False, "strip_right": True},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, METASPACE]},
    ),
}


@pytest.mark.parametrize("form", THEIRS)
def test_files_of_hugging_face_give_their_ids(tmp_path, form):
    theirs = tokenizers.Tokenizer(tokenizers.models.Unigram())
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    theirs.decoder = tokenizers.decoders.Metaspace()
    trainer = tokenizers.trainers.UnigramTrainer(vocab_size=300, unk_token="<unk>", special_tokens=["<unk>", "</s>"])
    theirs.train_from_iterator([PROSE] * 5 + texts(400, [piece for piece in PIECES if "<" not in piece]), trainer)
    told = json.loads(theirs.to_str())
    told["normalizer"], told["pre_tokenizer"] = THEIRS[form]
    (tmp_path / "tokenizer.json").write_text(json.dumps(told))
    theirs, ours = tokenizers.Tokenizer.from_str(json.dumps(told)), Tokenizer.load(tmp_path)
    assert ours.specials == {"</s>": 1} and ours.kind.unknown == 0
    for text in [PROSE, *texts(1500, [piece for piece in PIECES if "<" not in piece]), *random_strings(500)]:
        assert theirs.encode(text).ids == ours.encode(text).tolist()


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("form", MODELS)
def test_models_of_sentencepiece_give_their_ids(tmp_path, kind, form):
    (tmp_path / "x.model").write_bytes(trained_by_sentencepiece(kind, **MODELS[form]))
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "x.model"))
    ours = Tokenizer.load(tmp_path / "x.model")
    ours.save(tmp_path / "saved")
    again = Tokenizer.load(tmp_path / "saved")
    assert again.kind.name == ours.kind.name and again.specials == ours.specials
    assert ours.vocabulary == theirs.get_piece_size() and ours.specials["</s>"] == theirs.eos_id()
    broken = PROSE.encode() + b"\xff\xc3 \xed\xa0\x80a"
    for text in ["", " ", PROSE, PROSE * 200, broken, *texts(1500, PIECES + SYMBOLS), *random_strings(500)]:
        expected = theirs.encode(text)
        assert ours.encode(text).tolist() == expected == again.encode(text).tolist()
    for text in texts(500):
        assert ours.decode(ours.encode(text)).strip() == theirs.decode(theirs.encode(text)).strip()


def test_the_compiled_replacements_are_those_of_both_libraries(tmp_path):
    data = trained_by_sentencepiece("unigram", user_defined_symbols=["<sym>", "  two"])
    (tmp_path / "x.model").write_bytes(data)
    ours = Tokenizer.load(tmp_path / "x.model").kind
    charsmap = dict(fields(dict(fields(data, "x"))[3], "x"))[2]
    plain = tokenizers.normalizers.Precompiled(charsmap)
    change = normalizer({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}, "x")
    for text in [PROSE, *texts(1000, PIECES + SYMBOLS), *random_strings(1000)]:
        assert change(text) == plain.normalize_str(text)
        slow = spaced(text.encode(), ours._spacing.charsmap, [b"<sym>", b"  two"], True, True)
        assert ours.prepared(text) == slow
