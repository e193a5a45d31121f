"""From bytes to tokens: which tokens of a vocabulary may come, so that an answer keeps the form that was asked for.

All tokens are followed at once through the automaton's table, byte by byte, until each has ended or has met a byte that may
not come. `allowed_by_definition` follows them one after another.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.constrained.automaton import DEAD, Automaton, State
from groundup.generation.constrained.expressions import EMPTY, NOTHING, Expressions
from groundup.tokenizer import Tokenizer

MOST_BYTES = 8 << 20  # of masks that are kept
MOST_WAYS = 6000  # to go on that one mask may look at: past them longer tokens are left out, which no form ever needs


class Vocabulary:
    """The bytes of every token that can stand in an answer, side by side, for any number of forms."""

    def __init__(self, tokens: Sequence[bytes], size: int):
        """tokens: the bytes of each, none for those that no answer may hold; size: how many tokens the model knows."""
        self.size, self.tokens = size, list(tokens[:size])
        self.lengths = np.array([len(token) for token in self.tokens], np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        self.data = np.frombuffer(b"".join(self.tokens), np.uint8)
        single = {token[0] for token in self.tokens if len(token) == 1}
        self.single = sum(1 << byte for byte in single)  # the bytes that are a token of their own
        self.used = np.flatnonzero(self.lengths)

    @classmethod
    def of(cls, tokenizer: Tokenizer, size: int) -> "Vocabulary":
        """Control tokens, and the one for what a vocabulary lacks, can stand in no answer that is held to a form."""
        barred = {*tokenizer.specials.values(), tokenizer.kind.unknown}
        ids = range(tokenizer.vocabulary)
        return cls([b"" if token in barred else tokenizer.token_bytes(token) for token in ids], size)


class Masks:
    """A form as the engine asks for it: the tokens that may come after each state."""

    def __init__(self, vocabulary: Vocabulary, expressions: Expressions, whole: int, lead: str = ""):
        """lead: what an answer begins with that is not part of what is said."""
        self.vocabulary = vocabulary
        whole = expressions.then(expressions.text(lead.encode()), whole)
        if ~vocabulary.single & ((1 << 256) - 1):
            whole = expressions.within(whole, vocabulary.single)
        if whole == NOTHING:
            raise Problem(
                "the tokens of this model cannot write the form asked for: its vocabulary lacks letters that are needed"
            )
        expressions.building = False
        self.automaton = Automaton(expressions, whole)
        self.kept: OrderedDict[State, Tensor] = OrderedDict()
        self.most = max(8, MOST_BYTES // max(vocabulary.size, 1))
        self.lock = threading.Lock()  # one form may be held by several readers
        self.empty = whole == EMPTY

    def start(self) -> State:
        """Before the first token."""
        return self.automaton.first

    def allowed(self, state: State) -> Tensor:
        """(vocabulary,) bool: the tokens that may come; not to be changed."""
        with self.lock:
            if state in self.kept:
                self.kept.move_to_end(state)
                return self.kept[state]
            mask = self.kept[state] = torch.from_numpy(self._follow(state))
            if len(self.kept) > self.most:
                self.kept.popitem(last=False)
            return mask

    def _follow(self, state: State) -> np.ndarray:
        """Every token's state after each byte; tokens that are left take the next one."""
        vocabulary, automaton = self.vocabulary, self.automaton
        mask = np.zeros(vocabulary.size, bool)
        if automaton.full:
            automaton.clear()
        tokens = vocabulary.used
        rows = np.full(len(tokens), automaton.number(state))
        place, seen, ways = 0, set(), 0
        while len(tokens):
            met = np.zeros(len(automaton.states), bool)
            met[rows] = True
            here = np.flatnonzero(met).tolist()
            ways += sum(len(automaton.states[row]) for row in here if row not in seen)
            seen.update(here)
            if ways > MOST_WAYS and place:
                break
            for row in here:
                automaton.fill(row)
            rows = automaton.table[rows, vocabulary.data[vocabulary.starts[tokens] + place]]
            place += 1
            alive = rows != DEAD
            tokens, rows = tokens[alive], rows[alive]
            ended = vocabulary.lengths[tokens] == place
            mask[tokens[ended]] = True
            tokens, rows = tokens[~ended], rows[~ended]
        return mask

    def after(self, state: State, token: int) -> State:
        """The state after a token that was allowed."""
        with self.lock:
            following = self.automaton.after(state, self.vocabulary.tokens[token])
        assert following is not None, "a token was chosen that was not allowed"
        return following

    def may_end(self, state: State) -> bool:
        """Whether the answer so far has the form."""
        return self.automaton.may_end(state)

    def complete(self, state: State) -> bool:
        """Whether nothing can be added to it."""
        return self.automaton.complete(state)


def allowed_by_definition(tokens: Sequence[bytes], automaton: Automaton, state: State) -> list[bool]:
    """Whether each token may come: it is not empty, and each of its bytes is one that may come after those before."""
    return [bool(token) and automaton.after(state, token) is not None for token in tokens]
