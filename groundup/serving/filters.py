"""What the models write on its way out: words that may not be said and private numbers are found before anybody reads them.

A stream is filtered as the whole text would be: text that may yet become a match is held back, never more than a match needs.
What is found becomes a placeholder that names its kind, or ends the answer with `content_filter`.
"""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from groundup.data.privacy.redact import KINDS, USUAL
from groundup.errors import Problem
from groundup.serving.judge import Judge, sentences_end
from groundup.serving.worker import Piece, Token

Span = tuple[int, int, str]  # from, to, what it is replaced by
BEFORE = 64  # characters already told that a pattern may look back at
LONGEST_PRIVATE = 320  # no address and no number is longer
MOST_WORDS, LONGEST_PHRASE = 100_000, 200


class Pattern(Protocol):
    """Something to be found in a text."""

    def spans(self, text: str) -> list[Span]:
        """Where it is found."""
        ...

    def settled(self, text: str) -> int:
        """Up to where nothing that comes after this text can change what is found."""
        ...


class Words:
    """Words and phrases, in capitals or not, whole words only; `bad*` is every word that begins so."""

    def __init__(self, phrases: Sequence[str]):
        parts = [
            re.sub(r"\\\*$", r"\\w{0,60}", re.escape(" ".join(each.split())).replace(r"\ ", r"\s{1,4}"))
            for each in phrases
        ]
        self.pattern = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(parts, key=len, reverse=True))})(?!\w)", re.IGNORECASE)
        self.words = max(len(each.split()) for each in phrases)
        self.longest = max(map(len, phrases)) + 4 * self.words + 60

    def spans(self, text: str) -> list[Span]:
        return [(*found.span(), "[word]") for found in self.pattern.finditer(text)]

    def settled(self, text: str) -> int:
        """Phrases have so many words: the last ones, and one that has not ended, may yet become one."""
        starts = [found.start() for found in re.finditer(r"\S+", text)]
        count = self.words - text[-1:].isspace()
        held = starts[-count:] if count else []
        return max(held[0] if held else len(text), len(text) - self.longest)


class Private:
    """E-mail addresses, telephone and card numbers, as the room of data finds them in pages."""

    def spans(self, text: str) -> list[Span]:
        found: list[Span] = []
        for kind in USUAL:
            pattern, needed, believed = KINDS[kind]
            for match in pattern.finditer(text) if needed.search(text) else ():
                start, end = match.span()
                if believed(match) and not any(start < other[1] and other[0] < end for other in found):
                    found.append((start, end, f"[{kind}]"))
        return sorted(found)

    def settled(self, text: str) -> int:
        """None of them goes across a whole word that has no digit in it."""
        ended = 0
        for word in re.finditer(r"\S+(?=\s)", text):
            if not re.search(r"[\d(+]", word[0]):
                ended = word.end()
        return max(ended, len(text) - LONGEST_PRIVATE)


@dataclass(frozen=True)
class Filters:
    """All that an answer goes through; `stop` ends it where otherwise a placeholder would stand."""

    patterns: tuple[Pattern, ...] = ()
    judge: Judge | None = None
    stop: bool = False

    def __bool__(self) -> bool:
        return bool(self.patterns or self.judge)


class Sieve:
    """One answer on its way out."""

    def __init__(self, filters: Filters):
        self.filters = filters
        self.before, self.held = "", ""  # as the model wrote it: what was let out last, what was not yet
        self.start = self.told = 0  # where `held` begins in what the model wrote; characters let out
        self.tokens: deque[Token] = deque()
        self.sentence, self.unjudged = "", deque[Token]()  # out of the patterns, not yet before the judge
        self.judged = ""

    async def push(self, piece: Piece) -> Piece:
        """The part of a piece, and of those before, that may be read now; it ends the answer if that may not go on."""
        if piece.finish == "error":
            return piece
        self.held += piece.text
        self.tokens.extend(
            replace(token, top=[]) for token in piece.tokens
        )  # others that it might have said are not looked at
        text, tokens, refused = self._let_out(last=piece.finish is not None)
        if self.filters.judge:
            text, tokens, wrong = await self._judged(text, tokens, last=refused or piece.finish is not None)
            refused = refused or wrong
        return replace(piece, text=text, tokens=tokens, finish="content_filter" if refused else piece.finish)

    def _let_out(self, last: bool) -> tuple[str, list[Token], bool]:
        """Text up to where it is settled, with placeholders; the tokens that it is made of; whether it has to end."""
        whole, skip = self.before + self.held, len(self.before)
        free = (
            len(whole)
            if last
            else max(skip, min((each.settled(whole) for each in self.filters.patterns), default=len(whole)))
        )
        parts, tokens, at = [], [], skip
        for start, end, placeholder in self._spans(whole, skip):
            if end > free:
                free = min(free, start)
                break
            parts.append(whole[at:start])
            tokens += self._tokens(start - skip, sum(map(len, parts)) - (start - skip))
            if self.filters.stop:
                return self._told("".join(parts)), tokens, True
            self._drop(end - skip)
            parts.append(placeholder)
            at = end
        parts.append(whole[at:free])
        tokens += self._tokens(free - skip, sum(map(len, parts)) - (free - skip), last)
        self.before, self.held = whole[max(0, free - BEFORE) : free], whole[free:]
        self.start += free - skip
        return self._told("".join(parts)), tokens, False

    def _spans(self, whole: str, skip: int) -> list[Span]:
        """What all patterns find, in order; where two overlap the first counts."""
        kept: list[Span] = []
        for start, end, placeholder in sorted(span for each in self.filters.patterns for span in each.spans(whole)):
            if end > skip and start >= (kept[-1][1] if kept else 0):
                kept.append((max(start, skip), end, placeholder))
        return kept

    def _tokens(self, end: int, moved: int, last: bool = False) -> list[Token]:
        """Those that end before a place in `held`, which stands `moved` characters further on in what is told."""
        told = []
        while self.tokens and (last or self._end_of_first() <= self.start + end):
            token = self.tokens.popleft()
            told.append(replace(token, start=token.start - self.start + self.told + moved))
        return told

    def _end_of_first(self) -> int:
        return self.tokens[1].start if len(self.tokens) > 1 else self.start + len(self.held)

    def _drop(self, end: int) -> None:
        """Forget tokens that have a part in what is replaced."""
        while self.tokens and self.tokens[0].start < self.start + end:
            self.tokens.popleft()

    def _told(self, text: str) -> str:
        self.told += len(text)
        return text

    async def _judged(self, text: str, tokens: list[Token], last: bool) -> tuple[str, list[Token], bool]:
        """Whole sentences that the judge lets pass, read together with what came before them."""
        assert self.filters.judge
        self.sentence += text
        self.unjudged.extend(tokens)
        end = len(self.sentence) if last else sentences_end(self.sentence)
        if not end:
            return "", [], False
        said, self.sentence = self.sentence[:end], self.sentence[end:]
        self.judged += said
        if await asyncio.to_thread(self.filters.judge.refuses, self.judged):
            return "", [], True
        free = len(self.judged)
        told = []
        while self.unjudged and (last or self.unjudged[0].start < free):
            told.append(self.unjudged.popleft())
        return said, told, False


def words(path: str | Path) -> Words:
    """The words and phrases of a file, one a line; lines that begin with # are remarks."""
    path = Path(path)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Problem(f"the list of words {path} cannot be read ({why})") from None
    phrases = [line for line in lines if line and not line.startswith("#")]
    if not phrases or len(phrases) > MOST_WORDS:
        raise Problem(
            f"{path} holds {len(phrases)} words: expected one a line, at least one and at most {MOST_WORDS:,}"
        )
    if wrong := next((line for line in phrases if len(line) > LONGEST_PHRASE or not re.search(r"\w", line)), None):
        raise Problem(f"{path}: the line {wrong[:40]!r} is no word and no phrase of up to {LONGEST_PHRASE} characters")
    return Words(phrases)
