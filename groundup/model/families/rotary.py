"""Rotary positions as files say them: rope_theta and rope_scaling of older ones, rope_parameters of transformers 5.

Both are read, both are written. A stretch whose name or keys are not known is refused, never ignored.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.family import Config
from groundup.model.rope_settings import RopeScaling

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

ROTARY = frozenset({"rope_scaling"})  # free in every family that turns queries and keys
NUMBERS = {  # our setting -> their key
    "factor": "factor",
    "original": "original_max_position_embeddings",
    "low": "low_freq_factor",
    "high": "high_freq_factor",
    "beta_fast": "beta_fast",
    "beta_slow": "beta_slow",
    "truncate": "truncate",
    "attention": "attention_factor",
    "mscale": "mscale",
    "mscale_all": "mscale_all_dim",
    "short": "short_factor",
    "long": "long_factor",
}
OF_KIND = {
    "linear": ("factor",),
    "dynamic": ("factor", "original"),
    "yarn": ("factor", "original", "beta_fast", "beta_slow", "truncate", "attention", "mscale", "mscale_all"),
    "llama3": ("factor", "original", "low", "high"),
    "longrope": ("factor", "original", "attention", "short", "long"),
}
NAMES = {"su": "longrope"}  # what older files call it
READS = frozenset({"rope_theta", "rope_parameters", "rope_scaling", "partial_rotary_factor"})
BASE, SHARE = "rope_theta", "partial_rotary_factor"


def read_rotary(config: Config, where: str) -> dict[str, Any]:
    """rope_base, rope_share and rope_scaling where the file says them."""
    new, old = config.get("rope_parameters") or {}, config.get("rope_scaling") or {}
    if not isinstance(new, Mapping) or not isinstance(old, Mapping):
        raise Problem(f"{where}: rope_parameters is {new or old!r}; expected a table.")
    for key in sorted(set(new) & set(old)):
        if new[key] != old[key]:
            raise Problem(f"{where}: {key} is {new[key]!r} in rope_parameters and {old[key]!r} in rope_scaling.")
    return parameters({**old, **new}, config, where)


def parameters(told: Mapping[str, Any], config: Config, where: str) -> dict[str, Any]:
    """One table of rope_parameters -> our settings."""
    found: dict[str, Any] = {}
    for name, key in (("rope_base", BASE), ("rope_share", SHARE)):
        value = agreed(told, config, key, where)
        if value is None:
            continue
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Problem(f"{where}: {key} is {value!r}; expected a number.")
        found[name] = float(value)
    kind = told.get("rope_type", told.get("type", "default"))
    kind = NAMES.get(kind, kind) if isinstance(kind, str) else kind
    if kind in ("default", None):
        known = {BASE, SHARE, "rope_type", "type"}
    elif isinstance(kind, str) and kind in OF_KIND:
        known = {BASE, SHARE, "rope_type", "type", *(NUMBERS[name] for name in OF_KIND[kind])}
    else:
        raise Problem(f"{where}: rotary positions are scaled as {kind!r}; known here: {', '.join(OF_KIND)}.")
    if unknown := sorted(set(told) - known):
        raise Problem(f"{where}: rope_parameters has {unknown[0]!r}, which this program does not know.")
    if kind not in OF_KIND:
        return found
    values = {name: told[NUMBERS[name]] for name in OF_KIND[kind] if told.get(NUMBERS[name]) is not None}
    if "original" in OF_KIND[kind] and (original := agreed(told, config, NUMBERS["original"], where)) is not None:
        values["original"] = original  # Phi-3 says it outside of the table
    if kind == "longrope" and "factor" not in values and values.get("original"):
        values["factor"] = max(1.0, config.get("max_position_embeddings", 0) / values["original"])
    return found | {"rope_scaling": {"kind": kind, **values}}


def agreed(told: Mapping[str, Any], config: Config, key: str, where: str) -> Any:
    """What the table of rope_parameters or the file itself says of a key; both may, if it is the same."""
    inside, outside = told.get(key), config.get(key)
    if None not in (inside, outside) and inside != outside:
        raise Problem(f"{where}: {key} is {inside!r} in rope_parameters and {outside!r} outside of it.")
    return outside if inside is None else inside


def write_rotary(settings: "ModelSettings") -> dict[str, Any]:
    """The base, and the stretch if there is one, in both ways of saying it."""
    told: dict[str, Any] = {BASE: settings.rope_base, "rope_type": "default"}
    scaling = settings.rope_scaling
    if scaling is not None:
        told |= {"rope_type": scaling.kind, **stretch(scaling, settings.context)}
    config: dict[str, Any] = {BASE: settings.rope_base, "rope_parameters": told}
    if settings.rope_share != 1:
        told[SHARE] = config[SHARE] = settings.rope_share
    if scaling is not None:
        config["rope_scaling"] = told
    return config


def stretch(scaling: RopeScaling, context: int) -> dict[str, Any]:
    """What is said of a stretch, its own choices left out where they are the way's."""
    unset = RopeScaling.model_construct(kind=scaling.kind)
    told = {}
    for name in OF_KIND[scaling.kind]:
        value = getattr(scaling, name)
        needed = name in ("factor", "low", "high", "short", "long")
        if name == "original":
            told[NUMBERS[name]] = value or context
        elif needed or value != getattr(unset, name):
            told[NUMBERS[name]] = value
    return told
