"""What words cost: how many tokens a word takes, which words cost a text most, and which are cut into the smallest pieces.

A word is letters and digits in a row, with the blank before it if there is one: so it is encoded as it stands in the text.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import regex

from groundup.tokenizer.report.figures import segmented
from groundup.tokenizer.tokenizer import Tokenizer

WORD = regex.compile(r" ?[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*")
NUMBER = regex.compile(r"\p{N}")
SHOWN, SHORT = 24, 4  # words in a list; letters of one that is too short to be cut badly


def count(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs."""
    return Counter(word for text in texts for word in WORD.findall(text))


def costs(tokenizer: Tokenizer, counts: Counter[str]) -> dict[str, Any]:
    """Tokens for each word (fertility), the share of words that stay whole, and the worst ones."""
    words = list(counts)
    times = np.fromiter(counts.values(), np.int64, len(words))
    written = [word.strip() for word in words] if tokenizer.kind.lead else words
    pieces = np.array([len(ids) for ids in tokenizer.encode_many(written)], np.int64)
    total = max(int(times.sum()), 1)
    lengths = np.array([len(word.strip()) for word in words], np.int64)
    dearest = np.lexsort((lengths, -(pieces - 1) * times))
    ranked = np.lexsort((-times, -pieces / np.maximum(lengths, 1)))
    smallest = [at for at in ranked if lengths[at] >= SHORT and not NUMBER.search(words[at])]

    def told(places: Iterable[int]) -> list[dict[str, Any]]:
        chosen = [int(at) for at in places if pieces[at] > 1][:SHOWN]
        return [
            {"word": words[at].strip(), "times": int(times[at]), "tokens": segmented(tokenizer, written[at])}
            for at in chosen
        ]

    return {
        "words": int(times.sum()),
        "different": len(words),
        "fertility": round(float((pieces * times).sum() / total), 4),
        "whole": round(float(times[pieces == 1].sum() / total), 4),
        "dearest": told(dearest),
        "smallest": told(smallest),
    }
