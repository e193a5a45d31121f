"""The readable text of a page: out of tags, navigation, advertising and cookie banners come its paragraphs.

One pass of a regular expression cuts the page at its tags, so broken markup costs nothing: there is no tree to break.
Blocks inside navigation and the like fall away; the others stay or go by their length, their links and their
neighbours (after Kohlschütter et al. 2010 and Pomikálek's jusText).
"""

import html
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

UNREAD = re.compile(
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[|\]\]>|<(script|style|noscript|template|svg|math|iframe|object|select|button|"
    r"textarea|canvas|audio|video|title|dialog)\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>.*?</\1\s*>"
    r"|<(?:script|style)\b.*\Z",
    re.S | re.I,
)
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"']|\"[^\"]*\"|'[^'<]*'|[\"'])*)>|<[!?][^>]*>")
LINE = "\x00"  # where a <br> stood
SPACE = re.compile(r"[ \t\r\n\f]+")
INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img input ins kbd label mark q ruby rb rt rp s samp "
    "small span strike strong sub sup time tt u var wbr".split()
)
PARAGRAPHS = frozenset("p pre blockquote dd dt figcaption li".split())
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
LANDMARKS = frozenset(("main", "article"))
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
FALLEN = frozenset("nav footer aside form menu".split())
FALLEN_ROLES = re.compile(
    r"\brole\s*=\s*[\"']?(?:navigation|banner|contentinfo|complementary|search|dialog|alertdialog|menu|menubar)\b"
    r"|\baria-hidden\s*=\s*[\"']?true|\bhidden(?:\s|=|$)|display\s*:\s*none",
    re.I,
)
NAMED = re.compile(r"\b(?:class|id)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.I)
FALLEN_NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|submenu|breadcrumbs?|sidebar|side-bar|footer|foot|masthead|topbar|"
    r"cookies?|consent|gdpr|banner|ads?|adsense|adverts?|advertisement|advertising|sponsor(?:ed|s)?|promo(?:ted|tion)?|"
    r"newsletter|subscribe|signup|sign-up|popup|modal|overlay|share|sharing|social|related|recommended|"
    r"comments?-form|widget|pager|pagination|skip-link|toolbar|copyright|disclaimer|login)(?:$|[\s_-])",
    re.I,
)
KEPT_NAMES = re.compile(r"(?:^|[\s_-])(?:content|article|main|post|entry|story|body|text)(?:$|[\s_-])", re.I)
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


def extract(page: str) -> str:
    """The main text of an HTML page, paragraphs apart by blank lines; empty if there is none."""
    found = blocks(UNREAD.sub(" ", page))
    if sum(len(block.text) for block in found if block.inside) * 3 >= sum(len(block.text) for block in found):
        found = [block for block in found if block.inside]
    return _joined([block for block, good in zip(found, _judged(found), strict=True) if good])


def blocks(page: str) -> list[Block]:
    """The page's blocks of text in order, without those that lie inside navigation, footers and the like."""
    builder = Builder()
    for name, closing, attributes, text in _standing(TAG.split(page)):
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
        self.tag, self.landmarks, self.linked, self.in_link, self.pre = "", 0, 0, False, False

    def border(self, name: str, closing: bool, attributes: str) -> None:
        self.finish()
        self.in_link = False
        if name in LANDMARKS:
            self.landmarks = max(0, self.landmarks + (-1 if closing else 1))
        elif name == "pre":
            self.pre = not closing
        self.tag = "" if closing else "h2" if name == "div" and attributes and _is_title(attributes) else name

    def finish(self) -> None:
        text = html.unescape("".join(self.gathered))
        if self.pre:
            text = text.strip("\n")
        else:
            text = "\n".join(map(str.strip, SPACE.sub(" ", text).split(LINE))).strip()
        if text.strip():
            self.blocks.append(Block(text, self.tag, self.linked, self.landmarks > 0))
        self.gathered.clear()
        self.linked = 0


def _standing(pieces: list[str]) -> Iterator[tuple[str, bool, str, str]]:
    """(name, closing, attributes, the text after it) of each tag outside of elements that fall away."""
    names = [name.lower() if name else "" for name in pieces[2::4]]
    ends: list[int] = []
    yield "", False, "", pieces[0]
    fallen_until = -1
    for i, name in enumerate(names):
        if i < fallen_until:
            continue
        closing, attributes = bool(pieces[4 * i + 1]), pieces[4 * i + 3]
        if i != fallen_until and not closing and name and name not in VOID and _falls(name, attributes):
            ends = ends or _ends(names, pieces[1::4])
            fallen_until = ends[i]
            if fallen_until > i:
                continue
        yield name, closing, attributes, pieces[4 * i + 4]


def _is_title(attributes: str) -> bool:
    return any(TITLES.search(found[1] or found[2] or found[3] or "") for found in NAMED.finditer(attributes))


def _falls(name: str, attributes: str) -> bool:
    if name in FALLEN:
        return True
    if not attributes or name in ("body", "html", "main", "article"):
        return False
    if FALLEN_ROLES.search(attributes):
        return True
    for found in NAMED.finditer(attributes):
        words = found[1] or found[2] or found[3] or ""
        if FALLEN_NAMES.search(words) and not KEPT_NAMES.search(words):
            return True
    return False


def _ends(names: Sequence[str], closing: Sequence[str | None]) -> list[int]:
    """For each tag that opens, where its element closes; if it never does, where the page plainly goes on.

    A form around more than half of the page is the page: it ends where it begins, and so does not fall.
    """
    ends = list(range(len(names)))
    open_tags: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        if not closing[i]:
            open_tags.setdefault(name, []).append(i)
        elif open_tags.get(name):
            begin = open_tags[name].pop()
            ends[begin] = i if name != "form" or (i - begin) * 2 < len(names) else begin
    goes_on = [i for i, name in enumerate(names) if not closing[i] and (name in LANDMARKS or name in HEADINGS)]
    for left in open_tags.values():
        for i in left:
            later = bisect_right(goes_on, i)
            ends[i] = goes_on[later] if later < len(goes_on) else i
    return ends


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
    if links > 0.5:
        return "bad"
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
    """Blocks as paragraphs; items of a list and cells of a table stay together."""
    parts: list[str] = []
    for i, block in enumerate(kept):
        together = i and block.tag == kept[i - 1].tag and block.tag in ("li", "td", "th", "dd", "dt")
        parts += ["\n" if together else "\n\n" if i else "", "- " + block.text if block.tag == "li" else block.text]
    return "".join(parts)
