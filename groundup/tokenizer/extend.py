"""New tokens for an old tokenizer: what it spells in pieces in new text is merged further, its own ids stay what they are.

Training goes on where it ended: words of the new text are cut into old tokens, and the pair of neighbours that occurs most
often makes the next token, which is numbered after everything there was, specials included. `merge_further` says plainly what
is computed; `Neighbours` computes it by looking only at words that a merge changes.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping

from groundup.errors import Problem
from groundup.tokenizer.bpe import Pair, count_pairs, merge
from groundup.tokenizer.published import cut
from groundup.tokenizer.surgery import Changed, changeable, like
from groundup.tokenizer.tokenizer import Tokenizer


def extend(tokenizer: Tokenizer, texts: Iterable[str | bytes], count: int) -> Changed:
    """Up to `count` tokens more, learned from new texts; the row of a new one is the average of the tokens that spelled it."""
    from groundup.tokenizer.batches import as_bytes

    kind = changeable(tokenizer)
    if count < 1:
        raise Problem(f"{count} tokens more are none: ask for 1 or more")
    counts: Counter[bytes] = Counter()
    for text in [texts] if isinstance(texts, str | bytes) else texts:
        counts.update(cut(as_bytes(text), kind.pattern, kind.classes))
    words = dict(zip(counts, (ids.tolist() for ids in kind.encode_many(list(counts))), strict=True))
    tokens = [*kind.tokens, *[b""] * (tokenizer.vocabulary - len(kind.tokens))]
    taken = {*kind.tokens, *(name.encode() for name in tokenizer.specials)}
    first = len(tokens)
    new = Neighbours(words, counts).merged(tokens, taken, count)
    merges = [*kind.merges, *((a, b, first + number) for number, (a, b) in enumerate(new))]
    rows: list[tuple[int, ...]] = [(token,) for token in range(first)]
    for a, b in new:
        rows.append(rows[a] + rows[b])
    made = Tokenizer(like(kind, tokens, merges), dict(tokenizer.specials))
    return Changed(made, rows, {token: token for token in range(first)})


def merge_further(
    words: Mapping[bytes, list[int]], counts: Mapping[bytes, int], tokens: list[bytes], taken: set[bytes], count: int
) -> list[Pair]:
    """The pairs that make the next tokens, whose bytes are appended to `tokens`; what exists is not made again."""
    tokenized, made = dict(words), []
    while len(made) < count:
        pairs = {
            pair: times
            for pair, times in count_pairs(tokenized, dict(counts)).items()
            if tokens[pair[0]] + tokens[pair[1]] not in taken
        }
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        taken.add(tokens[best[0]] + tokens[best[1]])
        tokenized = {word: merge(ids, best, len(tokens)) for word, ids in tokenized.items()}
        tokens.append(tokens[best[0]] + tokens[best[1]])
        made.append(best)
    return made


class Neighbours:
    """Words as tokens, how often each pair of neighbours occurs, and in which words."""

    def __init__(self, words: Mapping[bytes, list[int]], counts: Mapping[bytes, int]):
        self.words = [list(ids) for ids in words.values()]
        self.times = [counts[word] for word in words]
        self.uses: Counter[Pair] = Counter()
        self.places: dict[Pair, set[int]] = {}
        for place in range(len(self.words)):
            self._note(place, 1)
        self.heap = [(-times, pair) for pair, times in self.uses.items()]
        heapq.heapify(self.heap)

    def merged(self, tokens: list[bytes], taken: set[bytes], count: int) -> list[Pair]:
        """As `merge_further`."""
        made: list[Pair] = []
        while len(made) < count and self.heap:
            times, best = heapq.heappop(self.heap)
            if -times != self.uses[best] or not times:
                continue
            name = tokens[best[0]] + tokens[best[1]]
            if name in taken:
                continue
            taken.add(name)
            self._merge(best, len(tokens))
            tokens.append(name)
            made.append(best)
        return made

    def _merge(self, pair: Pair, made: int) -> None:
        """Replace the pair wherever it occurs; a pair whose count changes is noted again, and its older note is stale."""
        changed: set[Pair] = set()
        for place in sorted(self.places[pair]):
            changed |= self._note(place, -1)
            self.words[place] = merge(self.words[place], pair, made)
            changed |= self._note(place, 1)
        for other in changed:
            if self.uses[other] > 0:
                heapq.heappush(self.heap, (-self.uses[other], other))

    def _note(self, place: int, sign: int) -> set[Pair]:
        ids = self.words[place]
        pairs = list(zip(ids, ids[1:], strict=False))
        for pair in pairs:
            self.uses[pair] += sign * self.times[place]
            places = self.places.setdefault(pair, set())
            places.add(place) if sign > 0 else places.discard(place)
        return set(pairs)
