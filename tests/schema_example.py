"""JSON schemas of every keyword that can be held, and the plainest checker of values there is."""

import math
import re
from datetime import date, datetime
from typing import Any

from groundup.generation.constrained.schema_words import TYPES

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "tags": {"type": "array", "items": {"enum": ["a", "b", 3, None]}, "maxItems": 3},
        "note": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "v": {"type": "integer"},
                "more": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2},
            },
            "required": ["v"],
        }
    },
    "$ref": "#/$defs/node",
}
SHAPES = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"kind": {"const": "dot"}, "at": {"type": "number"}},
            "required": ["kind", "at"],
        },
        {"type": "object", "properties": {"kind": {"const": "line"}}, "required": ["kind"]},
        {
            "type": "array",
            "prefixItems": [{"type": "boolean"}, {"type": "null"}],
            "items": {"type": "boolean"},
            "maxItems": 4,
        },
    ]
}
SCHEMAS: dict[str, Any] = {
    "person": PERSON,
    "tree": TREE,
    "shapes": SHAPES,
    "const": {"const": {"a": [1, "é\n", {"b": None}]}},
    "map": {
        "type": "object",
        "additionalProperties": {"type": "integer", "maximum": 9},
        "minProperties": 1,
        "maxProperties": 3,
    },
    "more": {
        "type": "object",
        "properties": {"a": {"type": "null"}, "ab": {"type": "null"}},
        "required": ["b"],
        "additionalProperties": {"type": "boolean"},
    },
    "pattern": {"type": "string", "pattern": '^[a-c"\\\\]{2,4}x?$'},
    "found somewhere": {"type": "string", "pattern": "ab|^c"},
    "date": {"type": "string", "format": "date"},
    "date-time": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "email": {"type": "string", "format": "email"},
    "several types": {"type": ["integer", "null", "string"], "maxLength": 3, "exclusiveMinimum": -2.5},
    "between": {"type": "number", "exclusiveMinimum": -1.25, "maximum": 3.5},
    "list": {"type": "array", "items": {"type": "string", "maxLength": 2}, "minItems": 2, "maxItems": 4},
    "by keyword": {"properties": {"x": True}, "required": ["x"]},
    "one of all": {"allOf": [{"type": "boolean"}], "description": "a title and a default say nothing", "default": True},
}


def fits(value: Any, schema: Any, root: Any) -> bool:
    """Whether a value fits a schema; knows the keywords of SCHEMAS."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        found = root
        for step in schema["$ref"].split("/")[1:]:
            found = found[step]
        return fits(value, found, root)
    checks = [
        "const" not in schema or value == schema["const"],
        "enum" not in schema or value in schema["enum"],
        "anyOf" not in schema or any(fits(value, one, root) for one in schema["anyOf"]),
        "oneOf" not in schema or sum(fits(value, one, root) for one in schema["oneOf"]) == 1,
        "allOf" not in schema or all(fits(value, one, root) for one in schema["allOf"]),
    ]
    if "type" in schema:
        names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        checks.append(any(TYPES[name](value) for name in names))
    elif "properties" in schema:
        checks.append(isinstance(value, dict))
    return all(checks) and _fits_inside(value, schema, root)


def _fits_inside(value: Any, schema: Any, root: Any) -> bool:
    if isinstance(value, str):
        return _string_fits(value, schema)
    if TYPES["number"](value):
        inside = schema.get("minimum", value) <= value <= schema.get("maximum", value)
        return inside and not (
            value <= schema.get("exclusiveMinimum", -math.inf) or value >= schema.get("exclusiveMaximum", math.inf)
        )
    if isinstance(value, list):
        firsts = schema.get("prefixItems", [])
        rest = all(fits(item, schema.get("items", True), root) for item in value[len(firsts) :])
        known = all(fits(item, first, root) for item, first in zip(value, firsts, strict=False))
        return rest and known and schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
    if isinstance(value, dict):
        named, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        inside = all(fits(item, named.get(name, more), root) for name, item in value.items())
        count = schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value))
        return inside and count and set(schema.get("required", [])) <= set(value)
    return value is None or isinstance(value, bool)


def _string_fits(value: str, schema: Any) -> bool:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    kind = schema.get("format")
    if kind == "date":
        return date.fromisoformat(value) is not None
    if kind == "date-time":
        return datetime.fromisoformat(value) is not None
    if kind == "uuid":
        return re.fullmatch("[0-9a-f-]{36}", value) is not None
    return kind != "email" or re.fullmatch(r"[^@ ]+@[^@ ]+\.[^@ ]+", value) is not None
