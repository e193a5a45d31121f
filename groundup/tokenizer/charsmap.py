"""SentencePiece's replacements of characters, such as a ligature by its letters: read from their compiled form.

That form is a trie as a double array (darts-clone: a word of 32 bits a node, with its label, the offset of its children and
whether an entry ends here), and behind it the replacements, each closed by a NUL. Two libraries use it in two ways:
`spaced` is SentencePiece's, `by_graphemes` that of Hugging Face.
"""

from functools import cached_property

import numpy as np
import regex

from groundup.errors import Problem

GRAPHEMES = regex.compile(r"\X")
LONGEST_GRAPHEME = 6  # bytes, from which on a grapheme is taken character by character
LONGEST_RULE = 64  # bytes of what is replaced
REMEMBERED = 1 << 16  # graphemes


class Charsmap:
    """What is replaced by what: `units` is the trie, `strings` the replacements."""

    def __init__(self, data: bytes, where: str):
        """From the compiled form; `where` is named if it is none."""
        size = int.from_bytes(data[:4], "little")
        if len(data) < 8 or size % 4 or not 1024 <= size <= len(data) - 4 or data[-1]:
            raise Problem(f"{where} has a precompiled_charsmap that is cut off or altered: get the file again")
        self.units, self.strings = np.frombuffer(data[4 : 4 + size], "<u4").astype(np.uint32), data[4 + size :]
        self.data = data
        self.seen: dict[str, str] = {}

    @cached_property
    def nodes(self) -> list[int]:
        """The trie for plain Python."""
        return self.units.tolist()

    def rules(self, text: bytes) -> list[tuple[int, bytes]]:
        """(how many bytes, what instead of them) of each entry that a text begins with, shortest first."""
        found, place = [], offset(self.nodes[0])
        for length, byte in enumerate(text, 1):
            place ^= byte
            if place >= len(self.nodes) or self.nodes[place] & 0x800000FF != byte:
                break
            node = self.nodes[place]
            place ^= offset(node)
            start = self.nodes[place] & 0x7FFFFFFF if node >> 8 & 1 and place < len(self.nodes) else len(self.strings)
            if start < len(self.strings):
                found.append((length, self.strings[start : self.strings.index(b"\0", start)]))
        return found

    def by_graphemes(self, text: str) -> str:
        """What a reader sees as one character is replaced as a whole, by the first entry that it begins with."""
        return "".join(map(self.of_grapheme, GRAPHEMES.findall(text)))

    def of_grapheme(self, grapheme: str) -> str:
        """The replacement of one, remembered."""
        if grapheme not in self.seen:
            if len(self.seen) >= REMEMBERED:
                self.seen.clear()
            whole = grapheme.encode(errors="surrogateescape")
            parts = (
                [whole]
                if len(whole) < LONGEST_GRAPHEME and self.rules(whole)
                else [character.encode(errors="surrogateescape") for character in grapheme]
            )
            made = b"".join(self.rules(part)[0][1] if self.rules(part) else part for part in parts)
            self.seen[grapheme] = made.decode(errors="surrogateescape")
        return self.seen[grapheme]


def offset(node: int) -> int:
    """Where the children of a node are, to be joined with the node's place by exclusive or."""
    return node >> 10 << ((node & 512) >> 6)


MARK = "▁".encode()


def spaced(text: bytes, charsmap: Charsmap | None, symbols: list[bytes], mark_first: bool, thin_out: bool) -> bytes:
    """The text as SentencePiece segments it: by the longest rules, with marks for blanks, one before it if `mark_first`.

    thin_out: no blanks at the ends, and one between words. Symbols are taken as they are.
    """
    read = replaced(text, charsmap, symbols)
    while thin_out and read and read[0] == b" ":
        read.pop(0)
    if not read:
        return b""
    made, after_blank = MARK if mark_first else b"", thin_out
    for part in read:
        kept = part.lstrip(b" ") if after_blank else part
        made += kept.replace(b" ", MARK)
        if kept:
            after_blank = thin_out and kept.endswith(b" ")
    while thin_out and made.endswith(MARK):
        made = made.removesuffix(MARK)
    return made


def replaced(text: bytes, charsmap: Charsmap | None, symbols: list[bytes]) -> list[bytes]:
    """What is read one after the other: symbols, replacements, characters; U+FFFD for a byte that is in none."""
    found, i = [], 0
    while i < len(text):
        symbol = max((s for s in symbols if text.startswith(s, i)), key=len, default=b"")
        rules = charsmap.rules(text[i : i + LONGEST_RULE]) if charsmap and not symbol else []
        there = symbol or character(text, i)
        length, read = (
            rules[-1] if rules else (len(there), there if there.isascii() or len(there) > 1 else "\ufffd".encode())
        )
        found.append(read)
        i += length
    return found


def character(text: bytes, i: int) -> bytes:
    """The character at i, or the byte there if none is."""
    for length in range(1, 5):
        try:
            text[i : i + length].decode()
            return text[i : i + length]
        except UnicodeDecodeError:
            continue
    return text[i : i + 1]
