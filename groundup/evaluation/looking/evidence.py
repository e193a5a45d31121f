"""Where in a text the evidence stands that a filter names: words it quotes, lines it counted, letters of another script.

A finder is asked by the reason and reads the detail as the filter wrote it. Where evidence has no place (letter noise, an order
of words) nothing is marked; nobody guesses.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from groundup.data.filters.gopher_quality import BULLETS, GopherQualitySettings
from groundup.data.filters.language import LITTLE_WORDS, WORD
from groundup.data.privacy.redact import KINDS

Span = tuple[int, int]
MOST = 400  # spans of one text; more would be a text of one colour
READ = 200_000  # characters of a text that are looked through
QUOTED = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)$")
PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(map(re.escape, KINDS))})(?:-\d+)?\]")
SIGNS = (
    r"\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f"  # of vowels, no letters to `re`
)
FOREIGN = re.compile(rf"[^\W\d_\u0000-\u024f\u1e00-\u1eff](?:[^\W\d_\u0000-\u024f\u1e00-\u1eff]|[{SIGNS}])*")
LINE = re.compile(r"[^\n]+")
PARAGRAPH = re.compile(r"[^\n]+(?:\n[^\n]+)*")
CLOSED = re.compile(r"[.!?…。！？]['\"”’)\]]*\s*$")


def spans(text: str, reason: str, detail: str) -> list[Span]:
    """Begin and end of each piece of evidence, in order, none within another; of a kept text what was blacked out."""
    finder = FINDERS.get(reason, _nothing) if reason else _blacked_out
    return _joined(finder(text[:READ], detail))


def pieces(text: str, found: list[Span]) -> list[tuple[str, bool]]:
    """The text in a row of pieces, each evidence or not."""
    told, at = [], 0
    for begin, end in found:
        told += [(text[at:begin], False), (text[begin:end], True)]
        at = end
    told.append((text[at:], False))
    return [(piece, lit) for piece, lit in told if piece]


def window(text: str, found: list[Span], most: int) -> tuple[int, int]:
    """Of a long text the stretch to show: its beginning, or from a little before the first evidence."""
    if len(text) <= most:
        return 0, len(text)
    begin = max(0, found[0][0] - most // 4) if found and found[0][1] > most else 0
    begin = min(begin, len(text) - most)
    return begin, begin + most


def within(found: list[Span], begin: int, end: int) -> list[Span]:
    """The spans as they lie in a stretch of the text."""
    return [(max(a, begin) - begin, min(b, end) - begin) for a, b in found if a < end and b > begin]


def _joined(found: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for begin, end in sorted(set(islice(found, MOST))):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        elif end > begin:
            joined.append((begin, end))
    return joined


def phrases(text: str, wanted: Iterable[str]) -> Iterator[Span]:
    """Each place where one of these stands, in large or small letters, however its blanks are."""
    for phrase in wanted:
        words = phrase.split()
        if words:
            pattern = r"\s+".join(map(re.escape, words))
            yield from (found.span() for found in re.finditer(pattern, text, re.IGNORECASE))


def again(text: str, piece: re.Pattern[str]) -> Iterator[Span]:
    """Pieces of a text that stood before in it."""
    seen: set[str] = set()
    for found in piece.finditer(text):
        plain = found[0].strip()
        if plain and plain in seen:
            yield found.span()
        seen.add(plain)


def _nothing(text: str, detail: str) -> Iterator[Span]:
    return iter(())


def _blacked_out(text: str, detail: str) -> Iterator[Span]:
    return (found.span() for found in PLACEHOLDER.finditer(text))


def _listed(text: str, detail: str) -> Iterator[Span]:
    """What stands after the colon, with commas between."""
    if detail.endswith("of its lines repeat"):
        return again(text, LINE)
    return phrases(text, detail.partition(": ")[2].split(", "))


def _language(text: str, detail: str) -> Iterator[Span]:
    if "another script" in detail:
        yield from (found.span() for found in FOREIGN.finditer(text))
        return
    little = set(LITTLE_WORDS.get(detail.partition(":")[0].split()[0], "").split()) - set(LITTLE_WORDS["en"].split())
    accents = "letters that English" in detail
    for found in WORD.finditer(text):
        word = found[0].lower().replace("’", "'")
        if word in little or accents and not word.isascii():
            yield found.span()


def _c4(text: str, detail: str) -> Iterator[Span]:
    if detail.startswith("a bad word: "):
        return phrases(text, [detail.partition(": ")[2]])
    return phrases(text, [detail.removeprefix("has ")] if detail.startswith("has ") else [])


def _quality(text: str, detail: str) -> Iterator[Span]:
    if detail.startswith("# per word"):
        yield from phrases(text, ["#"])
    elif detail.startswith("ellipses per word"):
        yield from phrases(text, ["...", "…"])
    elif detail.startswith("words with a letter"):
        yield from (found.span() for found in re.finditer(r"[^\s\W]*\d[^\s]*|[^\w\s]+", text) if not _letters(found[0]))
    elif detail.startswith("different little words"):
        yield from (
            found.span()
            for word in GopherQualitySettings.model_validate({}).little_words
            for found in re.finditer(rf"\b{word}\b", text)
        )
    elif detail.startswith("lines"):
        yield from (found.span() for found in LINE.finditer(text) if _bulleted(found[0], detail))


def _letters(word: str) -> bool:
    return any(character.isalpha() for character in word)


def _bulleted(line: str, detail: str) -> bool:
    if "bullet" in detail:
        return line.strip().startswith(BULLETS)
    return line.strip().endswith(("...", "…"))


def _repetition(text: str, detail: str) -> Iterator[Span]:
    if quoted := QUOTED.search(detail):
        return phrases(text, [quoted[1]])
    return again(text, PARAGRAPH if "paragraphs" in detail else LINE)


def _fineweb(text: str, detail: str) -> Iterator[Span]:
    if detail.startswith("characters in repeated lines"):
        yield from again(text, LINE)
    elif detail.startswith("lines ended"):  # too few are: the others are the evidence
        yield from (found.span() for found in LINE.finditer(text) if not CLOSED.search(found[0]))
    elif detail.startswith("short lines"):
        yield from (found.span() for found in LINE.finditer(text) if 0 < len(found[0]) <= 30)


FINDERS: dict[str, Callable[[str, str], Iterable[Span]]] = {
    "spam": _listed,
    "toxic": _listed,
    "language": _language,
    "languages": _language,
    "c4": _c4,
    "gopher_quality": _quality,
    "gopher_repetition": _repetition,
    "fineweb": _fineweb,
}


def shared(one: str, other: str, run: int = 5) -> tuple[list[Span], list[Span]]:
    """Words of each text that stand in no run of `run` words which both have: where two near copies differ."""
    words = [list(re.finditer(r"\S+", text[:READ])) for text in (one, other)]
    runs = [_runs(found, run) for found in words]
    both = runs[0].keys() & runs[1].keys()
    told = []
    for found, own in zip(words, runs, strict=True):
        common = {at + step for same in both for at in own[same] for step in range(run)}
        told.append(_joined(_alone(found, common)))
    return told[0], told[1]


def _alone(found: list[re.Match[str]], common: set[int]) -> Iterator[Span]:
    """Words that are not common; where another one follows, with the blank between."""
    for at in range(len(found)):
        if at not in common:
            follows = at + 1 < len(found) and at + 1 not in common
            yield found[at].start(), found[at + 1].start() if follows else found[at].end()


def _runs(found: list[re.Match[str]], run: int) -> dict[tuple[str, ...], list[int]]:
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    words = [re.sub(r"\W", "", match[0].lower()) for match in found]
    for at in range(len(words) - run + 1):
        places[tuple(words[at : at + run])].append(at)
    return places
