"""How a model's settings are written in other people's config.json, and read from it.

A folder is data: what a key means is stated in its family's table, a key that could change the numbers and is not
understood is refused, and a key that cannot is on a list. What others have no word for is saved as `groundup`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from groundup.errors import Problem, nearest
from groundup.model.families import FAMILIES
from groundup.model.families.family import Family
from groundup.model.settings import ModelSettings

FORMAT = 1  # of what stands under the `groundup` key
OURS = "groundup"
BY_TYPE = {family.model_type: name for name, family in FAMILIES.items() if family.model_type}
SIZES = ("depth", "width", "heads", "kv_heads", "head_width", "hidden", "context", "vocabulary")
NEEDED = ("depth", "width", "heads", "vocabulary")
WITHOUT_EFFECT = {
    "_name_or_path", "architectures", "transformers_version", "torch_dtype", "dtype", "initializer_range", "use_cache",
    "pad_token_id", "bos_token_id", "eos_token_id", "attention_dropout", "task_specific_params", "model_type",
    "gradient_checkpointing", "return_dict", "output_attentions", "output_hidden_states", "id2label", "label2id",
    "chunk_size_feed_forward", "is_encoder_decoder", "problem_type", "groundup",
}  # fmt: skip


def unspeakable(settings: ModelSettings) -> list[str]:
    """What other programs have no word for under this family's name; empty if they can load the model."""
    family = FAMILIES[settings.family]
    if not family.model_type:
        return [f"family = {settings.family}"]
    unnamed = [] if _class_of(settings) else [f"head = {settings.head.kind}"]
    return [f"{part} = {getattr(settings, part)}" for part in settings.changed()] + family.lacks(settings) + unnamed


def _class_of(settings: ModelSettings) -> str:
    """The class that transformers has for the family with this head; empty if it has none."""
    family, kind = FAMILIES[settings.family], settings.head.kind
    return family.heads[kind].class_name if kind in family.heads else family.class_name * (kind == "next_token")


def _classes(settings: ModelSettings) -> dict[str, Any]:
    """How many classes there are, said by naming them."""
    count = {"classify_first": settings.head.classes, "classify_last": settings.head.classes, "reward": 1}
    labels = {str(each): f"LABEL_{each}" for each in range(count.get(settings.head.kind, 0))}
    return {"id2label": labels, "label2id": {name: int(each) for each, name in labels.items()}} if labels else {}


def _head(config: Mapping[str, Any], family: Family, where: str) -> dict[str, Any]:
    """The head that a file's class has; that of the family where it names none."""
    classes = config.get("architectures") or [family.class_name]
    if not isinstance(classes, list) or not isinstance(classes[0], str):
        raise Problem(f"{where}: architectures is {str(classes)[:100]!r}; expected a list with the name of a class.")
    called = classes[0]
    kinds = [kind for kind, named in family.heads.items() if named.class_name == called]
    if not kinds and (called == family.class_name or not family.heads):
        return {}
    if not kinds:
        known = dict.fromkeys([family.class_name, *(named.class_name for named in family.heads.values())])
        raise Problem(f"{where}: architectures is {called!r}; heads are known here of {', '.join(known)}.")
    labels = config.get("id2label", {"0": "", "1": ""})
    if kinds[0] not in ("classify_first", "classify_last"):
        return {"head": {"kind": kinds[0]}}
    if not isinstance(labels, Mapping) or not labels or len(labels) == 1 and "reward" not in kinds:
        raise Problem(f"{where}: id2label is {labels!r}; expected a name for each of two classes or more.")
    return {"head": {"kind": "reward"} if len(labels) == 1 else {"kind": kinds[0], "classes": len(labels)}}


def to_config(settings: ModelSettings, ours: Mapping[str, Any] | None = None, dtype: str = "float32") -> dict[str, Any]:
    """Settings -> config.json. `ours` is what only we understand of how the weights are stored: with it, or with parts
    that have no name elsewhere, the file says model_type `groundup`, so that nobody loads it as what it is not."""
    if ours or unspeakable(settings):
        return {"model_type": OURS, OURS: {"format": FORMAT, "settings": settings.model_dump(), **(ours or {})}}
    family = FAMILIES[settings.family]
    config: dict[str, Any] = {"architectures": [_class_of(settings)], "model_type": family.model_type}
    config |= {theirs: getattr(settings, name) for name, theirs in family.keys.items()}
    config |= {key: values[0] for key, values in family.meant.items()}
    # Or they take ids that the family had once.
    config |= dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    told = {"dtype": dtype, "torch_dtype": dtype, "use_cache": True}
    return config | family.write(settings) | _classes(settings) | told


def from_config(config: Mapping[str, Any], where: str) -> tuple[ModelSettings, dict[str, Any]]:
    """config.json -> settings, and what is ours alone. `where` names the file in what is said about it."""
    kind = config.get("model_type")
    if kind == OURS:
        return _from_ours(config, where)
    if not isinstance(kind, str) or kind not in BY_TYPE:
        guess = nearest(str(kind), BY_TYPE)
        raise Problem(
            f"{where} is of the family {kind!r}, which is not known here; known: {', '.join(BY_TYPE)}"
            + (f" (nearest: {guess})." if guess else ".")
        )
    name, family = BY_TYPE[kind], FAMILIES[BY_TYPE[kind]]
    _check_keys(config, family, where)
    values = dict(family.unsaid)
    values |= {ours: config[theirs] for ours, theirs in family.keys.items() if config.get(theirs) is not None}
    values |= family.read(config, where) | _head(config, family, where)
    for need in NEEDED:
        if need not in values:
            raise Problem(f"{where} does not say {family.keys.get(need, need)}: it is needed to build the model.")
    if isinstance(values.get("eps"), int):
        values["eps"] = float(values["eps"])
    ours = config.get(OURS) or {}
    if not isinstance(ours, dict):
        raise Problem(f"{where}: {OURS} is {ours!r}; expected a table.")
    settings = checked({"family": name, **values}, where)
    if changed := settings.changed():
        said = f"{changed[0]} = {getattr(settings, changed[0])}"
        raise Problem(f"{where} means {said}, which a model of the family {kind} cannot have.")
    return settings, dict(ours)


def _check_keys(config: Mapping[str, Any], family: Family, where: str) -> None:
    """Each key is one that we compute, or one that changes nothing."""
    for key, allowed in family.meant.items():
        if key in config and config[key] not in allowed:
            raise Problem(f"{where}: {key} is {config[key]!r}; this program computes only {key} = {allowed[0]!r}.")
    known = {*family.keys.values(), *family.meant, *family.ignored, *WITHOUT_EFFECT, *family.reads}
    if unknown := sorted(set(config) - known):
        raise Problem(
            f"{where} has the key {unknown[0]!r}, which this program does not know; it may change what the model "
            f"computes. If it does not, take it out of the file."
        )


def _from_ours(config: Mapping[str, Any], where: str) -> tuple[ModelSettings, dict[str, Any]]:
    ours = config.get(OURS)
    if not isinstance(ours, dict) or not isinstance(ours.get("settings"), dict):
        raise Problem(f"{where} says model_type groundup but has no groundup.settings: the file is not whole.")
    if ours.get("format") != FORMAT:
        raise Problem(f"{where} has groundup.format {ours.get('format')!r}; this program reads format {FORMAT}.")
    rest = {key: value for key, value in ours.items() if key not in ("format", "settings")}
    return checked(ours["settings"], where), rest


def checked(values: Mapping[str, Any], where: str) -> ModelSettings:
    """Settings, or a sentence that names the file and its key."""
    if zero := next((name for name in SIZES if type(values.get(name)) is int and values[name] == 0), None):
        keys = FAMILIES[values["family"]].keys if values.get("family") in FAMILIES else {}
        raise Problem(f"{where}: {keys.get(zero, zero)} is 0; a file must say how many there are.")
    try:
        return ModelSettings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        family = FAMILIES.get(str(values.get("family")))
        name = family.keys.get(name, name) if family else name
        raise Problem(f"{where}: {name}: {first['msg'].removeprefix('Value error, ')}".replace(": :", ":")) from None
