"""Wikitext becomes readable text: templates, tables, references and pictures go, links become their words.

Everything that nests is cut in one pass over its brackets, so that what is never closed costs no more than its length.
"""

import html
import re

BRACKETS = re.compile(r"\{\{|\}\}|\{\||\|\}|\[\[|\]\]")
CLOSES = {"}}": "{{", "|}": "{|", "]]": "[["}
COMMENTS = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
ELEMENT = re.compile(
    r"<(/?)(ref|gallery|timeline|imagemap|score|templatestyles|mapframe|graph|hiero|chem|indicator|math|nowiki)\b"
    r"((?:[^<>/]|/(?!>))*)(/?)>", re.I,
)  # fmt: skip
LINES = re.compile(r"<(?:br|hr)\s*/?>|</?(?:p|div|center|blockquote|poem)\b[^<>]*>", re.I)
TAGS = re.compile(r"</?[a-zA-Z][^<>]*>")
WORDS = re.compile(r"__[A-Z]{3,}__|~{3,5}")
QUOTES = re.compile(r"'{2,5}")
OUTSIDE = re.compile(r"\[(?:https?:|ftp:)?//[^\s\[\]]{1,2000}(?:[ \t]([^\[\]\n]*))?\]")
HEADING = re.compile(r"^(={1,6})\s*(.+?)\s*\1\s*$")
ITEM = re.compile(r"^([*#:;]+)\s*")
SPACES = re.compile(r"[ \t]{2,}")
EMPTY = re.compile(r"\((?:[\s,;:]|\u200e)*\)")
NESTED = 40  # brackets inside each other; deeper ones are no brackets
HEADED = 300  # characters of the longest heading
GAPS = re.compile(r"\n{3,}")
PICTURES = re.compile(r":?\s?(?:file|image|media|category|datei|bild|kategorie|fichier|catégorie|archivo|imagen|categoría"
                      r"|file|immagine|categoria|ficheiro|imagem|файл|изображение|категория|文件|分类|ファイル|カテゴリ)\s*:", re.I)  # fmt: skip
LEFT = {"see also", "references", "external links", "further reading", "notes", "bibliography", "sources", "citations",
        "footnotes", "siehe auch", "weblinks", "einzelnachweise", "literatur", "voir aussi", "références", "liens externes",
        "notes et références", "véase también", "referencias", "enlaces externos"}  # fmt: skip
# Templates whose words belong to the sentence: which of their values is it?
SAID = {"lang": 2, "nowrap": 1, "nobr": 1, "transl": -1, "transliteration": -1, "quote": 1, "blockquote": 1, "cquote": 1,
        "small": 1, "em": 1, "strong": 1, "abbr": 1, "tooltip": 1, "nihongo": 1, "math": 1, "mvar": 1, "sub": 1, "sup": 1,
        "langx": 2, "lang-de": 1, "lang-fr": 1, "lang-la": 1, "ill": 1, "interlanguage link": 1, "as of": 1}  # fmt: skip
SIGNS = {"ndash": "–", "mdash": "—", "snd": " – ", "spaced ndash": " – ", "'": "'", "'s": "'s", "!": "|", "=": "=",
         "circa": "c.", "c.": "c.", "nbsp": " ", "ft": "ft", "bullet": "•", "dot": "·", "middot": "·"}  # fmt: skip


def readable(text: str) -> str:
    """The words of an article, with headings, paragraphs and lists on lines of their own."""
    kept: list[str] = []
    text = COMMENTS.sub("", text).replace("\x00", "")
    text = _cut(_without_elements(text, kept))
    text = TAGS.sub("", LINES.sub("\n", text))
    text = QUOTES.sub("", WORDS.sub("", OUTSIDE.sub(lambda found: found[1] or "", text)))
    text = _lined(html.unescape(text))
    return re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], text).strip()


def _without_elements(text: str, kept: list[str]) -> str:
    """The text without references and the like; formulas and what is no wikitext are put away in `kept`."""
    tags = [tag for tag in ELEMENT.finditer(text) if not tag[4]]
    ends: dict[str, list[int]] = {}
    for i in reversed(range(len(tags))):
        if tags[i][1]:
            ends.setdefault(tags[i][2].lower(), []).append(i)  # the nearest comes last
    parts, at, i = [], 0, 0
    while i < len(tags):
        opening, name = tags[i], tags[i][2].lower()
        closing = ends.get(name, [])
        while closing and closing[-1] <= i:
            closing.pop()
        if not opening[1] and closing:
            end = tags[closing[-1]]
            parts += [text[at : opening.start()], _instead(name, text[opening.end() : end.start()], kept)]
            at, i = end.end(), closing[-1]
        i += 1
    return "".join([*parts, text[at:]])


def _instead(name: str, inside: str, kept: list[str]) -> str:
    if name not in ("math", "nowiki"):
        return ""
    kept.append(f"${inside.strip()}$" if name == "math" else inside)
    return f"\x00{len(kept) - 1}\x00"


def _cut(text: str) -> str:
    """The text without what stands in brackets, but for the words of links and of a few templates."""
    open_brackets: list[tuple[str, list[str]]] = [("", [])]
    at = 0
    for found in BRACKETS.finditer(text):
        open_brackets[-1][1].append(text[at : found.start()])
        at, sign = found.end(), found[0]
        if sign not in CLOSES:
            if len(open_brackets) < NESTED:
                open_brackets.append((sign, []))
            continue
        depth = _opened_by(CLOSES[sign], open_brackets)
        if depth:
            while len(open_brackets) > depth + 1:  # what was opened inside and never closed is text
                mark, words = open_brackets.pop()
                open_brackets[-1][1].append("" if mark == "{|" else "".join(words))
            mark, words = open_brackets.pop()
            open_brackets[-1][1].append(SAY[mark]("".join(words)))
        elif sign != "|}":
            open_brackets[-1][1].append(sign)
    open_brackets[-1][1].append(text[at:])
    return "".join("".join(words) for _, words in open_brackets)


def _opened_by(mark: str, open_brackets: list[tuple[str, list[str]]]) -> int:
    """Where the nearest bracket of a kind was opened."""
    return next((depth for depth in reversed(range(len(open_brackets))) if open_brackets[depth][0] == mark), 0)


def _link(inside: str) -> str:
    inside = inside.strip()
    if PICTURES.match(inside):
        return inside.lstrip(": ") if inside.startswith(":") else ""
    target, bar, words = inside.partition("|")
    return words.rpartition("|")[2] if bar and words.strip() else target.lstrip(":").partition("#")[0] or target


def _template(inside: str) -> str:
    name, *values = (part.strip() for part in inside.split("|"))
    name = name.lower().replace("_", " ")
    if name in SIGNS:
        return SIGNS[name]
    said = [value for value in values if not re.match(r"[a-z]+ ?=", value)]
    if name in ("convert", "cvt") and len(said) >= 2:
        return " ".join(said[:2])
    place = SAID.get(name, 0)
    if place < 0:
        return said[-1] if said else ""
    return said[place - 1] if 0 < place <= len(said) else ""


SAY = {"[[": _link, "{{": _template, "{|": lambda inside: ""}


def _lined(text: str) -> str:
    """Headings and items as plain lines; headings under which nothing is left, and lists of sources, go."""
    parts: list[tuple[int, str]] = []  # (level of a heading or 0, line)
    skipping = 0
    for line in text.split("\n"):
        heading = HEADING.match(line.strip()) if len(line) < HEADED else None
        level = len(heading[1]) if heading else 0
        if level and (not skipping or level <= skipping):
            skipping = level if heading and heading[2].lower().strip(" :") in LEFT else 0
        if skipping:
            continue
        line = heading[2] if heading else ITEM.sub(lambda found: "- " if found[1][-1] in "*#" else "", line)
        line = SPACES.sub(" ", EMPTY.sub("", line)).replace(" ,", ",").strip()
        if line in ("-", "|", "!", "|-", "|}"):
            continue
        while level and parts and _is_bare(parts, level):
            parts.pop()
        parts.append((level, line))
    while parts and (parts[-1][0] or not parts[-1][1]):
        parts.pop()
    return GAPS.sub("\n\n", "\n".join(f"\n{line}\n" if level else line for level, line in parts))


def _is_bare(parts: list[tuple[int, str]], level: int) -> bool:
    """Whether the last part is an empty line, or a heading that the next one shows to be empty."""
    last, line = parts[-1]
    return not line or last >= level
