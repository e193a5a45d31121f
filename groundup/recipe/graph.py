"""Which stage reads which: the references `$name/sub/path` in a recipe, and the order of work that follows from them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groundup.config import Place
from groundup.errors import Problem

REFERENCE = re.compile(r"\$([A-Za-z_][\w-]*)(?:/(.+))?")


@dataclass(frozen=True)
class Reference:
    """`$name/within` somewhere in a stage's settings."""

    name: str
    within: str
    place: Place | None

    def __str__(self) -> str:
        return f"${self.name}" + (f"/{self.within}" if self.within else "")


def reference(value: Any, place: Place | None = None) -> Reference | None:
    """The reference that a value is, or None for any other value."""
    if not isinstance(value, str) or not value.startswith("$"):
        return None
    found = REFERENCE.fullmatch(value)
    if found is None:
        at = f" ({place})" if place else ""
        raise Problem(f"cannot read {value!r}{at}: expected $stage or $stage/path/within")
    return Reference(found[1], found[2] or "", place)


def references(value: Any, place: Place | None = None) -> Iterator[Reference]:
    """Every reference inside nested settings, in the order in which they are written."""
    if isinstance(value, Mapping):
        places = getattr(value, "places", {})
        for key, inner in value.items():
            yield from references(inner, places.get(key, place))
    elif isinstance(value, list):
        places = getattr(value, "places", [])
        for i, inner in enumerate(value):
            yield from references(inner, places[i] if i < len(places) else place)
    elif found := reference(value, place):
        yield found


def order(needs: Mapping[str, list[str]], places: Mapping[str, Place] | None = None) -> list[str]:
    """The names so that each comes after all that it needs; otherwise as they were written. A cycle is a Problem."""
    done: list[str] = []
    for name in needs:
        _visit(name, needs, done, [], places or {})
    return done


def _visit(name: str, needs: Mapping[str, list[str]], done: list[str], above: list[str], places: Mapping) -> None:
    if name in done:
        return
    if name in above:
        ring = [*above[above.index(name) :], name]
        at = f" ({places[name]})" if name in places else ""
        raise Problem(f"the stages {' -> '.join(ring)} wait for each other{at}: let one of them read something else")
    for needed in needs[name]:
        _visit(needed, needs, done, [*above, name], places)
    done.append(name)
