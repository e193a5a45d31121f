"""Drafts without a model: what followed the last time when the text said the same as now.

Code, lists, names and quotations of the prompt repeat; where nothing repeats, nothing is drafted and nothing is lost.
"""

from collections.abc import Sequence

from groundup.generation.speculation.drafter import Draft, Drafter, Text, View

LONGEST, SHORTEST = 8, 2  # tokens that must be alike


def follow_by_definition(ids: Sequence[int], count: int, longest: int = LONGEST, shortest: int = SHORTEST) -> list[int]:
    """The longest end of the text that stands in it before, at its last such place: what followed there.

    Where that reaches the text's end it goes on into what was drafted: a text that repeats goes on repeating.
    """
    for length in range(min(longest, len(ids) - 1), shortest - 1, -1):
        for end in range(len(ids) - 1, length - 1, -1):
            if ids[end - length : end] == ids[-length:]:
                return _going_on(ids, end, count)
    return []


class Lookup(Drafter):
    """The same with an index for each text, to which a new token adds a few entries."""

    def __init__(self, longest: int = LONGEST, shortest: int = SHORTEST):
        self.longest, self.shortest = longest, shortest
        self.ends: dict[int, dict[tuple[int, ...], int]] = {}  # request -> some tokens -> where they ended last
        self.indexed: dict[int, int] = {}  # request -> tokens whose ends are in the index

    def propose(self, texts: Sequence[Text], counts: Sequence[int], view: View) -> list[Draft]:
        return [Draft(self._follow(text, count)) for text, count in zip(texts, counts, strict=True)]

    def forget(self, number: int) -> None:
        self.ends.pop(number, None)
        self.indexed.pop(number, None)

    def _follow(self, text: Text, count: int) -> list[int]:
        ids, ends = text.ids, self.ends.setdefault(text.number, {})
        for end in range(self.indexed.get(text.number, 0), len(ids)):  # the text's own end is not yet among them
            for length in range(self.shortest, min(self.longest, end) + 1):
                ends[tuple(ids[end - length : end])] = end
        self.indexed[text.number] = len(ids)
        if not count:
            return []
        for length in range(min(self.longest, len(ids) - 1), self.shortest - 1, -1):
            if (end := ends.get(tuple(ids[len(ids) - length :]))) is not None:
                return _going_on(ids, end, count)
        return []


def _going_on(ids: Sequence[int], end: int, count: int) -> list[int]:
    found = list(ids[end : end + count])
    while len(found) < count:
        found.append(found[end - len(ids)])
    return found
