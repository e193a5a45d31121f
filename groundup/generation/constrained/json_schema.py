"""A JSON schema as an expression: every text that fits it is valid, and a keyword that cannot be held is refused by name.

Properties come in the order in which the schema tells them. A schema that lists properties and says nothing of others gets
no others. A schema that refers to itself goes at most so deep as `DEEPEST` says.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from groundup.errors import Problem
from groundup.generation.constrained.characters import Ranges
from groundup.generation.constrained.expressions import NOTHING, Expressions
from groundup.generation.constrained.json_values import DEEPEST, Values
from groundup.generation.constrained.regex import search
from groundup.generation.constrained.schema_words import ASIDE, FORMATS, KEYWORDS, TYPES, apart, target, wrong

MOST_LEVELS = 64  # of a schema itself


def schema(expressions: Expressions, told: Any) -> int:
    """Every text that is JSON and fits the schema."""
    made = Schemas(expressions, told).expression(told, DEEPEST, "")
    if made == NOTHING:
        raise Problem(
            "the JSON schema allows no value that could be written: nothing fits all of it, or it refers to itself for ever"
        )
    return made


class Schemas:
    """Turns parts of one schema into expressions."""

    def __init__(self, expressions: Expressions, root: Any):
        self.make, self.values, self.root = expressions, Values(expressions), root
        self.known: dict[tuple[int, int], int] = {}

    def expression(self, told: Any, depth: int, where: str) -> int:
        """What fits a schema within the one asked for, which may refer on so many times."""
        if told is True or told == {}:
            return self.values.anything(max(depth - 4, 0))
        if told is False:
            return NOTHING
        if not isinstance(told, Mapping):
            raise Problem(
                f"the JSON schema has {str(told)[:60]!r} at {where or 'its root'}: a schema is an object, true or false"
            )
        if where.count("/") > MOST_LEVELS:
            raise Problem(f"the JSON schema is more than {MOST_LEVELS} levels deep")
        key = (id(told), depth)
        if key not in self.known:
            self.known[key] = self._expression(told, depth, where)
        return self.known[key]

    def _expression(self, told: Mapping[str, Any], depth: int, where: str) -> int:
        if "$ref" in told:
            self._only(told, {"$ref"}, where)
            return self.expression(target(self.root, told["$ref"]), depth - 1, where) if depth > 0 else NOTHING
        for word in ("anyOf", "oneOf", "allOf"):
            if word in told:
                return self._combined(word, told, depth, where)
        for word in ("const", "enum"):
            if word in told:
                return self._constants(word, told, where)
        named = told.get("type", self._guessed(told))
        names = [named] if isinstance(named, str) else named
        if not isinstance(names, Sequence) or not names or not all(name in TYPES for name in names):
            raise wrong("type", where, f"it must be one or several of {', '.join(TYPES)}")
        allowed = {"type"}.union(*(KEYWORDS[name] for name in names))
        self._only(told, allowed, where)
        return self.make.either(getattr(self, f"_{name}")(told, depth, where) for name in names)

    def _guessed(self, told: Mapping[str, Any]) -> list[str]:
        """The types that a schema without `type` is about; where its keywords are of one type, the others are left out."""
        about = [name for name, words in KEYWORDS.items() if name != "integer" and any(word in told for word in words)]
        return about or list(TYPES)

    def _only(self, told: Mapping[str, Any], allowed: set[str], where: str) -> None:
        """Refuse what is not held."""
        for word, value in told.items():
            if word not in allowed and word not in ASIDE and not (word == "uniqueItems" and value is False):
                raise wrong(word, where, "this keyword cannot be held here")

    def _combined(self, word: str, told: Mapping[str, Any], depth: int, where: str) -> int:
        """Any of several schemas."""
        self._only(told, {word, "type"}, where)
        options = told[word]
        if not isinstance(options, Sequence) or isinstance(options, str) or not options:
            raise wrong(word, where, "it must be a list of schemas")
        if "type" in told and any(
            not isinstance(option, Mapping) or option.get("type") != told["type"] for option in options
        ):
            raise wrong("type", where, f"it stands beside {word} and is not the type of each schema there")
        if word == "allOf" and len(options) > 1:
            raise wrong(word, where, "several schemas at once cannot be held")
        if word == "oneOf" and not apart(self.root, options):
            raise wrong(
                word, where, "two of its schemas could fit the same value: say anyOf, or tell them apart by a constant"
            )
        return self.make.either(
            self.expression(option, depth, f"{where}/{word}/{place}") for place, option in enumerate(options)
        )

    def _constants(self, word: str, told: Mapping[str, Any], where: str) -> int:
        self._only(told, {word, "type"}, where)
        values = told[word] if word == "enum" else [told[word]]
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise wrong(word, where, "it must be a list of values")
        named = told.get("type")
        if named is not None:
            names = [named] if isinstance(named, str) else list(named)
            values = [value for value in values if any(TYPES[name](value) for name in names if name in TYPES)]
        return self.values.constants(values)

    def _string(self, told: Mapping[str, Any], depth: int, where: str) -> int:
        bounds = [word for word in ("minLength", "maxLength") if word in told]
        shapes = [word for word in ("pattern", "format") if word in told]
        if len(shapes) > 1 or (shapes and bounds):
            raise wrong(shapes[0], where, f"it cannot be held together with {(bounds or shapes[1:])[0]}")
        if not shapes:
            return self.values.string(*self._bounds(told, "minLength", "maxLength", where))
        pattern = told[shapes[0]]
        if shapes[0] == "format":
            if pattern not in FORMATS:
                raise wrong("format", where, f"it can be {', '.join(FORMATS)}")
            pattern = FORMATS[pattern]
        if not isinstance(pattern, str):
            raise wrong("pattern", where, "it must be a regular expression")
        anything = self.make.repeat(self.values.character, 0, None)
        return self.values.quoted(search(self.make, pattern, self._one_of, anything))

    def _one_of(self, ranges: Ranges) -> int:
        return self.values.one_of(ranges)

    def _number(self, told: Mapping[str, Any], depth: int, where: str) -> int:
        found = self._bounded(told, where, True)
        return self.values.numbers.number() if found is None else found

    def _integer(self, told: Mapping[str, Any], depth: int, where: str) -> int:
        found = self._bounded(told, where, False)
        return self.values.numbers.integer() if found is None else found

    def _bounded(self, told: Mapping[str, Any], where: str, point: bool) -> int | None:
        """A number between the bounds, if there are any; the narrower of an inclusive and an exclusive one counts."""
        ends: dict[str, Decimal] = {}
        for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if word in told:
                ends[word] = self._decimal(told[word], word, where)
        if not ends:
            return None
        low, high = ends.get("minimum"), ends.get("maximum")
        over, under = ends.get("exclusiveMinimum"), ends.get("exclusiveMaximum")
        with_low = over is None or (low is not None and low > over)
        with_high = under is None or (high is not None and high < under)
        low, high = low if with_low else over, high if with_high else under
        if low is not None and high is not None and low > high:
            return NOTHING
        return self.values.numbers.between(low, high, with_low, with_high, point)

    def _decimal(self, value: Any, word: str, where: str) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
            raise wrong(word, where, "it must be a number between -1e15 and 1e15")
        return Decimal(str(value))

    def _boolean(self, told: Mapping[str, Any], depth: int, where: str) -> int:
        return self.values.constants([True, False])

    def _null(self, told: Mapping[str, Any], depth: int, where: str) -> int:
        return self.values.constants([None])

    def _array(self, told: Mapping[str, Any], depth: int, where: str) -> int:
        if not isinstance(firsts := told.get("prefixItems", []), list):
            raise wrong("prefixItems", where, "it must be a list of schemas")
        least, most = self._bounds(told, "minItems", "maxItems", where)
        known = [self.expression(first, depth, f"{where}/prefixItems/{place}") for place, first in enumerate(firsts)]
        item = self.expression(told.get("items", not firsts), depth, f"{where}/items")
        return self.values.listed(known, item, least, most)

    def _object(self, told: Mapping[str, Any], depth: int, where: str) -> int:
        if not isinstance(named := told.get("properties", {}), Mapping):
            raise wrong("properties", where, "it must be an object of schemas")
        if not isinstance(needed := told.get("required", []), list) or not all(
            isinstance(name, str) for name in needed
        ):
            raise wrong("required", where, "it must be a list of names")
        more_told = told.get("additionalProperties", not named)
        more = self.expression(more_told, depth, f"{where}/additionalProperties")
        least, most = self._bounds(told, "minProperties", "maxProperties", where)
        if not named and not needed:
            if least > 1:
                raise wrong("minProperties", where, "more than 1 cannot be held, as names may come twice")
            return self.values.map(self.values.string(), more, least, most)
        if "minProperties" in told or "maxProperties" in told:
            word = "minProperties" if "minProperties" in told else "maxProperties"
            raise wrong(word, where, "it cannot be held together with properties")
        every = dict.fromkeys([*named, *needed])
        entries = []
        for name in every:
            value = self.expression(named.get(name, more_told), depth, f"{where}/properties/{name}")
            entries.append((self.values.entry(self.values.named(name), value), name in needed))
        other = self.values.entry(self.values.other_name(list(every)), more) if more != NOTHING else NOTHING
        return self.values.properties(entries, other)

    def _bounds(self, told: Mapping[str, Any], lowest: str, highest: str, where: str) -> tuple[int, int | None]:
        """How many at least and at most."""
        for word in (lowest, highest):
            value = told.get(word, 0)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise wrong(word, where, "it must be a whole number, 0 or more")
        return told.get(lowest, 0), told.get(highest)
