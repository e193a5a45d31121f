"""The unigram tokenizer as the paper tells it (Kudo 2018): read this to understand it, run `fast_unigram` to use it.

Each piece has a probability, a segmentation's is the product over its pieces, and a text is cut into the likeliest one.
Training starts from far too many pieces, the frequent substrings of words. It asks how often each would be used if every
segmentation counted with its probability, makes that the new probabilities (EM), drops those that are missed least, and so
on until few enough are left. Single characters always stay.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import exp, fsum, inf, log

MARK = "▁"  # stands for a blank in a piece, and begins a word
LEAST = 1e-9  # no probability is below it, and no word longer than:
LONGEST_WORD = 32  # characters, so that no product over a word is too small for a float
Pieces = dict[str, float]  # with their probabilities, or their logs where the name is `scores`


def training_words(counts: Iterable[tuple[bytes, int]], marked: bool, min_frequency: int) -> dict[str, int]:
    """Words and their counts in order of the alphabet: cut at marks, at characters too rare for a piece, and where too long."""
    words = Counter[str]()
    for word, count in counts:
        text = word.decode(errors="ignore")
        for part in text.replace(" ", MARK).replace(MARK, "\0" + MARK).split("\0") if marked else [text]:
            words[part] += count
    letters = Counter[str]()
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
    rare = {ord(letter): "\0" for letter, count in letters.items() if count < min_frequency or letter == "\0"}
    kept = Counter[str]()
    for word, count in words.items():
        for part in word.translate(rare).split("\0"):
            for start in range(0, len(part), LONGEST_WORD):
                kept[part[start : start + LONGEST_WORD]] += count
    return dict(sorted(kept.items()))


def seeds(words: Mapping[str, int], most: int, min_frequency: int, longest: int) -> Pieces:
    """All characters, and of the substrings those that cover most text; probabilities go by what they cover."""
    counts = Counter[str]()
    for word, count in words.items():
        for i in range(len(word)):
            for j in range(i + 1, min(len(word), i + longest) + 1):
                counts[word[i:j]] += count
    characters = {piece: count for piece, count in counts.items() if len(piece) == 1}
    covered = {
        piece: count * len(piece) for piece, count in counts.items() if len(piece) > 1 and count >= min_frequency
    }
    best = sorted(covered, key=lambda piece: (-covered[piece], piece))[: max(0, most - len(characters))]
    return maximized(
        {piece: float(n) for piece, n in sorted((characters | {piece: covered[piece] for piece in best}).items())}
    )


def expected_counts(words: Mapping[str, int], pieces: Pieces, longest: int) -> tuple[Pieces, float]:
    """(how often each piece is used on average over all segmentations of all words, the log likelihood of the words).

    before[i] sums over the segmentations of word[:i], behind[i] over those of word[i:].
    """
    used, likelihood = dict.fromkeys(pieces, 0.0), 0.0
    for word, count in words.items():
        n = len(word)
        before, behind = [1.0] + [0.0] * n, [0.0] * n + [1.0]
        for i in range(n):
            for j in range(i + 1, min(n, i + longest) + 1):
                if word[i:j] in pieces:
                    before[j] += before[i] * pieces[word[i:j]]
        for i in reversed(range(n)):
            for j in range(i + 1, min(n, i + longest) + 1):
                piece = word[i:j]
                if piece in pieces:
                    behind[i] += pieces[piece] * behind[j]
                    used[piece] += count * before[i] * pieces[piece] * behind[j] / before[n]
        likelihood += count * log(before[n])
    return used, likelihood


def maximized(used: Pieces) -> Pieces:
    """The probabilities under which those counts are likeliest."""
    total = fsum(used.values())
    return {piece: max(count / total, LEAST) for piece, count in used.items()}


def loss(piece: str, used: float, pieces: Pieces) -> float:
    """How much likelihood goes if the piece is dropped, and its text is cut in the best other way."""
    best = [1.0] + [0.0] * len(piece)
    for i in range(len(piece)):
        for j in range(i + 1, len(piece) + 1):
            if piece[i:j] in pieces and piece[i:j] != piece:
                best[j] = max(best[j], best[i] * pieces[piece[i:j]])
    return used * log(pieces[piece] / best[-1])


def pruned(pieces: Pieces, used: Pieces, keep: int) -> Pieces:
    """The characters, and of the other pieces those whose loss is greatest, `keep` in all."""
    losses = {piece: loss(piece, used[piece], pieces) for piece in pieces if len(piece) > 1}
    best = sorted(losses, key=lambda piece: (-losses[piece], piece))
    kept = {piece for piece in pieces if len(piece) == 1}
    kept |= set(best[: max(0, keep - len(kept))])
    return {piece: probability for piece, probability in pieces.items() if piece in kept}


def train(
    words: Mapping[str, int],
    size: int,
    most: int,
    min_frequency: int = 2,
    longest: int = 16,
    shrink: float = 0.75,
    rounds: int = 2,
) -> list[tuple[str, float]]:
    """`size` pieces and the logs of their probabilities, likeliest first, from `most` seeds."""
    pieces = seeds(words, most, min_frequency, longest)
    while True:
        used: Pieces = {}
        for _ in range(rounds):
            used, _ = expected_counts(words, pieces, longest)
            pieces = maximized(used)
        if len(pieces) <= size or all(len(piece) == 1 for piece in pieces):
            return sorted(((piece, log(p)) for piece, p in pieces.items()), key=lambda entry: (-entry[1], entry[0]))
        pieces = pruned(pieces, used, max(size, int(len(pieces) * shrink)))


def segmented(text: str, scores: Pieces, unknown: float, longest: int) -> list[str]:
    """The likeliest segmentation (Viterbi); a character that is no piece costs `unknown`."""
    best: list[tuple[float, int]] = [(0.0, 0)] + [(-inf, -1)] * len(text)
    for i in range(len(text)):
        for j in range(i + 1, min(len(text), i + longest) + 1):
            score = scores.get(text[i:j], unknown if j == i + 1 else -inf)
            if best[j][1] < 0 or best[i][0] + score > best[j][0]:
                best[j] = (best[i][0] + score, i) if score > -inf else best[j]
    return cut(text, [start for _, start in best])


def cut(text: str, starts: list[int]) -> list[str]:
    """The pieces, told by where the piece that ends at each place starts."""
    pieces, end = [], len(text)
    while end:
        pieces.append(text[starts[end] : end])
        end = starts[end]
    return pieces[::-1]


def sampled(text: str, scores: Pieces, unknown: float, longest: int, alpha: float, chance: list[float]) -> list[str]:
    """A segmentation drawn with its probability to the power alpha; chance: for each place a number from 0 to 1.

    behind[i] is the log of the sum over all segmentations of text[i:]: so the first piece can be drawn, then the next.
    """
    n = len(text)
    behind, pieces = [-inf] * n + [0.0], []
    steps = [
        [
            (j, alpha * scores.get(text[i:j], unknown))
            for j in range(i + 1, min(n, i + longest) + 1)
            if text[i:j] in scores or j == i + 1
        ]
        for i in range(n)
    ]
    for i in reversed(range(n)):
        high = max(score + behind[j] for j, score in steps[i])
        behind[i] = high + log(sum(exp(score + behind[j] - high) for j, score in steps[i]))
    i = 0
    while i < n:  # an unknown character is drawn when no piece was
        steps[i].sort(key=lambda step, i=i: text[i : step[0]] not in scores)
        left, end = chance[i], i + 1
        for j, score in steps[i]:
            if left >= 0 and exp(score + behind[j] - behind[i]) > 0:
                end = j
                left -= exp(score + behind[j] - behind[i])
        pieces.append(text[i:end])
        i = end
    return pieces
