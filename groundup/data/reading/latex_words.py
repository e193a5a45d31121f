"""The words of a LaTeX text: one pass over its signs, in which every command is kept, resolved, or left out.

Formulas stay as they were written; what is meant for the printer (figures, lengths, labels) goes.
"""

import re

SIGN = re.compile(
    r"\\(?:begin|end)\s*\{([a-zA-Z]+\*?)\}|\\([a-zA-Z]+)\*?[ \t]*\n?|\\([^a-zA-Z])|([{}$~&%])|(``|''|---?)|(\n[ \t]*\n\s*)"
)
OPTION = re.compile(r"[ \t]*\[[^\[\]]{0,2000}\]")
ARGUMENT = re.compile(r"\s{0,20}\{")
FORMULAS = {"equation", "equation*", "align", "align*", "gather", "gather*", "multline", "multline*", "eqnarray", "eqnarray*",
            "displaymath", "math", "alignat", "alignat*", "flalign", "flalign*", "dmath", "subequations"}  # fmt: skip
AS_IT_IS = {"verbatim", "verbatim*", "lstlisting", "Verbatim", "minted", "alltt"}
GONE = {"figure", "figure*", "table", "table*", "tikzpicture", "thebibliography", "tabular", "tabular*", "wrapfigure", "picture",
        "comment", "filecontents", "filecontents*", "longtable", "subfigure", "pgfpicture", "tabularx", "CCSXML",
        "acknowledgments*"}  # fmt: skip
HEADINGS = {"part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph", "title"}
SECOND = {"href", "textcolor", "colorbox", "texorpdfstring", "foreignlanguage", "hyperref"}  # of two, the last is read
UNREAD = {"label": 1, "cite": 1, "citep": 1, "citet": 1, "citealp": 1, "citeauthor": 1, "citeyear": 1, "ref": 1, "eqref": 1,
          "autoref": 1, "cref": 1, "Cref": 1, "pageref": 1, "nocite": 1, "includegraphics": 1, "bibliography": 1, "nameref": 1,
          "bibliographystyle": 1, "vspace": 1, "hspace": 1, "usepackage": 1, "documentclass": 1, "input": 1, "include": 1,
          "newcommand": 2, "renewcommand": 2, "providecommand": 2, "def": 1, "setlength": 2, "addtolength": 2, "date": 1,
          "setcounter": 2, "thispagestyle": 1, "pagestyle": 1, "newtheorem": 2, "DeclareMathOperator": 2, "color": 1,
          "parencite": 1, "textcite": 1, "affiliation": 1, "email": 1, "institute": 1, "keywords": 1, "hypersetup": 1,
          "bibitem": 1, "index": 1, "phantomsection": 0, "addcontentsline": 3, "graphicspath": 1, "captionsetup": 1,
          "resizebox": 2, "rule": 2, "markboth": 2, "fontsize": 2, "selectlanguage": 1, "theoremstyle": 1}  # fmt: skip
SIGNS = {"LaTeX": "LaTeX", "TeX": "TeX", "ldots": "…", "dots": "…", "textellipsis": "…", "ss": "ß", "ae": "æ", "AE": "Æ",
         "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å", "l": "ł", "L": "Ł", "i": "ı", "j": "ȷ", "S": "§",
         "P": "¶", "copyright": "©", "pounds": "£", "euro": "€", "textendash": "–", "textemdash": "—", "textbackslash": "\\",
         "textasciitilde": "~", "textquoteright": "’", "textquoteleft": "‘", "textquotedblleft": "“", "textquotedblright": "”",
         "textdegree": "°", "par": "\n\n", "newline": "\n", "item": "\n- ", "quad": " ", "qquad": " ", "dag": "†", "slash": "/",
         "textregistered": "®", "texttrademark": "™", "textbar": "|", "textless": "<", "textgreater": ">", "and": ", ",
         "linebreak": "\n", "clearpage": "\n\n", "newpage": "\n\n", "bigskip": "\n\n", "medskip": "\n\n",
         "smallskip": "\n\n"}  # fmt: skip
ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "=": "\u0304", ".": "\u0307"}
LETTERS = {
    "c": "\u0327",
    "v": "\u030c",
    "u": "\u0306",
    "H": "\u030b",
    "k": "\u0328",
    "r": "\u030a",
    "d": "\u0323",
    "b": "\u0331",
}
PLAIN = {"``": "“", "''": "”", "--": "–", "---": "—", "~": " ", "&": "\t", "{": "", "}": "", "%": "%"}
BODY = re.compile(r"\\begin\s*\{document\}")
TITLE = re.compile(r"\\title\s*(?:\[[^\[\]]{0,300}\])?\s*\{")
ABSTRACT = re.compile(r"\\abstract\s*\{")
COMMAND = re.compile(r"\\([a-zA-Z]+)(?![a-zA-Z])(?:\{\})?")
OWN = re.compile(
    r"\\(?:(?:re)?newcommand\*?\s?\{?\s?\\([a-zA-Z]+)\s?\}?|def\s?\\([a-zA-Z]+))\s?\{((?:[^{}#\n]|\{[^{}#\n]*\}){1,100})\}"
)
VERB = 500  # characters between the marks of a verbatim phrase
LETTER = re.compile(r"[ \t]*(?:\{\s*(\\?[a-zA-Z])\s*\}|(\\?[a-zA-Z]))")
GAPS, SPACES, EDGES = re.compile(r"\n{3,}"), re.compile(r"[ \t]{2,}"), re.compile(r"[ \t]*\n[ \t]*")
ORPHANS = re.compile(r"\(\s*[,;]?\s*\)|(?<=\w)[ \t]+(?=[.,;:)])")


def readable(text: str) -> str:
    """A paper's title and body as paragraphs, with its formulas as LaTeX."""
    begin = BODY.search(text)
    own = shorthands(text[: begin.start()] if begin else "")
    preamble, body = (text[: begin.start()], text[begin.end() :]) if begin else ("", text)
    body = COMMAND.sub(lambda found: own.get(found[1], found[0]), body) if own else body
    named = [preamble[found.end() : closing(preamble, found.end() - 1)]
             for pattern in (TITLE, ABSTRACT) if (found := pattern.search(preamble))]  # fmt: skip
    return tidy(words("\n\n".join([*named, body])))


def shorthands(preamble: str) -> dict[str, str]:
    """The commands without arguments that an author defined, with what they stand for."""
    return {found[1] or found[2]: found[3] + " " * found[3][-1:].isalpha() for found in OWN.finditer(preamble)}


def tidy(text: str) -> str:
    """One space and one blank line where several were left."""
    return GAPS.sub("\n\n", EDGES.sub("\n", SPACES.sub(" ", ORPHANS.sub("", text)))).strip()


def closing(text: str, opening: int) -> int:
    """Where the brace at `opening` is closed; the end of the text if it never is."""
    depth = 0
    for found in re.compile(r"\\.|[{}]", re.S).finditer(text, opening):
        depth += (found[0] == "{") - (found[0] == "}")
        if depth == 0:
            return found.start()
    return len(text)


class Words:
    """The words read so far, and how far the text was read."""

    def __init__(self, text: str):
        self.text, self.at = text, 0
        self.out: list[str] = []
        self.closings = _closings(text)
        self.absent: set[str] = set()  # marks that never come any more

    def argument(self) -> tuple[int, int] | None:
        """Where the next argument in braces lies; reading goes on after it."""
        opened = ARGUMENT.match(self.text, self.at)
        if not opened:
            return None
        end = self.closings.get(opened.end() - 1, len(self.text))
        self.at = end + 1
        return opened.end(), end

    def options(self) -> None:
        """Pass over what stands in square brackets."""
        while found := OPTION.match(self.text, self.at):
            self.at = found.end()

    def until(self, mark: str) -> str | None:
        """What stands before a mark, or nothing if it never comes; reading goes on after it."""
        end = self.text.find(mark, self.at) if mark not in self.absent else -1
        if end < 0:
            self.absent.add(mark)
            return None
        inside, self.at = self.text[self.at : end], end + len(mark)
        return inside


def _closings(text: str) -> dict[int, int]:
    """For each opening brace where it is closed."""
    open_braces: list[int] = []
    found: dict[int, int] = {}
    for sign in re.finditer(r"\\.|[{}]", text, re.S):
        if sign[0] == "{":
            open_braces.append(sign.start())
        elif sign[0] == "}" and open_braces:
            found[open_braces.pop()] = sign.start()
    return found


def words(text: str) -> str:
    """The words of a text, each command by its table."""
    reading = Words(text)
    while found := SIGN.search(text, reading.at):
        reading.out.append(text[reading.at : found.start()])
        reading.at = found.end()
        if found[1]:
            _environment(found, reading)
        elif found[2]:
            _command(found[2], reading)
        elif found[3]:
            _sign(found[3], reading)
        elif found[4] == "$":
            _formula(reading)
        else:
            reading.out.append("\n\n" if found[6] else PLAIN[found[4] or found[5]])
    return "".join([*reading.out, text[reading.at :]])


def _environment(found: re.Match[str], reading: Words) -> None:
    name, opens = found[1], found[0].startswith("\\begin")
    if opens and name in FORMULAS | AS_IT_IS | GONE:
        inside = reading.until(f"\\end{{{name}}}") or ""
        if inside and name not in GONE:
            reading.out.append(
                f"\n\n$${inside.strip()}$$\n\n" if name in FORMULAS else f"\n\n{inside.strip(chr(10))}\n\n"
            )
    elif name == "document" and not opens:
        reading.at = len(reading.text)
    else:
        reading.options()
        reading.out.append("\n\n")


def _command(name: str, reading: Words) -> None:
    if name in SIGNS:
        reading.options() if name == "item" else None
        reading.out.append(SIGNS[name])
    elif name in UNREAD:
        reading.options()
        for _ in range(UNREAD[name]):
            reading.argument()
            reading.options()
    elif name in SECOND:
        reading.options()
        reading.argument()
    elif name in HEADINGS:
        reading.options()
        if place := reading.argument():
            reading.out.append(f"\n\n{tidy(words(reading.text[place[0] : min(place[1], place[0] + 2000)]))}\n\n")
    elif name in LETTERS:
        _accent(LETTERS[name], reading)
    elif name == "verb":
        end = reading.text.find(reading.text[reading.at : reading.at + 1], reading.at + 1, reading.at + VERB)
        if end > 0:
            reading.out.append(reading.text[reading.at + 1 : end])
            reading.at = end + 1
    else:
        reading.options()  # its words, if it has any, stand in the braces that follow


def _sign(sign: str, reading: Words) -> None:
    if sign in "[(":
        inside = reading.until("\\]" if sign == "[" else "\\)") or ""
        reading.out.append(f"\n\n$${inside.strip()}$$\n\n" if sign == "[" else f"${inside.strip()}$")
    elif sign in ACCENTS:
        _accent(ACCENTS[sign], reading)
    elif sign == "\\":
        reading.options()
        reading.out.append("\n")
    else:
        reading.out.append(sign if sign in "%$&#_{}" else " " if sign in " ,;:!\n" else "")


def _formula(reading: Words) -> None:
    mark = "$$" if reading.text.startswith("$", reading.at) else "$"
    reading.at += len(mark) - 1
    inside = reading.until(mark)
    reading.out.append("$" if inside is None else f"{mark}{inside.strip()}{mark}")


def _accent(mark: str, reading: Words) -> None:
    """The next letter with an accent above or below it."""
    letter = LETTER.match(reading.text, reading.at)
    if letter:
        reading.at = letter.end()
        plain = (letter[1] or letter[2]).removeprefix("\\")
        reading.out.append(plain + mark)  # cleaning composes them
