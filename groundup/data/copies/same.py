"""Exact duplicates: texts that are the same but for case, spaces and punctuation.

The first one in input order stays."""

import hashlib
import re

GLUE = re.compile(r"[\W_]+")


def fingerprint(lower: str) -> int:
    """64 bits of a text in lower case that do not hang on its spaces and punctuation; signed, as tables like it."""
    raw = GLUE.sub(" ", lower).strip().encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little", signed=True)
