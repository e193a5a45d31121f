"""Other people's libraries read our files and give our ids."""

import random

import pytest
import tiktoken
import tokenizers
import transformers

from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.split import PATTERNS

PIECES = [
    "the",
    " cat",
    "'s",
    "'LL",
    " don't",
    "\n",
    "\n\n",
    "  ",
    "\t",
    " \r\n",
    "123",
    "4567",
    "é",
    "ß",
    "日本",
    "😀",
    "👩‍👩‍👧",
    "ß",
] + [
    "٣",
    "½",
    "Ⅷ",
    "!",
    "?!",
    " ...",
    "_",
    "\u0301",
    "\u00a0",
    "\u2028",
    "\u0085",
    "ſ",
    "ǅ",
    "ʰ",
    "ABC",
    "Abc",
    "aB",
    "/",
    "//\n/",
    "e\u0301",
    "Ω",
    "и",
    "ы",
    " ل",
    "ا",
    "\x00",
    "'",
]
PROSE = "It's the cat's hat; we'll see 1234 cats and 日本語 dogs, don't you think?\n\n  Indeed — 12,5 %! 😀😀\n"


def texts(count: int) -> list[str]:
    chosen = random.Random(11)
    return ["".join(chosen.choices(PIECES, k=chosen.randint(0, 30))) for _ in range(count)]


OWN = r"\p{L}+|\p{N}{1,2}|\s+| ?[^\s\p{L}\p{N}]+"


@pytest.fixture(scope="module", params=[*PATTERNS, OWN])
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer = Tokenizer.train([PROSE * 5, *texts(400)], 600, pattern=request.param, specials=chat.specials())
    tokenizer.save(folder, "plain")
    return tokenizer, folder


def test_the_tokenizers_library_gives_our_ids(made):
    tokenizer, folder = made
    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in [PROSE, *texts(3000)]:
        assert theirs.encode(text).ids == tokenizer.encode(text).tolist()
        assert theirs.decode(tokenizer.encode(text).tolist(), skip_special_tokens=False) == text
    assert theirs.get_vocab_size() == tokenizer.vocabulary


def test_tiktoken_gives_our_ids(made):
    tokenizer, _ = made
    ranks = {token: number for number, token in enumerate(tokenizer.tokens)}
    theirs = tiktoken.Encoding(
        "ours", pat_str=PATTERNS.get(tokenizer.kind.pattern, OWN), mergeable_ranks=ranks, special_tokens={}
    )
    for text in [PROSE, *texts(3000)]:
        assert theirs.encode_ordinary(text) == tokenizer.encode(text).tolist()


def test_tiktokens_own_words_for_its_patterns_cut_as_ours_do():
    """They are written with possessive repeats, for speed: ours say the same without."""
    import tiktoken_ext.openai_public as published

    ranks = {bytes([byte]): byte for byte in range(256)}
    published_gpt2 = published.r50k_pat_str
    published.load_tiktoken_bpe, before = (lambda *_, **__: ranks), published.load_tiktoken_bpe
    try:
        theirs = {
            "gpt2": published_gpt2,
            "cl100k": published.cl100k_base()["pat_str"],
            "o200k": published.o200k_base()["pat_str"],
        }
    finally:
        published.load_tiktoken_bpe = before
    assert theirs["o200k"] == PATTERNS["o200k"]
    for name, pattern in theirs.items():
        tokenizer = Tokenizer.train([PROSE * 5, *texts(400)], 600, pattern=name)
        ids = {token: number for number, token in enumerate(tokenizer.tokens)}
        encoding = tiktoken.Encoding("theirs", pat_str=pattern, mergeable_ranks=ids, special_tokens={})
        for text in [PROSE, "x\n  ", "  ", *texts(1000)]:
            assert encoding.encode_ordinary(text) == tokenizer.encode(text).tolist()


def test_transformers_loads_the_folder_with_the_same_ids_and_specials(made):
    tokenizer, folder = made
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    assert theirs(PROSE)["input_ids"] == tokenizer.encode(PROSE).tolist()
    assert (
        theirs.eos_token_id == tokenizer.specials["<|end|>"]
        and theirs.bos_token_id == tokenizer.specials["<|endoftext|>"]
    )
