"""Everything that a card counts of kept documents, in one pass: sizes, lengths, sources, hosts, licences, and of a sample more.

Memory holds counters with a ceiling, never a text after the next one has come.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from groundup.data.filters.classifier import stretches
from groundup.data.filters.languages import by_profiles
from groundup.data.tokens.order import key, permute
from groundup.evaluation.looking.finished import KEPT, Corpus
from groundup.evaluation.looking.mentions import Mentions

DIFFERENT = 20_000  # sources or hosts that are told apart; the rest are others
OTHERS = "(others)"
TOP = 12
READ = 40_000  # characters of a sampled text, in stretches from all over it
SURE = 0.5
UNSURE = "unsure"
COLUMNS = ("id", "text", "source", "url", "license")


class Tally:
    """Fed with documents, asked once."""

    def __init__(self, count: Callable[[str], int] | None = None):
        self.count_tokens = count
        self.documents = self.bytes = self.characters = self.words = 0
        self.lengths: Counter[int] = Counter()
        self.sources, self.source_bytes = Counter[str](), Counter[str]()
        self.hosts, self.host_bytes = Counter[str](), Counter[str]()
        self.licences, self.licence_bytes = Counter[str](), Counter[str]()
        self.languages: Counter[str] = Counter()
        self.sampled = self.sampled_bytes = self.tokens = 0
        self.mentions = Mentions()

    def add(self, row: dict[str, Any], sampled: bool) -> None:
        """Count a document; one of the sample is read for its language, its tokens and whom it mentions."""
        text, source = row["text"], row.get("source") or ""
        size, words = len(text.encode("utf-8", "replace")), len(text.split())
        self.documents += 1
        self.bytes += size
        self.characters += len(text)
        self.words += words
        self.lengths[max(0, words.bit_length() - 1)] += 1
        _both(self.sources, self.source_bytes, source, size)
        if host := host_of(row):
            _both(self.hosts, self.host_bytes, host, size)
        if licence := row.get("license") or "":
            _both(self.licences, self.licence_bytes, licence, size)
        if sampled:
            self._read(text, source, size)

    def _read(self, text: str, source: str, size: int) -> None:
        language, sure = by_profiles(text)
        self.languages[language if language and sure >= SURE else UNSURE] += 1
        self.sampled += 1
        part = stretches(text, READ)
        self.mentions.add(part, source)
        if self.count_tokens is not None:
            self.tokens += self.count_tokens(part)
            self.sampled_bytes += len(part.encode("utf-8", "replace"))

    def told(self) -> dict[str, Any]:
        """The figures, shares of bytes beside numbers of documents."""
        found: dict[str, Any] = {
            "documents": self.documents,
            "bytes": self.bytes,
            "characters": self.characters,
            "words": self.words,
            "lengths": [
                {"from": 1 << place if place else 0, "below": 2 << place, "documents": self.lengths[place]}
                for place in range(max(self.lengths, default=-1) + 1)
            ],
            "sources": self._shares(self.sources, self.source_bytes),
            "hosts": self._shares(self.hosts, self.host_bytes),
            "licences": self._shares(self.licences, self.licence_bytes),
            "sampled": self.sampled,
            "languages": dict(self.languages.most_common()),
            "mentions": self.mentions.told([name for name, _ in self.source_bytes.most_common(TOP)]),
        }
        if self.count_tokens is not None and self.sampled_bytes:
            each = self.tokens / self.sampled_bytes
            found["tokens"] = {
                "about": round(each * self.bytes),
                "bytes_per_token": round(1 / each, 3) if each else 0.0,
            }
        return found

    def _shares(self, counts: Counter[str], sizes: Counter[str]) -> dict[str, Any]:
        top = [
            {"name": name, "documents": counts[name], "bytes": size, "share": round(size / max(1, self.bytes), 5)}
            for name, size in sizes.most_common(TOP)
        ]
        return {"different": len(counts), "top": top}


def tally(corpus: Corpus, sample: int, seed: int, count: Callable[[str], int] | None = None) -> Tally:
    """Of all that a corpus kept; about `sample` documents, fairly drawn, are read closely."""
    found, kept = Tally(count), sum(n for n, side in zip(corpus.rows, corpus.sides, strict=True) if side == KEPT)
    secret = key(seed, "card")
    for part in corpus.parts(COLUMNS, (KEPT,)):
        ranks = permute(part.first.number + np.arange(part.batch.num_rows), kept, secret)
        for row, rank in zip(part.batch.to_pylist(), ranks.tolist(), strict=True):
            found.add(row, rank < sample)
    return found


def host_of(row: dict[str, Any]) -> str:
    """Whose page a document was, where its address or its id says so."""
    for name in ("url", "id"):
        written = row.get(name) or ""
        if written.startswith(("http://", "https://")):
            try:
                return (urlsplit(written).hostname or "").removeprefix("www.")
            except ValueError:
                return ""
    return ""


def _both(counts: Counter[str], sizes: Counter[str], name: str, size: int) -> None:
    if name not in counts and len(counts) >= DIFFERENT:
        name = OTHERS
    counts[name] += 1
    sizes[name] += size
