"""The readable text of a page: out of tags, navigation, advertising and cookie banners come its paragraphs.

One pass of a regular expression cuts the page at its tags, so broken markup costs nothing: there is no tree to break.
Blocks inside navigation and the like fall away; the others stay or go by their length, their links and their
neighbours (after Kohlschütter et al. 2010 and Pomikálek's jusText).
"""

import html
import re
from dataclasses import dataclass

from groundup.data.cleaning.fallen import HEADINGS, LANDMARKS, NAMED, standing
from groundup.data.cleaning.unread import readable

TAG = re.compile(
    r"<(/?)([a-zA-Z][a-zA-Z0-9]*)"
    r"((?>[^<>\"']+|\"[^\"]*\"|'[^'<]*'|[\"'])*+(?=>)|[^<>]*+(?=>))>"  # attributes; where quotes are odd, up to the next >
    r"|<[!?][^<>]*+>"
)
LINE = "\x00"  # where a <br> stood
SPACE = re.compile(r"[ \t\r\n\f]+")
INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img input ins kbd label mark q ruby rb rt rp s samp "
    "small span strike strong sub sup time tt u var wbr".split()
)
CELLS = frozenset(("td", "th"))
LINES = frozenset("div ol ul li".split())  # within <pre> they are lines of it
PARAGRAPHS = frozenset("p pre blockquote dd dt figcaption li".split())
NOTICES = re.compile(
    r"\b(?:(?:we|site|website|page) uses? cookies|cookies? to (?:improve|measure|show|personali[sz]e)|"
    r"accept (?:all )?(?:cookies|and continue)|cookie (?:policy|settings|preferences)|all rights reserved|"
    r"privacy policy|terms (?:of (?:use|service)|and conditions)|sign up for our|subscribe to our|skip to (?:main )?content|"
    r"powered by|made with|enable javascript|your browser (?:does|is)|no comments yet|(?:leave|post|add) a (?:comment|reply)|"
    r"visitors?:)|©|&copy;",
    re.I,
)
LABELS = re.compile(
    r"\W*(?:read more|log ?in|register|share (?:this|on)|follow us|click here|back to top|advertisement|sponsored|"
    r"imprint|site ?map|comments?|(?:next|previous) (?:page|post)|tags?:|posted in|filed under)\b",
    re.I,
)
PARTED = re.compile(r"(?: [-–|·•»] .*){2}")  # Home | About | Contact
ENDED = re.compile(r"[.!?…:,]['\")\]’”»]*$")
SENTENCE = re.compile(r"\w\w[.!?]['\")”’]* [A-Z“\"]")
TITLES = re.compile(r"(?:^|[\s_-])(?:headline|title|heading|subject|hdr)(?:$|[\s_-])", re.I)
LONG_BLOCK = 200  # characters: what is longer and no boilerplate by its words is text wherever it stands
SHORT_BLOCK = 60


@dataclass
class Block:
    """A stretch of text between two tags that break lines."""

    text: str
    tag: str
    linked: int  # characters of it inside links
    inside: bool  # within <main> or <article>
    row: int = 0  # which row of a table it stands in


def extract(page: str) -> str:
    """The main text of an HTML page, paragraphs apart by blank lines; empty if there is none."""
    found = blocks(readable(page))
    if sum(len(block.text) for block in found if block.inside) * 3 >= sum(len(block.text) for block in found):
        found = [block for block in found if block.inside]
    return _joined([block for block, good in zip(found, _judged(found), strict=True) if good])


def blocks(page: str) -> list[Block]:
    """The page's blocks of text in order, without those that lie inside navigation, footers and the like."""
    builder = Builder()
    for name, closing, attributes, text in standing(TAG.split(page)):
        if name == "a":
            builder.in_link = not closing
        elif name == "br":
            builder.gathered.append("\n" if builder.pre else LINE)
        elif name and name not in INLINE:
            builder.border(name, closing, attributes)
        if text:
            builder.gathered.append(text)
            builder.linked += len(text) * builder.in_link
    builder.finish()
    return builder.blocks


class Builder:
    """Gathers text until a tag breaks the line, then makes a block of it."""

    def __init__(self):
        self.blocks: list[Block] = []
        self.gathered: list[str] = []
        self.tag, self.landmarks, self.linked, self.in_link, self.pre, self.row = "", 0, 0, False, False, 0

    def border(self, name: str, closing: bool, attributes: str) -> None:
        if self.pre and name in LINES:
            if closing and not self.gathered[-1:] == ["\n"]:
                self.gathered.append("\n")
            return
        self.finish()
        self.in_link = False
        if name in LANDMARKS:
            self.landmarks = max(0, self.landmarks + (-1 if closing else 1))
        elif name == "pre":
            self.pre = not closing
        elif name == "tr" and not closing:
            self.row += 1
        self.tag = "" if closing else "h2" if name == "div" and attributes and _is_title(attributes) else name

    def finish(self) -> None:
        text = html.unescape("".join(self.gathered))
        if self.pre:
            text = text.strip("\n")
        else:
            text = "\n".join(map(str.strip, SPACE.sub(" ", text).split(LINE))).strip()
        if text.strip():
            self.blocks.append(Block(text, self.tag, self.linked, self.landmarks > 0, self.row))
        self.gathered.clear()
        self.linked = 0


def _is_title(attributes: str) -> bool:
    return any(TITLES.search(found[1] or found[2] or found[3] or "") for found in NAMED.finditer(attributes))


def _judged(found: list[Block]) -> list[bool]:
    """Good blocks are paragraphs; what is too short to tell follows the good ones around it."""
    verdicts = [_verdict(block) for block in found]
    before = _carried(verdicts)
    after = _carried(verdicts[::-1])[::-1]
    good = [verdict == "good" for verdict in verdicts]
    for i, verdict in enumerate(verdicts):
        if verdict == "short":
            leads = not found[i].linked and verdicts[i + 1 : i + 2] == ["good"]  # a title in the dress of a table cell
            around = {after[i]} if leads or found[i].tag in HEADINGS else {before[i], after[i]}
            good[i] = around == {"good"} or (found[i].inside and "good" in around)
    return good if any(good) else [verdict != "bad" for verdict in verdicts]


def _carried(verdicts: list[str]) -> list[str]:
    """For each block the last verdict before it that is not "short"."""
    result, last = [], "bad"
    for verdict in verdicts:
        result.append(last)
        last = verdict if verdict != "short" else last
    return result


def _verdict(block: Block) -> str:
    size = len(block.text)
    links = block.linked / size
    if size < LONG_BLOCK and NOTICES.search(block.text) or size < SHORT_BLOCK and LABELS.match(block.text):
        return "bad"
    if block.tag in HEADINGS:
        return "short"  # even as a link: blogs link the title of a post to the post
    if block.tag == "pre" and links < 0.5:
        return "good"
    if block.tag == "button":
        return "short" if block.text.endswith("?") else "bad"  # questions that unfold their answers
    if links > 0.5:
        listed = block.tag == "li" and block.inside
        told = links < 0.9 and ENDED.search(block.text)
        return "short" if listed or told else "bad"
    if size < LONG_BLOCK and not ENDED.search(block.text) and PARTED.search(block.text):
        return "bad"
    if ENDED.search(block.text) and block.text.count(" ") >= 2:
        return "good"
    if size >= SHORT_BLOCK and " | " not in block.text and SENTENCE.search(block.text):
        return "good"
    if links > 0.2 or size < LONG_BLOCK and block.tag not in PARAGRAPHS or size < SHORT_BLOCK and block.tag == "li":
        return "short"
    return "good"


def _joined(kept: list[Block]) -> str:
    """Blocks as paragraphs; items of a list and rows of a table stay together, cells of a row in one line."""
    parts: list[str] = []
    for i, block in enumerate(kept):
        if i:
            parts.append(_between(kept[i - 1], block))
        parts.append("- " + block.text if block.tag == "li" else block.text)
    return "".join(parts)


def _between(one: Block, other: Block) -> str:
    if {one.tag, other.tag} <= CELLS:
        return " | " if one.row == other.row else "\n"
    return "\n" if one.tag == other.tag and one.tag in ("li", "dd", "dt") else "\n\n"
