"""C4's rules: lines that are no sentences go, and pages of which too little is left, or that hold filler text or code.

The rules and numbers are those of Raffel et al. 2020 (section 2.2) and, where the paper is silent (long words, notes, policies,
ellipses), of the code that made the corpus (TensorFlow Datasets, c4_utils). A page-wide rule looks at lines that would stay.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from groundup.config import Settings
from groundup.data.filters.finding import Finding
from groundup.data.filters.limits import outside
from groundup.data.filters.survey import SPARE, Survey
from groundup.data.filters.words import ends_sentence, is_sign, plain_words, spaces, stripped

NOTE = re.compile(r"\[(?:[0-9]*|edit|citation needed)\]")
TERMINAL = (".", "?", "!", '"', "'")
FILLER, SCRIPT, BRACKET, POLICY = "lorem ipsum", "javascript", "{", "policies"
POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
MARKS = {FILLER: ("lorem ipsum",), SCRIPT: ("javascript",), BRACKET: ("{",), POLICY: POLICIES}  # the gravest first


class C4Settings(Settings):
    """Takes lines away that are no sentences, and removes what then is too short (Raffel et al. 2020)."""

    kind: Literal["c4"] = "c4"
    closed: bool = Field(True, description="keep only lines that end in . ? ! or a quotation mark")
    notes: bool = Field(True, description="take away [1], [edit] and [citation needed]")
    words: int = Field(3, ge=0, description="the fewest words of a line")
    longest_word: int = Field(1000, gt=0, description="the most characters of a line's longest word")
    sentences: int = Field(5, ge=0, description="the fewest sentences of what is left")
    lines_without: list[Literal["javascript", "policies"]] = Field(
        ["javascript", "policies"], description="lines go that speak of these"
    )
    pages_without: list[Literal["lorem ipsum", "{"]] = Field(
        ["lorem ipsum", "{"], description="a document goes where a line that would stay has one of these"
    )
    paragraphs: Literal["joined", "apart"] = Field(
        "joined",
        description="of the lines that stay: one below the other, as published, or with the empty lines between",
    )
    bad_words: list[str] = Field([], description="a document goes that has one of these words or phrases")


class C4:
    """Gives a text without the lines that break a rule, or the rule that the whole of it breaks."""

    name = "c4"

    def __init__(self, settings: C4Settings):
        self.settings = settings
        asked = {*settings.lines_without, *settings.pages_without}
        self.marks = [(kind, phrase) for kind, name in enumerate(MARKS) if name in asked for phrase in MARKS[name]]
        self.bad = any_word(settings.bad_words) if settings.bad_words else None

    def change(self, text: str) -> str | Finding:
        from groundup.kernels import c4_lines

        told, survey = self.settings, Survey(text)
        places, kinds = self._marks(survey.bytes)
        out = np.empty(survey.size + 2 * SPARE, np.uint8)
        verdict, size, sentences, lines, kept = c4_lines.kept_lines(
            survey.raw,
            survey.size,
            survey.table,
            places,
            kinds,
            told.closed,
            told.notes,
            told.words,
            told.longest_word,
            told.sentences,
            out,
        )
        left = out[:size].tobytes().decode("utf-8", "surrogatepass")
        if verdict == c4_lines.KEPT and self.bad and (hit := self.bad.search(left.lower())):
            return Finding(self.name, f"a bad word: {hit[0]}")
        if verdict == c4_lines.KEPT:
            return stripped(left if told.paragraphs == "joined" else self._apart(text, left))
        if verdict == c4_lines.FEW:
            few = outside(self.name, "sentences", sentences, told.sentences)
            return Finding(self.name, f"{few.detail if few else ''} in {kept} of {lines} lines")
        return Finding(self.name, f"has {FILLER if verdict == c4_lines.FILLER else BRACKET}")

    def _apart(self, text: str, left: str) -> str:
        """What is left, with an empty line wherever one or more stood between two of its lines; equal lines have one fate."""
        kept = iter([line for line in left.split("\n") if line])
        lines, gap, awaited = [], False, next(kept, None)
        for line in map(stripped, text.split("\n")):
            gap = gap or not line
            if awaited is not None and (NOTE.sub("", line) if self.settings.notes else line) == awaited:
                lines += [""] * gap + [awaited]
                gap, awaited = False, next(kept, None)
        return "\n".join(lines)

    def _marks(self, encoded: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Where the phrases that lines are judged by stand (marks,), and of which kind each is."""
        low = encoded.lower()  # of ASCII letters alone: places stay what they were
        found = sorted((place, kind) for kind, phrase in self.marks for place in _places(low, phrase.encode()))
        places = np.array([place for place, _ in found], np.int64)
        return places, np.array([kind for _, kind in found], np.uint8)


def any_word(words: Sequence[str]) -> re.Pattern[str]:
    """Any of these words or phrases, in lower case, where no letter goes on; under first letters, so that long lists are fast."""
    rests: dict[str, list[str]] = {}
    for word in sorted({word.strip().lower() for word in words} - {""}, key=len, reverse=True):
        rests.setdefault(word[0], []).append(re.escape(word[1:]))
    branches = (f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in rests.items())
    return re.compile(rf"(?<!\w)(?:{'|'.join(branches)})(?!\w)")


def _places(text: bytes, phrase: bytes) -> Iterator[int]:
    place = text.find(phrase)
    while place >= 0:
        yield place
        place = text.find(phrase, place + 1)


def clean_plainly(text: str, settings: C4Settings) -> str:
    """What C4 leaves of a text, or in angle brackets the name of the rule that all of it breaks; bad words left out."""
    kept, sentences = [], 0
    for line in map(stripped, text.split("\n")):
        words = spaced_words(line)
        if any(len(word) > settings.longest_word for word in words):
            continue
        shown = NOTE.sub("", line) if settings.notes else line
        if settings.closed and (not shown.endswith(TERMINAL) or shown.endswith("...")):
            continue
        if len(words) < settings.words:
            continue
        low = line.encode("utf-8", "surrogatepass").lower()
        found = [name for name, phrases in MARKS.items() if any(phrase.encode() in low for phrase in phrases)]
        found = [name for name in found if name in (*settings.lines_without, *settings.pages_without)]
        if found and found[0] in settings.pages_without:
            return f"<{found[0]}>"
        if found:
            continue
        sentences += sentences_plainly(plain_words(shown))
        kept.append(shown)
    return stripped("\n".join(kept)) if sentences >= settings.sentences else "<sentences>"


def spaced_words(line: str) -> list[str]:
    """The words of a line as spaces part them."""
    return [word for word in re.split("[" + re.escape(spaces()) + "]", line) if word]


def sentences_plainly(words: list[str]) -> int:
    """How many sentences words make: after a sign that ends one, the next word that is no sign begins another."""
    many, ended = 1, False
    for word in words:
        if ends_sentence(word):
            ended = True
        elif ended and not is_sign(word):
            many, ended = many + 1, False
    return many
