"""Drafts of a model that was trained to foretell several tokens at once: its further heads say what comes after the next.

Each head is one layer beside the last (Gloeckle et al. 2024), so it reads what the model's shared layers made of the text,
and keeps keys and values of its own. It has not seen the token that the model chose last, so it drafts from one place back.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.cache import Cache
from groundup.generation.speculation.drafter import Draft, Drafter, Pass, Text, View, block, drawn, must_take_back
from groundup.model.attention import named
from groundup.model.foreseeing import Foreseeing
from groundup.model.reading import CacheLike, Reading

CHUNK = 512  # tokens of a prompt that are read in one pass


class OwnHeads(Drafter):
    """`rows`: texts that it drafts for at once."""

    def __init__(self, model, rows: int = 4):
        if not isinstance(model, Foreseeing) or not len(model.further):
            raise Problem(
                "this model foretells one token at a time and has no further heads to draft with: say lookup or self, or "
                "train one with model.head.kind: ahead"
            )
        must_take_back(model, "the model")
        self.model, self.cost = model, 1 / model.settings.depth
        self.device = next(model.parameters()).device
        self.caches, self.free = [Cache(rows) for _ in model.further], list(range(rows))
        self.rows: dict[int, int] = {}  # request -> row of the caches
        self.known: dict[int, int] = {}  # request -> tokens that its heads have seen
        self.last: dict[int, tuple[int, Tensor]] = {}  # request -> where its last pass began, vectors (time, width)

    def propose(self, texts: Sequence[Text], counts: Sequence[int], view: View) -> list[Draft]:
        counts = [min(count, len(self.model.further)) for count in counts]
        return [self._foresee(text, count) if count else Draft([]) for text, count in zip(texts, counts, strict=True)]

    def read(
        self, model, texts: Sequence[Text], ids: Tensor, positions: Tensor, cache: CacheLike, quick: Pass
    ) -> Tensor:
        """The model's own pass; what its shared layers made of the tokens is kept for the heads."""
        x, reading = self._shared(ids, positions, cache)
        for text, start, vectors in zip(texts, positions[:, 0].tolist(), x, strict=True):
            self.last[text.number] = start, vectors
        return model.head(model.model.norm(model.model.layers[-1](x, reading)))

    def forget(self, number: int) -> None:
        if number in self.rows:
            self.free.append(self.rows.pop(number))
        self.known.pop(number, None)
        self.last.pop(number, None)

    def _shared(self, ids: Tensor, positions: Tensor, cache: CacheLike) -> tuple[Tensor, Reading]:
        x, reading = self.model.enter(ids, positions, cache, None)
        for layer in self.model.model.layers[:-1]:
            x = layer(x, reading)
        return x, reading

    def _foresee(self, text: Text, count: int) -> Draft:
        """The token after the text is the model's to say; the heads told the ones after it when they saw the one before."""
        if text.number not in self.rows:
            self.rows[text.number], self.known[text.number] = self.free.pop(), 0
        row, vectors = self.rows[text.number], self._unseen(text)
        positions = torch.arange(self.known[text.number], len(text.ids) - 1, device=self.device)[None]
        self.known[text.number] = len(text.ids) - 1
        logits = []
        for layer, cache in zip(self.model.further, self.caches, strict=True):
            attend = named(self.model.attention)
            reading = Reading(
                self.model.settings, self.model.model.positions, attend, vectors, positions, None, cache.view([row])
            )
            logits.append(self.model.head(self.model.model.norm(layer(vectors, reading)[:, -1])))
        tokens, lines = drawn(torch.cat(logits)[:count], [text] * count, range(count))
        return Draft(
            tokens, torch.stack([line for line in lines if line is not None]) if lines[0] is not None else None
        )

    def _unseen(self, text: Text) -> Tensor:
        """What the shared layers made of the tokens that the heads have not seen (1, tokens, width)."""
        known, end = self.known[text.number], len(text.ids) - 1
        start, vectors = self.last.get(text.number, (end, None))
        if vectors is not None and start <= known and start + len(vectors) >= end:
            return vectors[None, known - start : end - start]
        self.known[text.number], cache, parts = 0, Cache(1), []  # a prompt, or passes that nobody told of
        for at in range(0, end, CHUNK):
            ids, positions, _ = block([list(text.ids[at : min(at + CHUNK, end)])], [at], self.device)
            parts.append(self._shared(ids, positions, cache.view([0]))[0])
        return torch.cat(parts, 1)
