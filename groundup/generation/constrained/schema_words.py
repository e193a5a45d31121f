"""The words of JSON Schema: which can be held for which type, which say nothing about a value, and what formats mean."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from groundup.errors import Problem

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == int(value),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
KEYWORDS: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": BOUNDS,
    "integer": BOUNDS,
    "boolean": set(),
    "null": set(),
}
ASIDE = {  # they describe, or hold what is referred to
    "$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "example",
    "deprecated", "readOnly", "writeOnly", "discriminator",
}  # fmt: skip
DAY = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"  # up to the 28th: every month has those
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
LABEL = "[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?"
FORMATS = {
    "date": f"^{DAY}$",
    "time": f"^{CLOCK}$",
    "date-time": f"^{DAY}T{CLOCK}$",
    "uuid": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    "email": rf"^[a-z0-9]+(?:[._+-][a-z0-9]+){{0,4}}@{LABEL}(?:\.{LABEL}){{1,3}}$",
    "ipv4": rf"^(?:{BYTE}\.){{3}}{BYTE}$",
    "hostname": rf"^{LABEL}(?:\.{LABEL}){{0,4}}$",
    "uri": rf"^https?://{LABEL}(?:\.{LABEL}){{0,4}}(?:/[A-Za-z0-9._~-]{{0,40}}){{0,8}}$",
}


def wrong(word: str, where: str, why: str) -> Problem:
    """A keyword that cannot be held, and where it stands."""
    return Problem(f"the JSON schema has {str(word)[:60]!r} at {where[:200] or 'its root'}: {why}")


def target(root: Any, reference: Any) -> Any:
    """What a $ref of the schema itself means."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise Problem(
            f"the JSON schema refers to {str(reference)[:80]!r}: only its own parts, like '#/$defs/name', can be followed"
        )
    found = root
    for step in reference.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        else:
            raise Problem(f"the JSON schema refers to {reference[:80]!r}, which is not in it")
    return found


def apart(root: Any, options: Sequence[Any]) -> bool:
    """Whether no value can fit two of the schemas, as far as types, constants and needed properties tell."""
    return all(_two_apart(root, one, other, 4) for one, other in itertools.combinations(options, 2))


def _two_apart(root: Any, one: Any, other: Any, depth: int) -> bool:
    one, other = (
        target(root, each["$ref"]) if isinstance(each, Mapping) and "$ref" in each else each for each in (one, other)
    )
    if not depth or not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return False
    some, more = _constants(one), _constants(other)
    if some is not None and more is not None:
        return not any(value == another and type(value) is type(another) for value in some for another in more)
    types, others = _types(one), _types(other)
    if types and others and not types & others:
        return True
    if types != {"object"} or others != {"object"}:
        return False
    needed = set(one.get("required", [])) & set(other.get("required", []))
    both = [name for name in needed if name in one.get("properties", {}) and name in other.get("properties", {})]
    return any(_two_apart(root, one["properties"][name], other["properties"][name], depth - 1) for name in both)


def _constants(told: Mapping[str, Any]) -> list[Any] | None:
    return [told["const"]] if "const" in told else told["enum"] if isinstance(told.get("enum"), list) else None


def _types(told: Mapping[str, Any]) -> set[str]:
    """The types a schema allows, integers as the numbers that they are; none if it does not say."""
    named = told.get("type", [])
    names = {named} if isinstance(named, str) else set(named) if isinstance(named, list) else set()
    return {"number" if name == "integer" else name for name in names}
