"""Who and what a corpus mentions, and in which company: counts of words, and their neighbours by pointwise mutual information.

PMI(word, neighbour) = log2 of how often they meet beside how often they would if neighbours fell by chance (Church & Hanks 1990).
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from groundup.evaluation.looking.mentioned import CAPITAL, GROUPS, LITTLE, PRONOUNS

NEAR = 5  # words before and after that are neighbours
MEETINGS, SHARE, APART = 5, 500, 3  # a neighbour is named from 5 meetings, from one in 500 mentions, and in 3 documents
NAMED = 8
HELD = 400_000  # different words that are counted; then those seen once are dropped
WORD = re.compile(r"[^\W\d_]+")


class Mentions:
    """Fed with one text after another; asked once."""

    def __init__(self) -> None:
        self.names = _names()
        self.words: Counter[str] = Counter()
        self.total = self.documents = 0
        self.counts: Counter[str] = Counter()
        self.in_documents: Counter[str] = Counter()
        self.of_source: dict[str, Counter[str]] = defaultdict(Counter)
        self.words_of_source: Counter[str] = Counter()
        self.near: dict[str, Counter[str]] = defaultdict(Counter)
        self.near_in: dict[str, Counter[str]] = defaultdict(Counter)  # in how many documents

    def add(self, text: str, source: str) -> None:
        """Count a text."""
        written = WORD.findall(text)
        low = [word.lower() for word in written]
        self.words.update(low)
        self.total += len(low)
        self.documents += 1
        self.words_of_source[source] += len(low)
        met: dict[str, set[str]] = defaultdict(set)
        for at, word in enumerate(low):
            for name in self.names.get(word, ()):
                if name in CAPITALISED and not written[at][0].isupper():
                    continue
                around = low[max(0, at - NEAR) : at] + low[at + 1 : at + 1 + NEAR]
                self.counts[name] += 1
                self.of_source[source][name] += 1
                self.near[name].update(around)
                met[name].update(around)
        self.in_documents.update(list(met))
        for name, words in met.items():
            self.near_in[name].update(words)
        if len(self.words) > HELD:
            self.words = Counter({word: times for word, times in self.words.items() if times > 1})

    def told(self, sources: Iterable[str]) -> dict[str, Any]:
        """The table: for each group its names, the most frequent first, with rates in these sources."""
        kept = [source for source in sources if self.words_of_source[source]]
        return {
            "documents": self.documents,
            "words": self.total,
            "near": NEAR,
            "sources": {source: self.words_of_source[source] for source in kept},
            "groups": {group: self._group(group, names, kept) for group, names in GROUPS.items()},
        }

    def _group(self, group: str, names: Iterable[str], sources: list[str]) -> list[dict[str, Any]]:
        ranked = sorted((name for name in names if self.counts[name]), key=lambda name: (-self.counts[name], name))
        return [self._name(name, sources) for name in ranked]

    def _name(self, name: str, sources: list[str]) -> dict[str, Any]:
        company = {pronoun: sum(self.near[name][word] for word in words) for pronoun, words in GROUPS[PRONOUNS].items()}
        return {
            "name": name,
            "count": self.counts[name],
            "documents": self.in_documents[name],
            "per_million": round(1e6 * self.counts[name] / self.total, 1),
            "sources": {
                source: round(1e6 * self.of_source[source][name] / self.words_of_source[source], 1)
                for source in sources
            },
            "near": company,
            "neighbours": [
                {"word": word, "pmi": round(bits, 2), "count": times} for word, bits, times in self.neighbours(name)
            ],
        }

    def neighbours(self, name: str) -> list[tuple[str, float, int]]:
        """(word, PMI in bits, meetings) of the words that are nearest."""
        found, often = self.near[name], self.near_in[name]
        total, least = sum(found.values()), max(MEETINGS, self.counts[name] // SHARE)
        told = [
            (word, math.log2(times / total * self.total / max(times, self.words[word])), times)
            for word, times in found.items()
            if times >= least and often[word] >= APART and word not in LITTLE and name not in self.names.get(word, ())
        ]
        return sorted((each for each in told if each[1] > 0), key=lambda each: (-each[1], each[0]))[:NAMED]


def _names() -> dict[str, list[str]]:
    """Word in small letters -> the names that it counts for."""
    names: dict[str, list[str]] = defaultdict(list)
    for group in GROUPS.values():
        for name, words in group.items():
            for word in dict.fromkeys(word.lower() for word in words):
                names[word].append(name)
    return dict(names)


CAPITALISED = {
    name for group in CAPITAL for name, words in GROUPS[group].items() if not any(w.islower() for w in words)
}
