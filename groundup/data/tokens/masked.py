"""Pages with some words hidden, as encoders are trained on them: pieces of documents in, rows with gaps out.

A row is [CLS] piece [SEP], or [CLS] first [SEP] second [SEP], where the second part goes on from the first or, in half of
the rows, is of another document. Which piece, which cut and which words are all a formula of (seed, step, row).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groundup.data.tokens.batches import Batch
from groundup.data.tokens.examples import shuffled
from groundup.data.tokens.order import key
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.tokenizer import Tokenizer

# What marks are called by BERT's tokenizers and by RoBERTa's.
NAMES = {
    "first": ("[CLS]", "<s>"),
    "after": ("[SEP]", "</s>"),
    "hidden": ("[MASK]", "<mask>"),
    "padding": ("[PAD]", "<pad>"),
}
HIDDEN, REPLACED = 0.8, 0.1  # of the chosen tokens; the rest stays as it is, so that no token can be trusted


@dataclass(frozen=True)
class Marks:
    """Ids of the marks of a row, and what is known of the other ids."""

    first: int
    after: int
    hidden: int
    padding: int
    words: np.ndarray  # int64: ids that stand for text, one of which may take a hidden one's place
    begins: np.ndarray  # bool (vocabulary): whether a token begins a word


def marks(tokenizer: Tokenizer) -> Marks:
    """The marks that a tokenizer has; padding may be lacking, since nobody looks at it."""
    found = {}
    for use, names in NAMES.items():
        known = [tokenizer.specials[name] for name in names if name in tokenizer.specials]
        if not known and use != "padding":
            raise Problem(
                f"the tokenizer has no {' or '.join(names)} among its special tokens, and masked words need it: train one with "
                """specials='["[PAD]", "[CLS]", "[SEP]", "[MASK]"]', or take BERT's."""
            )
        found[use] = known[0] if known else 0
    words = np.array([token for token, text in enumerate(tokenizer.tokens) if text], np.int64)
    begins = np.zeros(tokenizer.vocabulary, bool)
    begins[[token for token in words if tokenizer.tokens[token][:1].isspace()]] = True
    return Marks(**found, words=words, begins=begins)


class MaskedPages:
    """Rows of hidden words; each epoch reads every piece of every document once, in another order.

    `pairs` makes rows of two parts, with the column `elsewhere` (rows): 1 where the second is of another document. `share`
    of a row's tokens are to be guessed; with `whole_words`, all tokens of a word or none.
    """

    def __init__(
        self,
        shards: Shards,
        marks: Marks,
        rows: int,
        time: int,
        seed: int,
        pairs: bool = False,
        share: float = 0.15,
        whole_words: bool = False,
    ):
        self.shards, self.marks, self.rows, self.time, self.seed = shards, marks, rows, time, seed
        self.pairs, self.share, self.whole_words = pairs, share, whole_words
        self.room = time - (3 if pairs else 2)
        if self.room < 2:
            raise Problem(
                f"training.time is {time}: with its marks a row needs at least {2 + time - self.room}; make it larger."
            )
        self.document, self.start, self.end = cut(shards, marks, self.room)
        if not len(self.start):
            raise Problem(
                f"{shards.folder} holds no document of two tokens or more: there is nothing to hide words in."
            )
        if pairs and self.document[0] == self.document[-1]:
            raise Problem(
                f"{shards.folder} holds one document, and next sentences need another one to be wrong with: give it more "
                f"documents, or a head for masked words alone (model.head.kind=masked)."
            )

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        numbers = step * self.rows + which.astype(np.int64)
        pieces = shuffled(numbers, len(self.start), self.seed, "masked pieces")
        shape = len(numbers), self.time
        ids, targets = np.full(shape, self.marks.padding, np.int64), np.zeros(shape, np.int64)
        weights, segments, types = np.zeros(shape, np.float32), np.zeros(shape, np.int32), np.zeros(shape, np.int64)
        elsewhere = np.zeros(len(numbers), np.int64)
        for place, (row, piece) in enumerate(zip(which.tolist(), pieces.tolist(), strict=True)):
            dice = np.random.Generator(np.random.Philox(key(self.seed, "masked", step, row)))
            parts, elsewhere[place] = self._parts(piece, dice)
            text, begins, kinds = self._row(parts)
            here = place, slice(len(text))
            chosen = self._chosen(begins, dice)
            ids[here] = self._hide(text, chosen, dice)
            targets[here], types[here], segments[here] = text, kinds, 1
            weights[place, chosen] = 1
        positions = np.tile(np.arange(self.time), (len(numbers), 1))
        columns = {"types": types} | ({"elsewhere": elsewhere} if self.pairs else {})
        return Batch(ids, targets, weights, segments, positions, columns, self.document[pieces])

    def _parts(self, piece: int, dice: np.random.Generator) -> tuple[list[np.ndarray], int]:
        """The texts of a row, and whether the second is from elsewhere."""
        text = self._text(self.start[piece], self.end[piece])
        if not self.pairs:
            return [text], 0
        at = int(dice.integers(1, len(text)))
        if dice.random() < 0.5:
            return [text[:at], text[at:]], 0
        other = int(dice.integers(len(self.start)))
        while self.document[other] == self.document[piece]:
            other = int(dice.integers(len(self.start)))
        start, end, wanted = int(self.start[other]), int(self.end[other]), len(text) - at
        # Never the very beginning of a piece: that is no sign of what follows, and must be none of what does not.
        start = int(dice.integers(start + 1, max(start + 1, end - wanted) + 1))
        return [text[:at], self._text(start, min(end, start + wanted))], 1

    def _text(self, start: int, end: int) -> np.ndarray:
        return np.asarray(self.shards.tokens[start:end], np.int64)

    def _row(self, parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The row's ids; where words begin (1), go on (0) or a mark stands (-1); and of which part each token is."""
        text, begins, kinds = [np.array([self.marks.first])], [np.array([-1])], [np.array([0])]
        for number, part in enumerate(parts):
            begun = self.marks.begins[part].astype(np.int64) if self.whole_words else np.ones(len(part), np.int64)
            begun[0] = 1
            text += [part, np.array([self.marks.after])]
            begins += [begun, np.array([-1])]
            kinds.append(np.full(len(part) + 1, number))
        return np.concatenate(text), np.concatenate(begins), np.concatenate(kinds)

    def _chosen(self, begins: np.ndarray, dice: np.random.Generator) -> np.ndarray:
        """Places to be guessed: as many as `share` says and one at least, words in the order of the dice."""
        places = np.flatnonzero(begins >= 0)
        wanted = max(1, round(self.share * len(places)))
        words = np.split(places, np.flatnonzero(begins[places] == 1)[1:])
        chosen: list[int] = []
        for word in dice.permutation(len(words)).tolist():
            if not chosen or len(chosen) + len(words[word]) <= wanted:
                chosen += words[word].tolist()
            if len(chosen) >= wanted:
                break
        return np.array(sorted(chosen))

    def _hide(self, text: np.ndarray, chosen: np.ndarray, dice: np.random.Generator) -> np.ndarray:
        """The row as the model sees it: of the chosen, most are a mark, some another word, some themselves."""
        roll, others = (
            dice.random(len(chosen)),
            self.marks.words[dice.integers(len(self.marks.words), size=len(chosen))],
        )
        replaced = np.where(roll < HIDDEN + REPLACED, others, text[chosen])
        seen = text.copy()
        seen[chosen] = np.where(roll < HIDDEN, self.marks.hidden, replaced)
        return seen


def cut(shards: Shards, marks: Marks, room: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Documents, without the mark they begin with, in pieces of `room` tokens: for each its document, start and end."""
    starts, ends = np.asarray(shards.offsets[:-1]), np.asarray(shards.offsets[1:])
    starts, documents = starts[ends > starts], np.flatnonzero(ends > starts)
    ends = ends[ends > shards.offsets[:-1]]
    marked = ~np.isin(np.asarray(shards.tokens[starts], np.int64), marks.words)
    starts = starts + marked
    counts = -(-(ends - starts) // room)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.repeat(starts, counts) + number * room
    last = np.minimum(first + room, np.repeat(ends, counts))
    whole = last - first >= 2
    return np.repeat(documents, counts)[whole], first[whole], last[whole]
