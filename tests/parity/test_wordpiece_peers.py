"""Hugging Face's `tokenizers` gives our ids for WordPiece, characters, words and bytes: in its files and in ours."""

import unicodedata

import pytest
import tokenizers
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from groundup.tokenizer import Tokenizer, bert_text
from groundup.tokenizer.wordpiece import read_vocab
from tests.unicode_example import texts

PROSE = "The king's cats are singing, unsingable things; don't you hear them sing? 1234 times — 日本語 über Ängste.\n"
RULES = [{}, {"lowercase": False}, {"strip_accents": False}, {"lowercase": False, "strip_accents": True}]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def opened(path) -> tokenizers.Tokenizer:
    """Their tokenizer, which is told not to make special tokens of a text."""
    theirs = tokenizers.Tokenizer.from_file(str(path))
    theirs.encode_special_tokens = True
    return theirs


def same_ids(ours: Tokenizer, theirs: tokenizers.Tokenizer, some: list[str]) -> bool:
    found = theirs.encode_batch(some, add_special_tokens=False)
    return [text.ids for text in found] == [ids.tolist() for ids in ours.encode_many(some)]


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_our_wordpiece_is_read_with_the_same_ids(tmp_path, rules):
    ours = Tokenizer.train(
        [PROSE * 5, *texts(1500, 1)],
        3000,
        kind="wordpiece",
        specials=["[CLS]"],
        limit_alphabet=1200,
        min_frequency=1,
        **rules,
    )
    ours.save(tmp_path)
    theirs = opened(tmp_path / "tokenizer.json")
    some = [PROSE, *texts(1300, 2)]
    assert same_ids(ours, theirs, some) and theirs.get_vocab_size() == ours.vocabulary
    ids = ours.encode(PROSE)
    assert 10 < len(ids) < len(PROSE) and theirs.decode(ids.tolist()) == ours.decode(ids)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path)(PROSE)["input_ids"] == ids.tolist()


@pytest.fixture
def bert(tmp_path):
    """A tokenizer.json as BERT's: special tokens among the first ids, 99 unused ones between, [CLS] and [SEP] around a text."""
    letters = [chr(point) for point in range(0x21, 0x7F) if not chr(point).isupper()]
    words = ["the", "king", "sing", "##ing", "##s", "cat", "##able", "un", "uber", "日", "本"]
    names = [
        "[PAD]",
        *(f"[unused{n}]" for n in range(99)),
        *SPECIAL[1:],
        *letters,
        *("##" + letter for letter in letters),
        *words,
    ]
    vocabulary = {name: place for place, name in enumerate(dict.fromkeys(names))}
    theirs = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    theirs.add_special_tokens(SPECIAL)
    theirs.normalizer, theirs.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    theirs.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    theirs.decoder = decoders.WordPiece()
    theirs.enable_padding(length=8)
    theirs.enable_truncation(max_length=8)
    theirs.save(str(tmp_path / "tokenizer.json"))
    theirs.no_padding()
    theirs.no_truncation()
    theirs.encode_special_tokens = True
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return tmp_path, theirs


def test_a_file_as_berts_is_read_with_its_ids(bert):
    folder, theirs = bert
    ours = Tokenizer.load(folder)
    assert ours.specials == {"[PAD]": 0, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103} and ours.kind.unknown == 100
    some = [PROSE, "[CLS] [SEP] [PAD] [MASK] [UNK] [unused7]", "x" * 100, "x" * 101, "ж", *texts(1000, 3)]
    assert same_ids(ours, theirs, some)
    assert theirs.encode(PROSE).ids == [101, *ours.encode(PROSE).tolist(), 102]
    assert (
        ours.encode("ж").tolist() == [100]
        and ours.decode([101, *ours.encode("unsingable"), 0]) == "[CLS] unsingable[PAD]"
    )
    ours.save(folder / "again")
    again = Tokenizer.load(folder / "again")
    assert (again.tokens, again.specials, again.kind.unknown) == (ours.tokens, ours.specials, 100)
    assert same_ids(again, opened(folder / "again" / "tokenizer.json"), some)


def test_a_vocab_txt_is_read_as_the_file_beside_it(bert):
    folder, theirs = bert
    ours = Tokenizer(*read_vocab(folder / "vocab.txt"))
    assert ours.specials == Tokenizer.load(folder).specials and same_ids(ours, theirs, [PROSE, *texts(300, 4)])


def test_the_class_of_every_character_is_theirs():
    clean = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False
    )
    strip = normalizers.BertNormalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False
    )
    assigned = [chr(point) for point in range(0x30000) if unicodedata.category(chr(point)) not in ("Cn", "Cs")]
    assigned = [c for c in assigned if "x" not in unicodedata.normalize("NFD", c.lower()) and c != "x"]
    kinds = list(map(bert_text.kind_of, assigned))
    cleaned, stripped = (
        clean.normalize_str("x".join(assigned)).split("x"),
        strip.normalize_str("x".join(assigned)).split("x"),
    )
    cut, end = set(), 0
    for word, (start, stop) in pre_tokenizers.BertPreTokenizer().pre_tokenize_str("x".join(["", *assigned, ""])):
        cut |= {start} if stop - start == 1 and word != "x" else set()
        end = stop
    assert end == 2 * len(assigned) + 1
    expected = {"": bert_text.REMOVED, " ": bert_text.SPACE}
    for place, (c, kind) in enumerate(zip(assigned, kinds, strict=True)):
        assert (kind == bert_text.REMOVED, kind == bert_text.SPACE) == (cleaned[place] == "", cleaned[place] == " "), (
            hex(ord(c))
        )
        if kind not in expected.values():
            assert (kind == bert_text.PUNCTUATION) == (1 + 2 * place in cut), hex(ord(c))
            assert kind != bert_text.MARK or stripped[place] == "", hex(ord(c))


@pytest.mark.parametrize("kind", ["character", "word", "byte"])
def test_our_plain_kinds_are_read_with_the_same_ids(tmp_path, kind):
    ours = Tokenizer.train([PROSE, *texts(200, 5)], 20_000, kind=kind, specials=["<|end|>"])
    ours.save(tmp_path)
    theirs = opened(tmp_path / "tokenizer.json")
    assert same_ids(ours, theirs, [PROSE, "", *texts(500, 6)])
    assert (
        theirs.decode(ours.encode(PROSE).tolist()) == PROSE
        and theirs.token_to_id("<|end|>") == ours.specials["<|end|>"]
    )


def test_frequency_learns_what_their_trainer_learns():
    from tokenizers import trainers

    counts = {"sing": 97, "singing": 61, "king": 43, "kings": 29, "thing": 211, "things": 23, "ring": 17, "rings": 7}
    text = " ".join(word for word, count in counts.items() for _ in range(count))
    theirs = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    theirs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    theirs.train_from_iterator(
        [text], trainers.WordPieceTrainer(vocab_size=1000, min_frequency=20, show_progress=False)
    )
    ours = Tokenizer.train(text, 1000, kind="wordpiece", min_frequency=20).kind.names
    assert {name for name in ours if len(name.removeprefix("##")) > 1} - {"[UNK]"} == {
        name for name in theirs.get_vocab() if len(name.removeprefix("##")) > 1
    }
