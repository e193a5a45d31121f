"""WordPiece as a kind of tokenizer, with BERT's rules for text: what `word_pieces.py` tells, at the speed of `fast_word_pieces.py`.

BERT's rules lose something of a text (white space, controls, and unless told otherwise capitals and accents), so decoding
gives back the words with single blanks between them: the bytes of "ball" are " ball", those of "##ing" are "ing". A word that
cannot be cut into known pieces is one `unknown` id, a token like others and no special one.
"""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer.bert_text import Rules
from groundup.tokenizer.byte_pairs import expect
from groundup.tokenizer.kind import Texts
from groundup.tokenizer.names import names_of, numbered_names
from groundup.tokenizer.word_pieces import PREFIX, SCORES, alphabet

if TYPE_CHECKING:
    from groundup.tokenizer.fast_word_pieces import Encoder

UNKNOWN, LONGEST = "[UNK]", 100  # as BERT has them
SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")  # those of a vocab.txt, which does not say so itself
POST_PROCESSORS = ("BertProcessing", "TemplateProcessing")


class WordPiece:
    """Pieces of words, and the rules that make words of a text."""

    name, lead = "wordpiece", " "

    def __init__(
        self,
        names: Sequence[str],
        rules: Rules | None = None,
        unknown: str = UNKNOWN,
        prefix: str = PREFIX,
        longest_word: int = LONGEST,
        places: Collection[int] = (),
        where: str = "this tokenizer",
    ):
        """names: how each id is written; places: ids that are kept for special tokens."""
        self.names, self.places, self.rules = list(names), set(places), rules or Rules()
        self.prefix, self.longest_word = prefix, longest_word
        if unknown not in self.names:
            raise Problem(
                f"{where} has no {unknown} among its tokens: WordPiece needs it for words that no pieces make up"
            )
        if not prefix:
            raise Problem(
                f"{where} marks no pieces that go on (continuing_subword_prefix is empty): it should be {PREFIX}"
            )
        self.unknown = self.names.index(unknown)
        self.places -= {self.unknown}
        self.tokens = [b"" if place in self.places else self._bytes(name) for place, name in enumerate(self.names)]

    @classmethod
    def train(
        cls,
        texts: Texts,
        size: int,
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        min_frequency: int = 2,
        score: str = "frequency",
        lowercase: bool = True,
        strip_accents: bool | None = None,
        limit_alphabet: int = 1000,
        longest_word: int = LONGEST,
    ) -> "WordPiece":
        """Learn up to `size` tokens, [UNK] and the alphabet among them; one thread counts.

        `score` is what a pair must have most of to be joined: "frequency", as Hugging Face's trainer has it, or "likelihood",
        its count over the product of its halves' counts, as WordPiece was published. Frequency is the default because
        likelihood prefers what is rare to what is useful: it spends the vocabulary on names and misprints. Words longer than
        `longest_word`, and words with characters that `limit_alphabet` leaves out, teach nothing, since they encode to [UNK].
        `strip_accents` follows `lowercase` unless it is said.
        """
        from groundup.tokenizer import fast_word_pieces

        if score not in SCORES:
            raise Problem(f"there is no score {score!r} to join pieces by: choose one of {', '.join(SCORES)}")
        rules = Rules(lowercase=lowercase, strip_accents=lowercase if strip_accents is None else strip_accents)
        every = fast_word_pieces.count_words(texts, rules, counted)
        counts = {word: count for word, count in every.items() if len(word) <= longest_word}
        if not counts:
            raise Problem("there is no text to train the tokenizer on: every source is empty")
        start = [UNKNOWN, *alphabet(counts, limit_alphabet)]
        if size < len(start):
            raise Problem(
                f"a vocabulary of {size:,} tokens cannot hold the alphabet of the text, {len(start):,} pieces with [UNK]: "
                f"ask for that many or more, or for fewer characters (limit_alphabet, now {limit_alphabet:,})"
            )
        names = fast_word_pieces.train(counts, start, size, min_frequency, score)
        return cls(names, rules, longest_word=longest_word)

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        """The ids of each text; one thread does it, Python's lock allows no more."""
        return list(map(self._encoder.encode, texts))

    @cached_property
    def _encoder(self) -> "Encoder":
        from groundup.tokenizer.fast_word_pieces import Encoder

        ids = {name: place for place, name in enumerate(self.names) if place not in self.places}
        return Encoder(ids, self.unknown, self.rules, self.prefix, self.longest_word)

    def described(self) -> dict[str, Any]:
        """As Hugging Face writes it; nothing is put around a text, and decoding leaves blanks before punctuation."""
        rules = self.rules
        return {
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": rules.clean,
                "handle_chinese_chars": rules.ideographs,
                "strip_accents": rules.strip_accents,
                "lowercase": rules.lowercase,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": None,
            "decoder": {"type": "WordPiece", "prefix": self.prefix, "cleanup": False},
            "model": {
                "type": "WordPiece",
                "unk_token": self.names[self.unknown],
                "continuing_subword_prefix": self.prefix,
                "max_input_chars_per_word": self.longest_word,
                "vocab": numbered_names(self.names),
            },
        }

    def beside(self) -> dict[str, str]:
        return {}

    @classmethod
    def understood(cls, told: dict[str, Any], specials: dict[str, int], path: Path) -> "WordPiece":
        """What a file says of truncation, padding and special tokens around a text is for batches of models, and left out.

        So `encode` gives the ids between [CLS] and [SEP]; who wants those takes them from `Tokenizer.specials`.
        """
        model, where = told["model"], str(path)
        expect(where, "post_processor.type", (told.get("post_processor") or {}).get("type"), [None, *POST_PROCESSORS])
        expect(where, "pre_tokenizer.type", (told.get("pre_tokenizer") or {}).get("type"), ["BertPreTokenizer"])
        expect(where, "decoder.type", (told.get("decoder") or {}).get("type"), [None, "WordPiece"])
        names, places = names_of(model["vocab"], specials, where)
        prefix, longest = (
            model.get("continuing_subword_prefix", PREFIX),
            int(model.get("max_input_chars_per_word", LONGEST)),
        )
        rules = rules_of(told.get("normalizer"), where)
        return cls(names, rules, model.get("unk_token", UNKNOWN), prefix, longest, places, where)

    def _bytes(self, name: str) -> bytes:
        goes_on = name.startswith(self.prefix) and name != self.prefix
        return (name.removeprefix(self.prefix) if goes_on else " " + name).encode()


def rules_of(told: dict[str, Any] | None, where: str) -> Rules:
    """The rules that a normalizer means."""
    parts = [] if told is None else told["normalizers"] if told["type"] == "Sequence" else [told]
    if not parts:
        return Rules(clean=False, ideographs=False, lowercase=False, strip_accents=False)
    kinds = [part["type"] for part in parts]
    if kinds != ["BertNormalizer"]:
        raise Problem(
            f"{where} has the normalizers {', '.join(kinds)}: this reader knows BertNormalizer with WordPiece"
        )
    lowercase, strip = parts[0]["lowercase"], parts[0].get("strip_accents")
    return Rules(
        parts[0]["clean_text"], parts[0]["handle_chinese_chars"], lowercase, lowercase if strip is None else strip
    )


def read_vocab(
    path: str | Path, lowercase: bool = True, strip_accents: bool | None = None
) -> tuple[WordPiece, dict[str, int]]:
    """The two arguments of a `Tokenizer`, from BERT's vocab.txt: one piece a line, its id the number of the line.

    The file does not say whether text is lower-cased (tokenizer_config.json does, as `do_lower_case`).
    """
    try:
        names = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be read as a vocab.txt: {error}") from None
    names = [name.removesuffix("\r") for name in (names[:-1] if names[-1] == "" else names)]
    if len(set(names)) < len(names) or "" in names:
        raise Problem(
            f"{path} has an empty line, or one token on two lines: a vocab.txt has each token once, one a line"
        )
    specials = {name: names.index(name) for name in SPECIAL if name in names}
    rules = Rules(lowercase=lowercase, strip_accents=lowercase if strip_accents is None else strip_accents)
    return WordPiece(names, rules, places=specials.values(), where=str(path)), specials
