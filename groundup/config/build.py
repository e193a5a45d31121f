"""From written values to checked settings: what does not fit becomes one sentence with name, place and remedy."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from groundup.config.written import Place, Section, merge
from groundup.errors import Problem, did_you_mean, nearest

Model = TypeVar("Model", bound=BaseModel)
Steps = tuple[str | int, ...]

EXPECTED = {  # pydantic's error type -> what the value must be; {name} is filled from the error's context
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "names with values",
    "model_type": "names with values",
    "model_attributes_type": "names with values",
    "literal_error": "{expected}",
    "none_required": "empty",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "string_pattern_mismatch": "text of the form {pattern}",
}


def build(model: type[Model], values: Mapping[str, Any], where: str = "") -> Model:
    """The settings that `values` describe; `where` (a stage's name) goes before the names in what is complained of."""
    values = _with_defaults(model, values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        mended = _with_words_as_text(values, error)
        if mended is not None:
            return build(model, mended, where)
        raise Problem(_sentence(model, values, where, error)) from None


def _sentence(model: type[BaseModel], values: Mapping[str, Any], where: str, error: ValidationError) -> str:
    """The first thing that is wrong; a name nobody knows comes first, since it often explains what is missing."""
    groups: dict[Steps, list[Any]] = {}
    for item in error.errors(include_url=False):
        groups.setdefault(_written_path(item, values), []).append(item)
    unknown_first = sorted(groups, key=lambda path: groups[path][0]["type"] != "extra_forbidden")
    path = unknown_first[0]
    name = ".".join(str(part) for part in ((where,) if where else ()) + path) or "the settings"
    more = f" ({len(groups) - 1} more after this)" if len(groups) > 1 else ""
    return _complaint(model, values, name, path, groups[path]) + more


def _complaint(model: type[BaseModel], values: Mapping[str, Any], name: str, path: Steps, items: list[Any]) -> str:
    first, place = items[0], _place(values, path)
    at = f" ({place})" if place else ""
    kinds = {item["type"] for item in items}
    if "extra_forbidden" in kinds:
        return f"{name} is not a setting{at}; {_suggestion(model, values, path)}"
    if kinds <= {"missing", "union_tag_not_found"}:
        if first["type"] == "union_tag_not_found":
            name = f"{name}.{_discriminator(first)}"
        return f"{name} is missing{at}: {_description(model, values, path) or 'it has no default'}"
    found = _found(_at(values, path))
    if first["type"] == "union_tag_invalid":
        tags, tag = first["ctx"]["expected_tags"], str(first["ctx"]["tag"])
        close = nearest(tag, [t.strip("'") for t in tags.split(", ")])
        hint = f"; did you mean {close}?" if close else ""
        at = f" ({place})" if (place := _place(values, (*path, _discriminator(first)))) else ""
        return f"{name}.{_discriminator(first)} must be one of {tags}, found {tag!r}{at}{hint}"
    if first["type"] in ("value_error", "assertion_error"):
        return f"{name}{at}: {first['ctx']['error']}"
    wanted = " or ".join(dict.fromkeys(_expected(item) for item in items))
    hint = ""
    if "literal_error" in kinds and isinstance(_at(values, path), str):
        known = [word.strip("'") for word in wanted.replace(" or ", ", ").split(", ")]
        hint = f"; did you mean {close}?" if (close := nearest(str(_at(values, path)), known)) else ""
    if kinds == {"string_type"} and isinstance(_at(values, path), int | float):
        hint = "; put it in quotes if text is meant"
    if kinds == {"list_type"} and isinstance(_at(values, path), str):
        hint = f"; a list of one is written [{_at(values, path)}]"
    return f"{name} must be {wanted}, found {found}{at}{hint}"


def _expected(item: Any) -> str:
    template = EXPECTED.get(item["type"])
    if template is None:
        return f"valid: {item['msg']}"
    return template.format(**item.get("ctx", {}))


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return "names with values"
    return f"the text {value!r}" if isinstance(value, str) else f"{value!r}"


def _discriminator(item: Any) -> str:
    return str(item["ctx"]["discriminator"]).strip("'")


def _with_defaults(model: type[BaseModel], values: Mapping[str, Any]) -> Section:
    """Parts of which only some names are written keep the rest of the field's default, their `kind` above all.

    So `optimizer.rate=1` changes the rate alone, whatever optimizer the stage has chosen; a written `kind` starts afresh.
    """
    result = merge({}, values)
    for name, field in model.model_fields.items():
        inner = result.get(name)
        default = field.get_default(call_default_factory=True, validated_data={}) if not field.is_required() else None
        if not isinstance(inner, Mapping):
            continue
        kind = getattr(default, "kind", None)
        if isinstance(default, BaseModel) and inner.get("kind", kind) == kind:
            inner = merge(default.model_dump(exclude_unset=True) | ({"kind": kind} if kind else {}), inner)
        owners = [owner for owner in _models(field.annotation) if _kind_fits(owner, inner)]
        result.put(name, _with_defaults(owners[0], inner) if len(owners) == 1 else inner, None)
    return result


# --- where in the written values an error is ------------------------------------------------------------------------


def _written_path(item: Any, values: Mapping[str, Any]) -> Steps:
    """The error's location without the names of union branches and validators, which nobody wrote."""
    path: list[str | int] = []
    value: Any = values
    last = len(item["loc"]) - 1
    for i, part in enumerate(item["loc"]):
        if isinstance(value, Mapping) and part in value or isinstance(value, list) and isinstance(part, int):
            value = value[part]
            path.append(part)
        elif i == last and item["type"] == "missing":
            path.append(part)
    return tuple(path)


def _at(values: Any, path: Steps) -> Any:
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def _place(values: Any, path: Steps) -> Place | None:
    """The place of the value at `path`, or of the nearest thing around it that has one."""
    place = getattr(values, "place", None)
    for part in path:
        places = getattr(values, "places", None)
        try:
            place = places[part] if places is not None else place
            values = values[part]
        except (KeyError, IndexError, TypeError):
            break
    return place


def _with_words_as_text(values: Mapping[str, Any], error: ValidationError) -> Mapping[str, Any] | None:
    """`data=2024` on the command line where text is expected means the text 2024: the values so read, if any."""
    mended: Mapping[str, Any] = values
    for item in error.errors(include_url=False):
        path = _written_path(item, values)
        place = _place(values, path)
        value = _at(values, path)
        plain = isinstance(value, int | float) and all(isinstance(part, str) for part in path)
        if item["type"] != "string_type" or not plain or place is None or place.raw is None:
            continue
        inner: Any = place.raw
        for part in reversed(path):
            section = Section()
            section.put(str(part), inner, place)
            inner = section
        mended = merge(mended, inner)
    return None if mended is values else mended


# --- what the model would have known there --------------------------------------------------------------------------


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every settings class that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for part in get_args(annotation):
            yield from _models(part)


def _owners(model: type[BaseModel], values: Any, path: Steps) -> list[type[BaseModel]]:
    """The classes that the mapping at `path` may be an instance of, narrowed by the `kind` that is written."""
    owners = [model]
    for part in path:
        values = _at(values, (part,))
        fields = [owner.model_fields[part] for owner in owners if isinstance(part, str) and part in owner.model_fields]
        if fields:
            owners = [found for field in fields for found in _models(field.annotation)]
        owners = [owner for owner in owners if _kind_fits(owner, values)] or owners
    return owners


def _kind_fits(owner: type[BaseModel], values: Any) -> bool:
    field = owner.model_fields.get("kind")
    if field is None or not isinstance(values, Mapping) or "kind" not in values:
        return True
    return values["kind"] in get_args(field.annotation)


def _suggestion(model: type[BaseModel], values: Any, path: Steps) -> str:
    word, above = str(path[-1]), path[:-1]
    known = [name for owner in _owners(model, values, above) for name in owner.model_fields]
    if nearest(word, known) is None:
        own = ".".join(map(str, path))
        deeper = [name for name in _dotted_names(model) if name.rpartition(".")[2] == word and name != own]
        if deeper:
            return f"did you mean {deeper[0]}?"
    return did_you_mean(word, dict.fromkeys(known))


def _dotted_names(model: type[BaseModel], prefix: str = "", depth: int = 4) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        if depth:
            for inner in _models(field.annotation):
                yield from _dotted_names(inner, f"{prefix}{name}.", depth - 1)


def _description(model: type[BaseModel], values: Any, path: Steps) -> str | None:
    for owner in _owners(model, values, path[:-1]):
        if path and str(path[-1]) in owner.model_fields:
            return owner.model_fields[str(path[-1])].description
    return None
