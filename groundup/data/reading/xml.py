"""XML of strangers, read without ever expanding an entity: dumps are cut into their rows, small files parsed whole.

A dump is cut at the borders of its rows before anything parses it, so a broken row costs itself alone.
"""

from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

from groundup.data.documents import Record
from groundup.data.reading.bounds import LARGEST
from groundup.data.reading.found import Found, Read

PIECE = 1 << 20
HEAD = 4 << 10
DEPTH = 1000  # elements inside each other


class Element:
    """An element with its attributes, children and the text right inside it; names are without their namespace."""

    def __init__(self, name: str, attributes: dict[str, str]):
        self.name, self.attributes = name, attributes
        self.children: list[Element] = []
        self.words: list[str] = []

    @property
    def text(self) -> str:
        """The characters right inside it."""
        return "".join(self.words)

    def find(self, name: str) -> "Element | None":
        """The first child of a name."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> Iterator["Element"]:
        """Every element of a name below it."""
        waiting = [*reversed(self.children)]
        while waiting:
            element = waiting.pop()
            if element.name == name:
                yield element
            waiting += reversed(element.children)


def parsed(raw: bytes) -> Element:
    """The root of a small document; ValueError where it is no XML or declares entities."""
    root = Element("", {})
    open_elements = [root]
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > DEPTH:
            raise ValueError(f"more than {DEPTH} elements inside each other")
        plain = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        element = Element(name.rpartition(":")[2], plain)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def refuse(*_: object) -> None:
        raise ValueError("it declares entities, which are not expanded here")

    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _: open_elements.pop()
    parser.CharacterDataHandler = lambda text: open_elements[-1].words.append(text)
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise ValueError(f"not XML: {error}") from None
    return root.children[0]


def pieces(stream: IO[bytes], begin: bytes, end: bytes, rest: bytes = b"") -> Iterator[bytes | None]:
    """What stands from each `begin` to its `end`; nothing in place of what is too long or does not end."""
    while True:
        start = rest.find(begin)
        if start < 0:
            rest = rest[-len(begin) :]
        else:
            stop = rest.find(end, start)
            if stop >= 0:
                yield rest[start : stop + len(end)]
                rest = rest[stop + len(end) :]
                continue
            rest = rest[start:]
        some = stream.read(max(PIECE, len(rest)))
        if not some:
            if start >= 0:
                yield None
            return
        if len(rest) > LARGEST:
            yield None
            rest = rest[-len(end) :]
        rest += some


class Dumps:
    """The reader of .xml files: by the first element of a file it knows whose dump it is."""

    def __init__(self, kinds: dict[bytes, Read]):
        self.kinds = kinds

    def __call__(self, stream: IO[bytes], found: Found) -> Iterator[Record]:
        """The documents of a known dump; other XML is no text and is counted."""
        head = stream.read(HEAD)
        if b"<!ENTITY" in head:
            yield Record(found.name, found.name, problem="it declares entities, which are not expanded here")
            return
        kind = next((kind for kind in self.kinds if kind in head), None)
        if kind is None:
            found.skipped[".xml that is no dump of a wiki or forum"] += 1
            return
        yield from self.kinds[kind](Again(head, stream), found)  # type: ignore[arg-type]


class Again:
    """A stream whose beginning has been looked at."""

    def __init__(self, head: bytes, stream: IO[bytes]):
        self.head, self.stream = head, stream

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        if self.head:
            some, self.head = self.head[:size], self.head[size:]
            return some
        return self.stream.read(size)
