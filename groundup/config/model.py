"""What a setting is: the strict model all settings descend from, and the mark on those that name what a stage reads.

A recipe or a command names its inputs as text (`$corpus`, `../pages`); `inputs_of` finds them wherever they are nested
and `replace_inputs` puts the folders in their place.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Settings(BaseModel):
    """The mother of all settings: unknown names are refused, values are not guessed, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=(), allow_inf_nan=False)


class InputMark:
    """Marks a setting that names what a stage reads: a path, or `$stage` or `$stage/sub/path` in a recipe."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        return handler(core_schema) | {"format": "path"}


Input = Annotated[str, InputMark()]
Model = TypeVar("Model", bound=BaseModel)


def inputs_of(settings: BaseModel) -> dict[str, str]:
    """Dotted name -> what is written there, for every Input: `data`, `sources.0`, `models.chat`."""
    return dict(_walk_inputs(settings))


def replace_inputs(settings: Model, paths: Mapping[str, Any]) -> Model:
    """The same settings with each Input named in `paths` (names as `inputs_of` gives them) replaced by its text."""
    unknown = set(paths) - set(inputs_of(settings))
    if unknown:
        raise KeyError(f"no inputs of {type(settings).__name__}: {', '.join(sorted(unknown))}")
    return _replaced(settings, {name: str(path) for name, path in paths.items()}, "")


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of settings, so that editors can complete YAML; descriptions are those of the fields."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | model.model_json_schema()


def _walk_inputs(settings: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        marked = _holds_mark(field)
        for path, leaf in _leaves(value, prefix + name):
            if isinstance(leaf, BaseModel):
                yield from _walk_inputs(leaf, path + ".")
            elif marked and isinstance(leaf, str):
                yield path, leaf


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _leaves(item, f"{path}.{i}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    else:
        yield path, value


def _holds_mark(field: FieldInfo) -> bool:
    return any(isinstance(mark, InputMark) for mark in field.metadata) or _annotation_holds_mark(field.annotation)


def _annotation_holds_mark(annotation: Any) -> bool:
    marks = getattr(annotation, "__metadata__", ())
    return any(isinstance(mark, InputMark) for mark in marks) or any(map(_annotation_holds_mark, get_args(annotation)))


def _replaced(value: Any, paths: dict[str, str], path: str) -> Any:
    if path in paths:
        return paths[path]
    if isinstance(value, BaseModel):
        prefix = path + "." if path else ""
        fields = {name: _replaced(getattr(value, name), paths, prefix + name) for name in type(value).model_fields}
        return value.model_copy(update={name: new for name, new in fields.items() if new is not getattr(value, name)})
    if isinstance(value, list):
        return [_replaced(item, paths, f"{path}.{i}") for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: _replaced(item, paths, f"{path}.{key}") for key, item in value.items()}
    return value
