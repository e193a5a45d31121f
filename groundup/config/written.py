"""Settings as a person wrote them: lines of YAML and words of the command line, each value with the place it came from.

YAML is read as version 1.2 says (`3e-4` is a number, `on` is a word), a key may stand only once, and nothing in a file
can run code. What leaves is plain dicts, lists and scalars that remember their places for whoever has to complain.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundup.errors import Problem

TAG = "tag:yaml.org,2002:"
PLAIN_TAGS = {TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")}
WHOLE = re.compile(r"[-+]?[0-9]+(_[0-9]+)*")
RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(_[0-9]+)*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
MOST_NODES = 200_000  # of one file, aliases counted each time: a few lines of YAML can otherwise fill the memory


@dataclass(frozen=True)
class Place:
    """Where a value was written: a line of a file, or a word of the command line with the text behind its `=`."""

    source: str
    line: int | None = None
    raw: str | None = None

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}" if self.line else self.source


class Section(dict[str, Any]):
    """A dict that knows where it stands and where each of its keys was written."""

    def __init__(self, place: Place | None = None):
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}

    def put(self, key: str, value: Any, place: Place | None) -> None:
        """Set a key and remember its place."""
        self[key] = value
        if place is not None:
            self.places[key] = place


class Series(list[Any]):
    """A list that knows where each of its items was written."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[Place] = []


def read_yaml(path: str | os.PathLike[str]) -> Section:
    """The mapping in a YAML 1.2 file; whatever is wrong with the file is said with its line."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise Problem(f"cannot read {path}: {error.strerror}") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Problem(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> Section:
    """The mapping written in a text that came from `source`."""
    value = _construct(text, source)
    if value is None:
        return Section(Place(source, 1))
    if not isinstance(value, Section):
        raise Problem(f"{source}: expected names with values (name: value), found {_kind(value)}")
    return value


def overrides(words: Iterable[str]) -> Section:
    """`["model.depth=6", …]` as nested settings; a later word wins; each value remembers its word."""
    result = Section(Place("the command line"))
    for word in words:
        name, equals, raw = word.partition("=")
        parts = name.split(".")
        if not equals or not all(re.fullmatch(r"[\w-]+", part) for part in parts):
            raise Problem(f"cannot read {word!r}: expected name=value, e.g. model.depth=6")
        place = Place(f"in {word!r}", raw=raw)
        inner = Section(place)
        inner.put(parts[-1], scalar(raw, place), place)
        for part in reversed(parts[:-1]):
            outer = Section(place)
            outer.put(part, inner, place)
            inner = outer
        result = merge(result, inner)
    return result


def scalar(raw: str, place: Place) -> Any:
    """One value of the command line: a YAML 1.2 scalar, or in brackets, braces or quotes what YAML makes of it."""
    text = raw.strip()
    if text[:1] in ("[", "{", '"', "'"):
        return _construct(text, place.source, raw)
    return _plain(text)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Section:
    """`base` with `over` laid on top: mappings merge name by name, all else is replaced; places are kept."""
    result = Section(getattr(base, "place", None) or getattr(over, "place", None))
    for side in (base, over):
        places = getattr(side, "places", {})
        for key, value in side.items():
            known = result.get(key)
            if isinstance(known, Mapping) and isinstance(value, Mapping):
                value = merge(known, value)
            result.put(key, value, places.get(key))
    return result


def _construct(text: str, source: str, raw: str | None = None) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1 if mark and raw is None else None)
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise Problem(f"{place}: not YAML: {said}") from error
    except YAMLError as error:
        raise Problem(f"{source}: not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise Problem(f"{source}: it is nested too deeply to be read") from error
    return None if node is None else _Reader(source, raw).value(node, ())


class _Reader:
    """Turns the nodes of one document into values with places."""

    def __init__(self, source: str, raw: str | None):
        self.source, self.raw, self.nodes = source, raw, 0

    def place(self, node: Any) -> Place:
        return Place(self.source, node.start_mark.line + 1) if self.raw is None else Place(self.source, raw=self.raw)

    def value(self, node: Any, above: tuple[Any, ...]) -> Any:
        place = self.place(node)
        self.nodes += 1
        if self.nodes > MOST_NODES or node in above:
            raise Problem(f"{place}: too large once its aliases (*name) are followed; write the values out")
        if node.id == "mapping" and node.tag == TAG + "map":
            return self.mapping(node, (*above, node))
        if node.id == "sequence" and node.tag == TAG + "seq":
            return self.sequence(node, (*above, node))
        if node.id == "scalar" and node.tag in PLAIN_TAGS:
            return node.value if node.tag == TAG + "str" else _plain(node.value)
        raise Problem(f"{place}: the tag {node.tag} is not known here; remove it")

    def mapping(self, node: Any, above: tuple[Any, ...]) -> Section:
        section = Section(self.place(node))
        for key_node, value_node in node.value:
            place = self.place(key_node)
            if key_node.id != "scalar":
                raise Problem(f"{place}: a name must be one word, not {key_node.id}")
            key = key_node.value
            if key in section:
                raise Problem(f"{place}: {key} is written twice, first in line {section.places[key].line}; keep one")
            section.put(key, self.value(value_node, above), place)
        return section

    def sequence(self, node: Any, above: tuple[Any, ...]) -> Series:
        series = Series()
        for item in node.value:
            series.append(self.value(item, above))
            series.places.append(self.place(item))
        return series


def _plain(text: str) -> Any:
    """An unquoted scalar as YAML 1.2's core schema resolves it, with `_` allowed between digits (30_000_000)."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if WHOLE.fullmatch(text):
        return int(text)
    if RADIX.fullmatch(text):
        return int(text, 0)
    if DECIMAL.fullmatch(text) or NOT_FINITE.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"{value!r}"
