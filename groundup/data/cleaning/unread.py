"""What of a page nobody reads falls away before it is cut at its tags: comments, scripts, styles, drawings, players.

In one pass: an element that is never closed is looked for once, so that no page costs more than its length.
"""

import re

NAMES = "script style noscript template svg math iframe object select textarea canvas audio video title dialog".split()
BEGINS = re.compile(rf"<!--|<!\[CDATA\[|\]\]>|<({'|'.join(NAMES)})\b", re.I)
CLOSES = {name: re.compile(rf"</{name}\s*+>", re.I) for name in NAMES}
TO_THE_END = frozenset(("script", "style"))  # where they are never closed, all that follows is theirs


def readable(page: str) -> str:
    """The page with a blank in the place of each such element."""
    parts: list[str] = []
    at = start = 0
    unclosed: set[str] = set()
    while found := BEGINS.search(page, at):
        end = _end(page, found, unclosed)
        if end:
            parts.append(page[start : found.start()])
            start = end
        at = end or found.end()
    return " ".join([*parts, page[start:]])


def _end(page: str, found: re.Match[str], unclosed: set[str]) -> int:
    """Where an element ends, or 0 where only its tag should go."""
    name = (found[1] or "").lower()
    if not name:
        closed = page.find("-->", found.end()) if found[0] == "<!--" else 0
        return closed + 3 if closed > 0 else len(page) if closed else found.end()
    closing = None if name in unclosed else CLOSES[name].search(page, found.end())
    if closing:
        return closing.end()
    unclosed.add(name)
    return len(page) if name in TO_THE_END else 0
