"""Whether our ids are those of tiktoken, Hugging Face `tokenizers` and SentencePiece, on whole corpora and random strings.

    python bench/tokenizer_equal.py --texts FOLDER [--gpt2 tokenizer.json] [--only NAME]

Vocabularies are trained here on a part of the texts, in the form of each library; FOLDER holds *.jsonl.xz with a field `text`;
a tokenizer.json of GPT-2 is compared as well where one is named; --only keeps the pairs whose name holds NAME. What was compared, and how much of it differs, is added to
bench/results/tokenizer_equal.jsonl.
"""

import argparse
import io
import json
import random
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import sentencepiece
import tiktoken
import tokenizers

sys.path.insert(0, str(Path(__file__).parent))
import tokenizer_texts as texts_of

from groundup.tokenizer import Tokenizer
from groundup.tokenizer.split import PATTERNS

RESULTS = Path(__file__).parent / "results" / "tokenizer_equal.jsonl"
STRINGS, BATCH = 100_000, 500
SIZE, SAMPLE = 16_384, 12_000_000
Ids = Callable[[list[str]], list[list[int]]]


def random_strings(count: int) -> list[str]:
    """Of up to 40 characters, more of the lower planes than of the higher; only what Python's Unicode has given a meaning:
    about younger characters, libraries of different years disagree."""
    chosen = random.Random(5)
    ranges = [(1, 0x7F), (0x80, 0x2FF), (0x300, 0x2FFF), (0x3000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF)]
    drawn = (chr(chosen.randint(*chosen.choice(ranges))) for _ in range(count * 6))
    known = [letter for letter in drawn if unicodedata.category(letter) != "Cn"]
    return ["".join(chosen.choices(known, k=chosen.randrange(40))) for _ in range(count)]


def compare(name: str, docs: dict[str, list[str]], ours: Ids, theirs: Ids) -> None:
    """One pair of tokenizers on all texts."""
    for kind, texts in docs.items():
        started, different, tokens, example = time.perf_counter(), 0, 0, ""
        for first in range(0, len(texts), BATCH):
            some = texts[first : first + BATCH]
            for text, a, b in zip(some, ours(some), theirs(some), strict=True):
                tokens += len(a)
                if list(a) != list(b):
                    different, example = different + 1, example or text[:80]
        size = sum(len(text.encode()) for text in texts)
        told = {"pair": name, "texts": kind, "count": len(texts), "megabytes": round(size / 1e6, 1), "tokens": tokens}
        told |= {"different": different, "seconds": round(time.perf_counter() - started)}
        print(json.dumps(told), repr(example) if different else "", flush=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(told) + "\n")


def listed(tokenizer: Tokenizer) -> Ids:
    return lambda texts: [ids.tolist() for ids in tokenizer.encode_many(texts)]


def hugging_face(path: str) -> Ids:
    made = tokenizers.Tokenizer.from_file(path)
    made.encode_special_tokens = True  # user text never becomes a special token here, and shall not there
    return lambda texts: [each.ids for each in made.encode_batch_fast(texts, add_special_tokens=False)]


def of_tiktoken(tokens: list[bytes], pattern: str) -> Ids:
    ranks = {token: rank for rank, token in enumerate(tokens)}
    made = tiktoken.Encoding("same", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={})
    return lambda texts: made.encode_ordinary_batch(texts, num_threads=2)


def pairs(sample: list[str], gpt2: str | None) -> Iterator[tuple[str, Ids, Ids]]:
    """(name, ours, theirs) of each comparison."""
    with tempfile.TemporaryDirectory() as place:
        for pattern in ("gpt2", "cl100k", "o200k"):
            own = Tokenizer.train(sample, SIZE, pattern=pattern)
            yield f"tiktoken, pattern {pattern}", listed(own), of_tiktoken(list(own.tokens), pattern)
        for kind, ways in (("bpe", {}), ("wordpiece", {}), ("unigram", {}), ("unigram", {"marked": False})):
            own = Tokenizer.train(sample, SIZE, kind=kind, **ways)
            own.save(f"{place}/x.json")
            said = kind + (" of the pattern's words" if ways else "")
            yield f"hf, {said}", listed(own), hugging_face(f"{place}/x.json")
        for kind in ("unigram", "bpe"):
            out = io.BytesIO()
            lines = [line for text in sample for line in text.split("\n") if 0 < len(line) < 2000]
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines[:60_000]), model_writer=out, model_type=kind, vocab_size=8000, byte_fallback=True,
                minloglevel=2, num_threads=2,
            )  # fmt: skip
            Path(f"{place}/x.model").write_bytes(out.getvalue())
            theirs = sentencepiece.SentencePieceProcessor(model_file=f"{place}/x.model")
            yield f"sentencepiece, {kind}", listed(Tokenizer.load(f"{place}/x.model")), theirs.encode
        if gpt2:
            own = Tokenizer.load(gpt2)
            yield "hf, GPT-2's own vocabulary", listed(own), hugging_face(gpt2)
            plain = [token for token in own.tokens if token]
            yield "tiktoken, GPT-2's own vocabulary", listed(own), of_tiktoken(plain, "gpt2")


def lossless(docs: dict[str, list[str]], sample: list[str]) -> None:
    """decode(encode(x)) == x, for texts and for bytes that are none."""
    own, chosen = Tokenizer.train(sample, SIZE), np.random.default_rng(3)
    texts = [text.encode() for some in docs.values() for text in some] + [
        chosen.bytes(int(n)) for n in chosen.integers(0, 60, STRINGS)
    ]
    lost = sum(own.decode_bytes(ids) != text for text, ids in zip(texts, own.encode_many(texts), strict=True))
    told = {"pair": "decode(encode(x)) == x", "texts": "all, and random bytes", "count": len(texts), "different": lost}
    print(json.dumps(told), flush=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--texts", required=True)
    told.add_argument("--gpt2")
    told.add_argument("--only", default="")
    asked = told.parse_args()
    docs = {"texts": texts_of.english(asked.texts, 1 << 40), "random strings": random_strings(STRINGS)}
    sample = texts_of.upto(docs["texts"][::9], SAMPLE) + docs["random strings"][:2000]
    for name, ours, theirs in pairs(sample, asked.gpt2):
        if asked.only in name:
            compare(name, docs, ours, theirs)
    if not asked.only:
        lossless(docs, sample)


if __name__ == "__main__":
    main()
