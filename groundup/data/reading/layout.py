"""Lines on pages become paragraphs: columns one after the other, words joined at line ends, running heads left out."""

import re
from collections import Counter
from dataclasses import dataclass
from statistics import median

GUTTER = 4.0  # points of white between two columns, at least
FEW = 6  # lines that each of two columns has, at least
SHARE = 0.5  # of the pages on which a line at the edge stands if it is a running head
NUMBER = re.compile(r"(?:page\s*)?[-–—\s]*(?:\d{1,4}|[ivxlc]{1,6})(?:\s*(?:/|of)\s*\d{1,4})?[-–—\s]*", re.I)
BROKEN = re.compile(r"([^\W\d_]{2,})[-\u00ad\u2010]$")
SIGNS = str.maketrans({"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"})


@dataclass(frozen=True)
class Line:
    """A line of text in its box, in points from the lower left corner."""

    left: float
    bottom: float
    right: float
    top: float
    text: str


@dataclass(frozen=True)
class Page:
    """A page and its lines, in no order."""

    width: float
    height: float
    lines: list[Line]


def readable(pages: list[Page]) -> str:
    """The text of a document as paragraphs."""
    pages = without_heads(
        [Page(page.width, page.height, [line for line in page.lines if line.text.strip()]) for page in pages]
    )
    ordered = [line for page in pages for line in in_order(page)]
    known = Counter(word.lower() for line in ordered for word in re.findall(r"\w+-\w+", line.text))
    return "\n\n".join(joined(paragraph, known) for paragraph in paragraphs(ordered)).translate(SIGNS).strip()


def without_heads(pages: list[Page]) -> list[Page]:
    """The pages without the lines that stand at the edge of many of them, and without their numbers."""
    edges = [edge_lines(page) for page in pages]
    often = Counter(
        _plain(line.text) for lines in edges for line in {_plain(line.text): line for line in lines}.values()
    )
    enough = max(2, SHARE * len(pages))
    heads = {text for text, count in often.items() if count >= enough} if len(pages) > 2 else set()
    kept: list[Page] = []
    for page, lines in zip(pages, edges, strict=True):
        titles = {text for text in heads if "#" not in text} if not kept else set()  # on the first page it is the title
        gone = {line for line in lines if _plain(line.text) in heads - titles or NUMBER.fullmatch(line.text.strip())}
        kept.append(Page(page.width, page.height, [line for line in page.lines if line not in gone]))
    return kept


def edge_lines(page: Page) -> list[Line]:
    """The two highest and the two lowest lines, if they stand near the edge."""
    lines = sorted(page.lines, key=lambda line: -line.top)
    high = [line for line in lines[:2] if line.bottom > 0.88 * page.height]
    return [*high, *(line for line in lines[-2:] if line.top < 0.12 * page.height)]


def _plain(text: str) -> str:
    return re.sub(r"\d+", "#", " ".join(text.lower().split()))


def in_order(page: Page) -> list[Line]:
    """The lines as they are read: down the left column, then down the right one, between lines that cross both."""
    lines = sorted(page.lines, key=lambda line: (-line.top, line.left))
    middle = gutter(lines)
    if middle is None:
        return lines
    ordered: list[Line] = []
    left: list[Line] = []
    right: list[Line] = []
    for line in lines:
        if line.left < middle - GUTTER / 2 and line.right > middle + GUTTER / 2:
            ordered += [*left, *right, line]
            left, right = [], []
        else:
            (left if line.right <= middle + GUTTER / 2 else right).append(line)
    return [*ordered, *left, *right]


def gutter(lines: list[Line]) -> float | None:
    """Where the white between two columns runs; nothing on a page with one."""
    if not lines:
        return None
    begin, end = min(line.left for line in lines), max(line.right for line in lines)
    best, fewest = None, 0.2
    for step in range(30, 71):
        place = begin + (end - begin) * step / 100
        left = sum(line.right <= place + GUTTER / 2 for line in lines)
        right = sum(line.left >= place - GUTTER / 2 for line in lines)
        crossing = (len(lines) - left - right) / len(lines)
        if min(left, right) >= FEW and crossing < fewest:
            best, fewest = place, crossing
    return best


def paragraphs(lines: list[Line]) -> list[list[Line]]:
    """Lines that belong together: apart are those with white between, an indent, or a short end before them."""
    if not lines:
        return []
    usual = median([line.top - line.bottom for line in lines]) or 1.0
    found = [[lines[0]]]
    for before, line in zip(lines, lines[1:], strict=False):
        gap = before.bottom - line.top
        turns = gap < -0.5 * usual  # another column or page: the sentence may go on
        taller = abs((line.top - line.bottom) - (before.top - before.bottom)) > 0.25 * usual
        ended = re.search(r"[.!?:][\"'”’)]?$", before.text.strip()) is not None
        indented = not turns and 0.8 * usual < line.left - before.left < 4 * usual
        if taller or (ended if turns else gap > 0.9 * usual or (indented and ended)):
            found.append([])
        found[-1].append(line)
    return found


def joined(paragraph: list[Line], known: Counter[str]) -> str:
    """The lines of a paragraph as one; a word broken at a line's end is whole again, unless it is written with a hyphen."""
    text = ""
    for line in paragraph:
        words = line.text.strip()
        broken = BROKEN.search(text)
        if broken and words[:1].islower():
            rest = re.match(r"\w*", words)
            written = f"{broken[1]}-{rest[0] if rest else ''}".lower()
            text = (text if known[written] else text[:-1]) + words
        else:
            text = f"{text} {words}" if text else words
    return text
