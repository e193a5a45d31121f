"""Tokens of an answer as text for a reader, up to the first stop string: also where that begins in one token and ends in another.

Text that may turn out to be the beginning of a stop string is held back until it is known not to be.
"""

from collections.abc import Sequence

from groundup.errors import Problem
from groundup.tokenizer.stream import Streamer


class Utterance:
    """Takes tokens, hands out text; `stopped` says that a stop string was met, after which nothing more comes out."""

    def __init__(self, streamer: Streamer, stops: Sequence[str] = ()):
        if not all(stops):
            raise Problem("a stop string is empty: it would stop every answer before its first character")
        self.streamer, self.stops, self.held, self.stopped = streamer, tuple(stops), "", False

    def push(self, token: int) -> str:
        """The text that this token lets out; empty while a character or a stop string may be incomplete."""
        return self._let_out(self.streamer.push(token))

    def flush(self) -> str:
        """What was still held back when the answer ended."""
        rest = self._let_out(self.streamer.flush()) + ("" if self.stopped else self.held)
        self.held = ""
        return rest

    def _let_out(self, text: str) -> str:
        if self.stopped or not self.stops:
            return "" if self.stopped else text
        self.held += text
        found = [place for stop in self.stops if (place := self.held.find(stop)) >= 0]
        self.stopped = bool(found)
        free = min(found) if found else len(self.held) - self._begun()
        out, self.held = self.held[:free], "" if found else self.held[free:]
        return out

    def _begun(self) -> int:
        """How many of the last characters held are the beginning of a stop string."""
        longest = max(map(len, self.stops)) - 1
        for count in range(min(longest, len(self.held)), 0, -1):
            if any(stop.startswith(self.held[-count:]) for stop in self.stops):
                return count
        return 0
