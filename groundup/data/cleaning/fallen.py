"""Which elements of a page fall away whole, with all that is in them: navigation, footers, banners, what is hidden.

An element falls by its tag, its role or a word in its class or id; but never one that holds most of the page's prose,
since sites name their wrappers carelessly. There is no tree: each opening tag is matched with a closing one in one pass.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
LANDMARKS = frozenset(("main", "article"))
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
FALLEN = frozenset("nav footer aside form menu".split())
WHOLE = frozenset("body html main article".split())
ROLES = re.compile(
    r"\brole\s*=\s*[\"']?(?:navigation|banner|contentinfo|complementary|search|dialog|alertdialog|menu|menubar)\b"
    r"|\baria-hidden\s*=\s*[\"']?true|display\s*:\s*none",
    re.I,
)
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
HIDDEN = re.compile(r"(?:^|\s)hidden(?:\s|=|/|$)", re.I)  # outside of quotes
NAMED = re.compile(r"\b(?:class|id)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.I)
NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|submenu|breadcrumbs?|(?<!has.)(?<!no.)(?<!with.)(?<!without.)(?:sidebar|side-bar)|"
    r"footer|foot|masthead|topbar|"
    r"cookies?|consent|gdpr|banner|ads?|adsense|adverts?|advertisement|advertising|sponsor(?:ed|s)?|promo(?:ted|tion)?|"
    r"newsletter|subscribe|signup|sign-up|popup|modal|overlay|share|sharing|social|related|recommended|"
    r"comments?-form|pager|pagination|skip-link|toolbar|copyright|disclaimer|login)(?:$|[\s_-])"
    r"|(?:^|\s)widget(?:-area)?(?:$|\s)",
    re.I,
)
KEPT_NAMES = re.compile(r"(?:^|[\s_-])(?:content|article|main|post|entry|story|body|text)(?:$|[\s_-])", re.I)
DISCUSSION = re.compile(
    r"(?:^|[\s_-])(?:comments?|comments?-?(?:list|area|section|wrapper)|respond|replies|disqus(?:_thread)?)(?:$|\s)",
    re.I,
)
PROSE = 40  # characters of text between two tags, from which on it counts as prose
MOST, MANY = 0.5, 600  # a share of the page's prose, and characters of it, that do not fall by a name
ARTICLE = 1000  # characters of prose after which a discussion is one about the page, not the page


def standing(pieces: list[str]) -> Iterator[tuple[str, bool, str, str]]:
    """(name, closing, attributes, the text after it) of each tag outside of elements that fall away."""
    names = [name.lower() if name else "" for name in pieces[2::4]]
    outline: Outline | None = None
    yield "", False, "", pieces[0]
    fallen_until = -1
    for i, name in enumerate(names):
        if i < fallen_until:
            continue
        closing, attributes = bool(pieces[4 * i + 1]), pieces[4 * i + 3]
        if i != fallen_until and not closing and name and name not in VOID:
            if reason := _reason(name, attributes):
                outline = outline or Outline(names, pieces)
                fallen_until = outline.ends[i] if outline.falls(i, reason) else i
                if fallen_until > i:
                    continue
        yield name, closing, attributes, pieces[4 * i + 4]


class Outline:
    """Where each element of a page ends, and how much prose stands before each tag."""

    def __init__(self, names: Sequence[str], pieces: Sequence[str]):
        self.ends = _ends(names, pieces[1::4])
        sizes = (len(text.strip()) if len(text) >= PROSE else 0 for text in pieces[4::4])
        self.prose = list(accumulate(sizes, initial=0))

    def falls(self, i: int, reason: str) -> bool:
        """What falls by a name or because it is hidden must not be the page itself; nor must a discussion."""
        if reason == "tag":
            return True
        if reason == "discussion":
            return self.prose[i] >= ARTICLE
        inside = self.prose[self.ends[i]] - self.prose[i]
        return inside < MANY or inside < MOST * self.prose[-1]


def _reason(name: str, attributes: str) -> str:
    """Why an element should fall, if it should."""
    if name in FALLEN:
        return "tag"
    if not attributes or name in WHOLE:
        return ""
    if ROLES.search(attributes):
        return "role"
    if "hidden" in attributes and HIDDEN.search(QUOTED.sub('""', attributes)):
        return "role"
    for found in NAMED.finditer(attributes):
        words = found[1] or found[2] or found[3] or ""
        if NAMES.search(words) and not KEPT_NAMES.search(words):
            return "name"
        if DISCUSSION.search(words):
            return "discussion"
    return ""


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
