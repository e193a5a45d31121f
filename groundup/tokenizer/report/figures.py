"""What a tokenizer makes of a text, in figures and examples, for the report of a run.

The figure that counts is bytes per token: the more, the longer the text that fits into a model's context.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from groundup.tokenizer.tokenizer import Tokenizer

LONGEST, RAREST, SAMPLES = 20, 20, 5
SAMPLE = 240  # characters of a text that is shown cut into its tokens


def report(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, Any]:
    """Figures and examples of these texts; a token that is never used in them is a row of the embedding never trained."""
    encoded = tokenizer.encode_many(texts)
    ids = np.concatenate([np.zeros(0, np.uint32), *encoded])
    uses = np.bincount(ids, minlength=tokenizer.size)
    text_bytes = sum(len(text.encode()) for text in texts)
    by_length = sorted(range(tokenizer.size), key=lambda token: (-len(tokenizer.tokens[token]), token))
    lengths = np.array([len(token) for token in tokenizer.tokens])
    single, merged = np.flatnonzero(lengths == 1), np.flatnonzero(lengths > 1)
    rarest = merged[np.argsort(uses[merged], kind="stable")][:RAREST].tolist()
    return {
        "size": tokenizer.size,
        "vocabulary": tokenizer.vocabulary,
        "kind": tokenizer.kind.name,
        "pattern": getattr(tokenizer.kind, "pattern", None),
        "specials": tokenizer.specials,
        "documents": len(texts),
        "text_bytes": text_bytes,
        "tokens": len(ids),
        "bytes_per_token": round(text_bytes / max(len(ids), 1), 4),
        "unused": int((uses[merged] == 0).sum()),
        "unused_bytes": int((uses[single] == 0).sum()),
        "longest": [shown(tokenizer, token) for token in by_length[:LONGEST]],
        "rarest": [{"token": shown(tokenizer, token), "uses": int(uses[token])} for token in rarest],
        "samples": [segmented(tokenizer, text[:SAMPLE]) for text in texts[:SAMPLES]],
    }


def segmented(tokenizer: Tokenizer, text: str) -> list[str]:
    """A text as its tokens, in order."""
    return [shown(tokenizer, token) for token in tokenizer.encode(text).tolist()]


def shown(tokenizer: Tokenizer, token: int) -> str:
    """A token as text; the bytes of half a character as \\x.."""
    return tokenizer.token_bytes(token).decode(errors="backslashreplace")
