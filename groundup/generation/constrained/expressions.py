"""Expressions over bytes: what a pattern or a schema becomes before tokens are looked at.

An expression is a number; equal expressions have equal numbers. NOTHING matches no text at all and is never kept inside
another: so whatever is not NOTHING can be finished, and a text that follows it never comes to a dead end.
"""

from collections.abc import Callable, Iterable, Sequence

from groundup.errors import Problem

NOTHING, EMPTY = 0, 1  # no text; the empty text
SET, THEN, EITHER, REPEAT, WITHOUT, UNTIL = "set", "then", "either", "repeat", "without", "until"
ANY_BYTE = (1 << 256) - 1
MOST_NODES = 300_000  # of what a pattern or a schema becomes, before anything is written
MOST_TIMES = 100_000  # of one thing after another


class Expressions:
    """All expressions that were made; `steps` says where each can go with its next byte."""

    def __init__(self):
        self.nodes: list[tuple] = [(NOTHING,), (EMPTY,)]
        self.numbers: dict[tuple, int] = {}
        self.building = (
            True  # what is asked for has a limit; what it becomes later is bounded by the text that is written
        )
        self.empties = [False, True]  # whether the empty text matches
        self.known: dict[int, tuple[tuple[int, int], ...]] = {NOTHING: (), EMPTY: ()}

    def _node(self, *node) -> int:
        number = self.numbers.get(node)
        if number is None:
            if self.building and len(self.nodes) >= MOST_NODES:
                raise Problem(
                    "the form asked for is too large to be followed: use fewer or shorter choices, names and groups"
                )
            number = self.numbers[node] = len(self.nodes)
            self.nodes.append(node)
            self.empties.append(self._may_be_empty(node))
        return number

    def _may_be_empty(self, node: tuple) -> bool:
        kind = node[0]
        if kind == THEN:
            return self.empties[node[1]] and self.empties[node[2]]
        if kind == EITHER:
            return any(self.empties[option] for option in node[1])
        if kind == REPEAT:
            return node[2] == 0 or self.empties[node[1]]
        return kind == WITHOUT

    def byte(self, allowed: int) -> int:
        """One byte out of a set: bit b of `allowed` stands for the byte b."""
        return self._node(SET, allowed) if allowed else NOTHING

    def text(self, data: bytes) -> int:
        """These bytes."""
        return self.row([self.byte(1 << byte) for byte in data])

    def then(self, first: int, second: int) -> int:
        """One after the other; nested to the right, so that equal rests are one."""
        if NOTHING in (first, second):
            return NOTHING
        if EMPTY in (first, second):
            return second if first == EMPTY else first
        parts = []
        while self.nodes[first][0] == THEN:
            parts.append(self.nodes[first][1])
            first = self.nodes[first][2]
        made = self._node(THEN, first, second)
        for part in reversed(parts):
            made = self._node(THEN, part, made)
        return made

    def row(self, parts: Sequence[int]) -> int:
        """All of them, one after another."""
        made = EMPTY
        for part in reversed(parts):
            made = self.then(part, made)
        return made

    def either(self, options: Iterable[int]) -> int:
        """One of them; sets of bytes become one set."""
        found: dict[int, None] = {}
        allowed = 0
        for option in options:
            node = self.nodes[option]
            if node[0] == SET:
                allowed |= node[1]
            elif node[0] == EITHER:
                found |= dict.fromkeys(node[1])
            elif option != NOTHING:
                found[option] = None
        if allowed:
            found[self.byte(allowed)] = None
        if len(found) < 2:
            return next(iter(found), NOTHING)
        return self._node(EITHER, tuple(found))

    def maybe(self, part: int) -> int:
        """It, or nothing."""
        return self.either([part, EMPTY])

    def repeat(self, part: int, least: int, most: int | None) -> int:
        """It, from `least` to `most` times; None: any number of times."""
        if most is not None and most < least:
            return NOTHING
        if max(least, most or 0) > MOST_TIMES:
            raise Problem(
                f"something is to be repeated {max(least, most or 0)} times: at most {MOST_TIMES} times can be followed"
            )
        if part in (NOTHING, EMPTY) or most == 0:
            return EMPTY if part == EMPTY or least == 0 else NOTHING
        return part if (least, most) == (1, 1) else self._node(REPEAT, part, least, most)

    def without(self, literal: bytes, seen: int = 0) -> int:
        """Any bytes that do not hold `literal`, of which the last `seen` bytes may have been its beginning."""
        return self._node(WITHOUT, literal, seen)

    def until(self, literal: bytes, seen: int = 0) -> int:
        """Any bytes that end with the first `literal` in them."""
        return self._node(UNTIL, literal, seen)

    def words(self, words: Iterable[bytes]) -> int:
        """One of these words; what they have in common is written once, so that each place has one way to go on."""
        branches: dict[int, list[bytes]] = {}
        ends = False
        for word in words:
            ends = ends or not word
            if word:
                branches.setdefault(word[0], []).append(word)
        options = [EMPTY] if ends else []
        for several in branches.values():
            shared = 1
            while all(len(word) > shared and word[shared] == several[0][shared] for word in several):
                shared += 1
            rest = self.words(word[shared:] for word in several) if len(several) > 1 else self.text(several[0][shared:])
            options.append(self.then(self.text(several[0][:shared]), rest))
        return self.either(options)

    def within(self, number: int, allowed: int) -> int:
        """What it matches that is written with these bytes alone; NOTHING if there is no such text."""
        made: dict[int, int] = {NOTHING: NOTHING, EMPTY: EMPTY}

        def part(old: int) -> int:
            if old not in made:
                kind, *held = self.nodes[old]
                if kind == SET:
                    made[old] = self.byte(held[0] & allowed)
                elif kind == EITHER:
                    made[old] = self.either(part(option) for option in held[0])
                elif kind == REPEAT:
                    made[old] = self.repeat(part(held[0]), held[1], held[2])
                elif kind == THEN:
                    made[old] = self._row_within(old, part)
                else:
                    made[old] = old  # what is free may hold any token
            return made[old]

        return part(number)

    def _row_within(self, row: int, part: Callable[[int], int]) -> int:
        """All parts of a row; a loop, since rows are long."""
        parts = []
        while self.nodes[row][0] == THEN:
            parts.append(part(self.nodes[row][1]))
            row = self.nodes[row][2]
        return self.row([*parts, part(row)])

    def steps(self, number: int) -> tuple[tuple[int, int], ...]:
        """(set of bytes, what is left after one of them) of every way to go on: partial derivatives (Antimirov 1996)."""
        if number not in self.known:
            self.known[number] = tuple(dict.fromkeys(self._steps(self.nodes[number])))
        return self.known[number]

    def _steps(self, node: tuple) -> list[tuple[int, int]]:
        kind = node[0]
        if kind == SET:
            return [(node[1], EMPTY)]
        if kind == EITHER:
            return [step for option in node[1] for step in self.steps(option)]
        if kind == REPEAT:
            _, part, least, most = node
            rest = self.repeat(part, max(least - 1, 0), None if most is None else most - 1)
            return [(allowed, self.then(left, rest)) for allowed, left in self.steps(part)]
        if kind == THEN:
            return self._steps_of_row(node)
        return self._steps_of_search(*node)

    def _steps_of_row(self, node: tuple) -> list[tuple[int, int]]:
        """Of the first part, and of what comes after it for as long as the parts may be empty."""
        found, rest, last = [], node, EMPTY
        while rest[0] == THEN:
            _, first, second = rest
            found += [(allowed, self.then(left, second)) for allowed, left in self.steps(first)]
            if not self.empties[first]:
                return found
            rest, last = self.nodes[second], second
        return found + list(self.steps(last))

    def _steps_of_search(self, kind: str, literal: bytes, seen: int) -> list[tuple[int, int]]:
        """After each byte, how much of the literal the bytes so far end with (Knuth, Morris and Pratt 1977)."""
        written, found, left = literal[:seen], [], ANY_BYTE
        for byte in sorted(set(literal)):
            now = written + bytes([byte])
            length = next(size for size in range(min(len(now), len(literal)), -1, -1) if now.endswith(literal[:size]))
            left &= ~(1 << byte)
            if length < len(literal):
                found.append((1 << byte, self._node(kind, literal, length)))
            elif kind == UNTIL:
                found.append((1 << byte, EMPTY))
        return [*found, (left, self._node(kind, literal, 0))] if left else found
