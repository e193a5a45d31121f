"""How tokens came about: each is made of two others, down to single bytes, or it has a score that it was chosen by."""

from collections.abc import Iterable
from typing import Any

from groundup.tokenizer.report.figures import shown
from groundup.tokenizer.tokenizer import Tokenizer


class Trees:
    """The merges of a tokenizer, to be asked many times."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        self.parts: dict[int, tuple[int, int]] = {}
        for a, b, made in getattr(tokenizer.kind, "merges", ()):
            self.parts.setdefault(
                made, (a, b)
            )  # a token of a published file may be made in several ways: the first one
        self.control = set(tokenizer.specials.values())
        self.scores = [score for _, score in getattr(tokenizer.kind, "vocabulary", ())]

    def of(self, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Each of these tokens and all that they are made of: text, bytes, parts, score."""
        found: dict[int, dict[str, Any]] = {}
        waiting = list(dict.fromkeys(ids))
        while waiting:
            token = waiting.pop()
            if token in found:
                continue
            parts = self.parts.get(token)
            data = self.tokenizer.token_bytes(token)
            found[token] = {"text": shown(self.tokenizer, token), "bytes": len(data)}
            if data.decode(errors="ignore").encode() != data:
                found[token]["broken"] = True  # bytes that are no whole characters
            if token in self.control:
                found[token]["control"] = True
            elif parts:
                found[token]["parts"] = parts
                waiting += parts
            elif token < len(self.scores):
                found[token]["score"] = round(self.scores[token], 4)
        return found
