"""All that can be said of a tokenizer and some texts, beside other tokenizers: what `groundup tokenizer report` shows.

Texts come in groups with names: languages, sources, whatever is to be compared. The same two sentences in thirty-two
languages (`tongues.json`) are always measured, since they cost each reader what they cost.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer.report import scripts, sizes, words
from groundup.tokenizer.report.figures import RAREST, shown
from groundup.tokenizer.report.trees import Trees
from groundup.tokenizer.tokenizer import Tokenizer

SAMPLES, SAMPLE, UNUSED = 3, 1200, 120  # texts of each group to look at, their characters; unused tokens in the list
Groups = Mapping[str, Sequence[str]]


def study(
    tokenizer: Tokenizer,
    groups: Groups,
    others: Mapping[str, Tokenizer] | None = None,
    asked: Sequence[int] = (),
    say: Callable[[str], None] = lambda what: None,
) -> dict[str, Any]:
    """Figures, lists and samples; `asked`: sizes of vocabularies to compare; `say` hears what is being done."""
    all_texts = [text for texts in groups.values() for text in texts]
    if not any(all_texts):
        raise Problem("there is no text to report on: every source is empty")
    others = others or {}
    say("encoding")
    uses = np.zeros(tokenizer.vocabulary, np.int64)
    measured = {name: of_group(tokenizer, texts, uses) for name, texts in groups.items()}
    say("sorting by script")
    found = scripts.by_script(all_texts)
    say("counting words")
    counts = {name: words.count(texts) for name, texts in groups.items()}
    for name, told in measured.items():
        costs = words.costs(tokenizer, counts[name])
        told |= {key: costs[key] for key in ("words", "different", "fertility", "whole")}
    worst = words.costs(tokenizer, sum(counts.values(), Counter()))
    say("comparing sizes")
    curve = sizes.curve(tokenizer, all_texts, asked)
    say("comparing tokenizers")
    return {
        "kind": tokenizer.kind.name,
        "pattern": getattr(tokenizer.kind, "pattern", None),
        "size": tokenizer.size,
        "vocabulary": tokenizer.vocabulary,
        "specials": tokenizer.specials,
        "groups": measured,
        "all": together(measured.values()),
        "scripts": {name: compression(tokenizer, runs) | {"runs": len(runs)} for name, runs in found.items()},
        "languages": languages(tokenizer),
        "words": {key: worst[key] for key in ("dearest", "smallest")},
        "tokens": of_tokens(tokenizer, uses),
        "sizes": curve,
        "others": {
            name: {
                "vocabulary": other.vocabulary,
                "groups": {group: compression(other, texts) for group, texts in groups.items()},
                "all": compression(other, all_texts),
                "languages": languages(other),
            }
            for name, other in others.items()
        },
        "samples": samples(tokenizer, groups),
    }


def size_of(texts: Sequence[str]) -> int:
    """Bytes of UTF-8."""
    return sum(len(text.encode(errors="surrogatepass")) for text in texts)


def compression(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, Any]:
    """How far a tokenizer shortens texts."""
    ids, in_bytes = joined(tokenizer, texts), size_of(texts)
    told = {"bytes": in_bytes, "tokens": len(ids), "bytes_per_token": round(in_bytes / max(len(ids), 1), 4)}
    return told | {"unknown": unknown(tokenizer, ids)}


def joined(tokenizer: Tokenizer, texts: Sequence[str]) -> np.ndarray:
    """The ids of all texts in a row."""
    return np.concatenate([np.zeros(0, np.uint32), *tokenizer.encode_many(texts)])


def unknown(tokenizer: Tokenizer, ids: np.ndarray) -> int:
    """How many of them stand for something that the vocabulary lacks."""
    return int((ids == tokenizer.kind.unknown).sum()) if tokenizer.kind.unknown is not None else 0


def of_group(tokenizer: Tokenizer, texts: Sequence[str], uses: np.ndarray) -> dict[str, Any]:
    """Figures of some texts; what they use is added to `uses`."""
    ids = joined(tokenizer, texts)
    uses += np.bincount(ids, minlength=len(uses))
    in_bytes, characters = size_of(texts), sum(map(len, texts))
    return {
        "documents": len(texts),
        "bytes": in_bytes,
        "characters": characters,
        "tokens": len(ids),
        "unknown": unknown(tokenizer, ids),
        "bytes_per_token": round(in_bytes / max(len(ids), 1), 4),
        "characters_per_token": round(characters / max(len(ids), 1), 4),
    }


def together(groups: Any) -> dict[str, Any]:
    """The figures of all groups as one."""
    groups = list(groups)
    summed = {
        key: sum(each[key] for each in groups)
        for key in ("documents", "bytes", "characters", "tokens", "unknown", "words")
    }
    tokens, number = max(summed["tokens"], 1), max(summed["words"], 1)
    weighted = {
        key: round(sum(each[key] * each["words"] for each in groups) / number, 4) for key in ("fertility", "whole")
    }
    per_token = {f"{key}_per_token": round(summed[key] / tokens, 4) for key in ("bytes", "characters")}
    return summed | per_token | weighted


def languages(tokenizer: Tokenizer) -> dict[str, dict[str, Any]]:
    """What the same sentences take in each language, beside English."""
    told = tongues()
    numbers = [len(ids) for ids in tokenizer.encode_many(told.values())]
    english = numbers[list(told).index("English")]
    return {
        name: {
            "tokens": number,
            "bytes_per_token": round(len(text.encode()) / max(number, 1), 4),
            "beside_english": round(number / max(english, 1), 4),
        }
        for (name, text), number in zip(told.items(), numbers, strict=True)
    }


@cache
def tongues() -> dict[str, str]:
    """Language -> the sentences."""
    return json.loads(Path(__file__).with_name("tongues.json").read_text(encoding="utf-8"))


def of_tokens(tokenizer: Tokenizer, uses: np.ndarray) -> dict[str, Any]:
    """Which tokens are long, used, rare and never used; and which their own text never becomes."""
    lengths = np.array([len(token) for token in tokenizer.tokens])
    trained = np.flatnonzero(lengths > 1)
    unused = trained[uses[trained] == 0]
    rare = trained[np.argsort(uses[trained], kind="stable")]
    rare = rare[uses[rare] > 0][:RAREST]
    own = [tokenizer.tokens[token] for token in trained.tolist()] if tokenizer.kind.name in ("bpe", "byte") else []
    lost = [
        token
        for token, ids in zip(trained.tolist(), tokenizer.encode_many(own), strict=False)
        if ids.tolist() != [token]
    ]

    def told(tokens: Any) -> list[dict[str, Any]]:
        return [{"id": int(token), "text": shown(tokenizer, int(token)), "uses": int(uses[token])} for token in tokens]

    return {
        "unused": len(unused),
        "unused_bytes": int((uses[np.flatnonzero(lengths == 1)] == 0).sum()),
        "half": half_of(uses),
        "unused_list": told(unused[:UNUSED]),
        "unreachable": told(lost[:UNUSED]),
        "longest": told(np.lexsort((np.arange(len(lengths)), -lengths))[:RAREST]),
        "frequent": told(np.argsort(-uses[: len(lengths)], kind="stable")[:RAREST]),
        "rare": told(rare),
    }


def half_of(uses: np.ndarray) -> int:
    """How few tokens make up half of the text."""
    falling = np.cumsum(-np.sort(-uses))
    return int(np.searchsorted(falling, falling[-1] / 2) + 1) if len(uses) and falling[-1] else 0


def samples(tokenizer: Tokenizer, groups: Groups) -> dict[str, Any]:
    """The beginnings of some texts as ids, and all that their tokens are made of."""
    chosen = [(name, text[:SAMPLE]) for name, texts in groups.items() for text in texts[:SAMPLES] if text.strip()]
    encoded = [ids.tolist() for ids in tokenizer.encode_many(text for _, text in chosen)]
    told = [{"name": name, "ids": ids} for (name, _), ids in zip(chosen, encoded, strict=True)]
    return {"texts": told, "tokens": Trees(tokenizer).of(token for ids in encoded for token in ids)}
