"""WordPiece as it was published: read this file to understand it, run `fast_word_pieces` to use it.

A word is cut into pieces; each but the first is written with `##` before it. Training starts from single letters and joins
two neighbours again and again, those that score highest (Schuster and Nakajima 2012; the score as in BERT's descriptions).
Encoding needs no merges: from the left, always the longest piece that there is (Devlin et al. 2019).
"""

from collections import Counter
from itertools import pairwise

Pair = tuple[str, str]
PREFIX = "##"
SCORES = ("frequency", "likelihood")


def letters(word: str) -> list[str]:
    """The smallest pieces of a word."""
    return [word[0], *(PREFIX + letter for letter in word[1:])]


def alphabet(counts: dict[str, int], limit: int) -> list[str]:
    """The pieces to start from: the most frequent characters, as beginnings and, if any word goes on with one, as endings.

    Of equally frequent characters the smaller comes first; `limit` counts characters.
    """
    uses: Counter[str] = Counter()
    for word, count in counts.items():
        for letter in word:
            uses[letter] += count
    kept = sorted(sorted(uses, key=lambda letter: (-uses[letter], letter))[:limit])
    inside = {letter for word in counts if len(word) > 1 for letter in word}
    return [*kept, *(PREFIX + letter for letter in kept if letter in inside)]


def score_of(pair: Pair, pairs: Counter[Pair], uses: Counter[str], score: str) -> float:
    """How much there is to say for joining a pair: how often it occurs, or how much more often than its halves would."""
    return pairs[pair] if score == "frequency" else pairs[pair] / (float(uses[pair[0]]) * float(uses[pair[1]]))


def join(cut: list[str], pair: Pair) -> list[str]:
    """The pieces with every occurrence of the pair, from left to right, made one."""
    made, i = [], 0
    while i < len(cut):
        here = tuple(cut[i : i + 2]) == pair
        made.append(joined(pair) if here else cut[i])
        i += 2 if here else 1
    return made


def joined(pair: Pair) -> str:
    """The piece that two make."""
    return pair[0] + pair[1].removeprefix(PREFIX)


def train(
    counts: dict[str, int], start: list[str], size: int, min_frequency: int = 2, score: str = "frequency"
) -> list[str]:
    """`size` pieces, `start` first; of pairs that score alike, the one whose halves were there earlier is joined first."""
    pieces = {piece: number for number, piece in enumerate(start)}
    cut = {word: letters(word) for word in counts if all(letter in pieces for letter in letters(word))}
    while len(pieces) < size:
        pairs: Counter[Pair] = Counter()
        uses: Counter[str] = Counter()
        for word, parts in cut.items():
            for piece in parts:
                uses[piece] += counts[word]
            for pair in pairwise(parts):
                pairs[pair] += counts[word]
        often = [pair for pair, count in pairs.items() if count >= min_frequency]
        if not often:
            break
        best = min(often, key=lambda pair: (-score_of(pair, pairs, uses, score), pieces[pair[0]], pieces[pair[1]]))  # noqa: B023
        cut = {word: join(parts, best) for word, parts in cut.items()}
        pieces.setdefault(joined(best), len(pieces))
    return list(pieces)


def encode_word(word: str, ids: dict[str, int], unknown: int, prefix: str = PREFIX, longest: int = 100) -> list[int]:
    """The ids of a word; [UNK] for all of it if it is too long or some of it is no piece."""
    found: list[int] = []
    at = 0
    while at < len(word) <= longest:
        ends = range(len(word), at, -1)
        end = next((end for end in ends if (prefix if at else "") + word[at:end] in ids), None)
        if end is None:
            return [unknown]
        found.append(ids[(prefix if at else "") + word[at:end]])
        at = end
    return found or [unknown]
