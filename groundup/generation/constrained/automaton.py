"""Expressions read byte by byte: a state is every way in which a text so far can go on, and a table says what follows it.

Rows of the table are made when they are first needed, and forgotten together when they have become many: memory stays
bounded whatever is asked for.
"""

import numpy as np

from groundup.generation.constrained.expressions import EMPTY, Expressions

State = tuple[int, ...]  # expressions, each of which the rest of the text may match

DEAD = -1  # where a byte may not come
MOST_STATES, MOST_KEPT = 1 << 12, 1 << 18  # states, and ways to go on of all of them, that are kept
MOST_WAYS = 4096  # of one state: those that were found first; the others are not gone, and all that are can be finished


class Automaton:
    """Follows one expression."""

    def __init__(self, expressions: Expressions, whole: int):
        self.expressions, self.first = expressions, (whole,)
        self.members: dict[int, tuple[int, ...]] = {}  # bytes of a set
        self.clear()

    def clear(self) -> None:
        """Forget every state."""
        self.numbers: dict[State, int] = {}
        self.states: list[State] = []
        self.kept = 0  # ways to go on, of all states
        self.table = np.full((64, 256), DEAD, np.int32)
        self.filled = np.zeros(64, bool)

    def number(self, state: State) -> int:
        """The row of a state."""
        found = self.numbers.get(state)
        if found is None:
            found = self.numbers[state] = len(self.states)
            self.states.append(state)
            self.kept += len(state)
            if found == len(self.table):
                self.table = np.concatenate([self.table, np.full_like(self.table, DEAD)])
                self.filled = np.concatenate([self.filled, np.zeros_like(self.filled)])
        return found

    @property
    def full(self) -> bool:
        """Whether it is time to forget."""
        return len(self.states) > MOST_STATES or self.kept > MOST_KEPT

    def fill(self, row: int) -> None:
        """Work out what follows a state, for each byte."""
        if self.filled[row]:
            return
        groups: dict[int, dict[int, None]] = {}  # set of bytes -> what is left after one of them
        for expression in self.states[row]:
            for allowed, left in self.expressions.steps(expression):
                groups.setdefault(allowed, {})[left] = None
        sets: dict[int, list[int]] = {}  # byte -> the sets that it is in
        for allowed in groups:
            for byte in self._members(allowed):
                sets.setdefault(byte, []).append(allowed)
        known: dict[tuple[int, ...], int] = {}
        for byte, several in sets.items():
            key = tuple(several)
            if key not in known:
                ways = {left: None for allowed in several for left in groups[allowed]}
                known[key] = self.number(tuple(sorted(list(ways)[:MOST_WAYS])))
            self.table[row, byte] = known[key]
        self.filled[row] = True

    def _members(self, allowed: int) -> tuple[int, ...]:
        if allowed not in self.members:
            self.members[allowed] = tuple(byte for byte in range(256) if allowed >> byte & 1)
        return self.members[allowed]

    def after(self, state: State, data: bytes) -> State | None:
        """The state after these bytes; None where they may not come."""
        row = self.number(state)
        for byte in data:
            self.fill(row)
            row = int(self.table[row, byte])
            if row == DEAD:
                return None
        return self.states[row]

    def may_end(self, state: State) -> bool:
        """Whether the text so far matches."""
        return any(self.expressions.empties[expression] for expression in state)

    def complete(self, state: State) -> bool:
        """Whether it matches and nothing can follow."""
        return state == (EMPTY,)
