"""Words written so that a list of words does not find them: 1d10t, s t u p i d, looooser, letters of another alphabet.

What comes back is only for looking words up: numbers and dotted names are spoilt in it. Each disguise is first looked for
by its rarest character, since nearly all texts have none.
"""

import re
from string import ascii_lowercase

SIGNS = str.maketrans("013457@$!|+€", "oieastasiite")
SIGNED = re.compile(r"[013457@$!|+€][a-z]")
FOREIGN = str.maketrans(
    "аеорсухікмтнвѕјԁαειοκρτυνχ", "aeopcyxikmthbsjdaeiokptyvx"
)  # Cyrillic and Greek that look Latin
MIXED = re.compile(r"[a-z][\u0370-\u052f]|[\u0370-\u052f][a-z]")
APART = re.compile(r"(?<!\w)(?:\w([ ._*\-])(?:\w\1)+\w)(?!\w)")
LETTERS_APART = re.compile(r"[ ._*\-]\w[ ._*\-]\w(?!\w)")
PARTS = re.compile(r"[ ._*\-]")
DRAWN = tuple(letter * 3 for letter in ascii_lowercase)
REPEATED = re.compile(r"([a-z])\1\1+")
WORD = re.compile(r"\S+")
ENDS = "!?.,;:)]}\"'"  # signs that are no letters at the end of a word


def undisguised(text: str) -> str:
    """A text in lower case with its disguised words as they would be written plainly."""
    if LETTERS_APART.search(text):
        text = APART.sub(lambda found: PARTS.sub("", found[0]), text)
    if not text.isascii() and MIXED.search(text):
        text = WORD.sub(lambda found: found[0].translate(FOREIGN) if MIXED.search(found[0]) else found[0], text)
    if SIGNED.search(text):
        text = WORD.sub(_without_signs, text)
    if any(drawn in text for drawn in DRAWN):
        text = REPEATED.sub(r"\1", text)
    return text


def _without_signs(found: re.Match[str]) -> str:
    word = found[0]
    if not SIGNED.search(word):
        return word
    inside = word.rstrip(ENDS)
    return inside.translate(SIGNS) + word[len(inside) :]
