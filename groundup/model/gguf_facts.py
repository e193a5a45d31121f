"""A model's settings as facts of a GGUF file, and back: which key says what stands in each family's table.

llama.cpp's files say less than ours: what they leave out is meant by the family's name. So what was written is read again
before it is written, and a setting that would come back as another one is refused.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model import config_json
from groundup.model.families import FAMILIES
from groundup.model.families.family import Family
from groundup.model.gguf_file import ALIGNMENT, ARRAY, BOOL, FLOAT32, INT32, STRING, UINT32, Fact
from groundup.model.rope import rates, scaled
from groundup.model.rope_settings import RopeScaling
from groundup.model.settings import ModelSettings

FILE_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 7, "q4_k": 14, "q6_k": 18, "bf16": 32}
KINDS = {bool: BOOL, int: UINT32, float: FLOAT32, str: STRING}
SPOKEN: dict[str, str] = {}  # llama.cpp's name -> ours, the first that has it
ROUTED: dict[str, str] = {}  # the same, where the file says that there are experts
for _name, _family in FAMILIES.items():
    if _family.gguf:
        SPOKEN.setdefault(_family.gguf_name or _name, _name)
        if "experts" in _family.gguf_tables:
            ROUTED.setdefault(_family.gguf_name or _name, _name)
FREE = ("kv_heads", "head_width", "rope_base", "local_rope_base", "parallel", "attention_cap", "logit_cap")
PERIOD, TURNED = "attention.sliding_window_pattern", "rope.dimension_count"
TYPE, FACTOR, ORIGINAL = "rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length"
ATTENTION = "rope.scaling.attn_factor"
BETAS = {"beta_fast": "rope.scaling.yarn_beta_fast", "beta_slow": "rope.scaling.yarn_beta_slow"}
FREQS, SHORT, LONG = "rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"
VALUES, WINDOW = "attention.value_length", "attention.sliding_window"
EXPERTS = "expert_count"
HARMLESS = ("tensor_data_layout", "rope.scaling.finetuned")
STRETCHES = (FREQS, SHORT, LONG)  # tensors of divisors, one for each pair


def describe(settings: ModelSettings, type: str = "f32") -> list[Fact]:
    """The settings under llama.cpp's keys: (key, kind, value)."""
    family = FAMILIES[settings.family]
    name = family.gguf_name or settings.family
    # A cap or a window of 0 is none, for which there is no word but silence.
    told = {key: getattr(settings, ours) for ours, key in family.gguf_keys.items() if getattr(settings, ours) != 0}
    told |= {key: getattr(settings, ours) for ours, key in family.gguf_keys.items() if ours == "parallel"}
    if "head_width" in family.gguf_keys:
        told[VALUES] = settings.head_width
    if "rope_base" in family.gguf_keys:
        told |= {TURNED: settings.turned_width} | stretch(settings)
    if family.gguf_period:
        told[PERIOD] = period(settings)
    for table, keys in family.gguf_tables.items():
        told |= {key: getattr(getattr(settings, table), ours) for ours, key in keys.items()}
    told |= family.gguf_says(settings)
    facts: list[Fact] = [
        ("general.architecture", STRING, name),
        # Without the family: llama.cpp treats the tokens of whatever has phi3 in its name in a way of its own.
        ("general.name", STRING, f"groundup {settings.depth}x{settings.width}"),
        ("general.file_type", UINT32, FILE_TYPES[type]),
        ("general.alignment", UINT32, ALIGNMENT),
    ]
    return facts + [
        (f"{name}.{key}", ARRAY, (INT32, value))
        if isinstance(value, list)
        else (f"{name}.{key}", KINDS[value.__class__], value)
        for key, value in told.items()
    ]


def period(settings: ModelSettings) -> int:
    """Of how many layers the last sees all; one more than there are if none does, and 0 if it is no such pattern."""
    kinds = [settings.kind_of(layer) for layer in range(settings.depth)]
    for count in (len(settings.pattern), *range(1, settings.depth + 2)):
        if kinds == ["full" if layer % count == count - 1 else "window" for layer in range(settings.depth)]:
            return count
    return 0


def stretch(settings: ModelSettings) -> dict[str, Any]:
    """What is said of stretched rotary positions beside the divisors."""
    scaling = settings.rope_scaling
    if scaling is None or scaling.kind == "llama3":
        return {}
    original = scaling.original or settings.context
    if scaling.kind == "linear":
        return {TYPE: "linear", FACTOR: scaling.factor}
    if scaling.kind == "yarn":
        betas = {key: getattr(scaling, ours) for ours, key in BETAS.items()}
        return {TYPE: "yarn", FACTOR: scaling.factor, ORIGINAL: original, **betas}
    if SHORT not in divisors(settings):
        return {}
    return {ORIGINAL: original, ATTENTION: scaled(settings.rope_base, 2, of_one(scaling), settings.context)[1]}


def of_one(scaling: RopeScaling) -> RopeScaling:
    """The same for a single pair."""
    return scaling.model_copy(update={"short": scaling.short[:1], "long": scaling.long[:1]})


def divisors(settings: ModelSettings) -> dict[str, Tensor]:
    """The tensors that slow each pair of a query: one list, or Phi-3's two."""
    scaling, stretches = settings.rope_scaling, FAMILIES[settings.family].gguf_stretches
    if scaling is None or scaling.kind not in ("llama3", "longrope") or scaling.kind not in stretches:
        return {}
    if "llama3" not in stretches:
        return {SHORT: torch.tensor(scaling.short), LONG: torch.tensor(scaling.long)}
    if scaling.kind == "longrope":
        return {FREQS: torch.tensor(scaling.short)} if scaling.short == scaling.long else {}
    slowed, _ = scaled(settings.rope_base, settings.turned_width, scaling, settings.context)
    return {FREQS: rates(settings.rope_base, settings.turned_width) / slowed}


def settings_from(
    facts: Mapping[str, Any], told: Mapping[str, Tensor], where: str, vocabulary: int, tied: bool
) -> ModelSettings:
    """Facts and divisors -> settings; `where` names the file in what is said about it."""
    architecture = facts.get("general.architecture")
    if not isinstance(architecture, str) or architecture not in SPOKEN:
        raise Problem(f"{where} is of the family {architecture!r}; known: {', '.join(SPOKEN)}.")
    mine = f"{architecture}."
    routed = architecture in ROUTED and facts.get(f"{mine}{EXPERTS}")
    name = ROUTED[architecture] if routed else SPOKEN[architecture]
    family = FAMILIES[name]
    known = {key.removeprefix(mine): value for key, value in facts.items() if key.startswith(mine)}
    check_keys(known, family, f"{where}: {architecture}")
    values: dict[str, Any] = {"family": name, "vocabulary": vocabulary, "tied": tied, **family.gguf_parts}
    for ours, key in family.gguf_keys.items():
        if known.get(key) is not None and ours != "vocabulary":
            values[ours] = decimal(known[key])
        elif ours not in (*FREE, "vocabulary") and not (ours == "window" and known.get(PERIOD) == 1):
            raise Problem(f"{where} does not say {architecture}.{key}, which is needed to build the model.")
    for table, keys in family.gguf_tables.items():
        if missing := [key for key in keys.values() if key not in known]:
            raise Problem(f"{where} does not say {architecture}.{missing[0]}, which is needed to build the model.")
        values[table] = {ours: decimal(known[key]) for ours, key in keys.items()}
    if wrong := [ours for ours in ("depth", "width", "heads") if not isinstance(values[ours], int) or values[ours] < 1]:
        raise Problem(
            f"{where}: {architecture}.{family.gguf_keys[wrong[0]]} is {values[wrong[0]]!r}; expected a number."
        )
    values.setdefault("kv_heads", values["heads"])
    values.setdefault("head_width", values["width"] // values["heads"])
    if "rope_base" in family.gguf_keys:
        values.setdefault("rope_base", 10_000.0)
        values["rope_share"] = share(known, values["head_width"], where)
        values["rope_scaling"] = stretched(known, told, family, where, values["context"])
    if family.gguf_period:
        count = known.get(PERIOD, family.gguf_period)
        if not isinstance(count, int) or not 1 <= count <= values["depth"] + 1 and count != family.gguf_period:
            raise Problem(f"{where}: {architecture}.{PERIOD} is {count!r}; expected a number of layers.")
        values["pattern"] = ["window"] * (count - 1) + ["full"]
    if "latent" not in values and known.get(VALUES, values["head_width"]) != values["head_width"]:
        raise Problem(f"{where}: values are {known[VALUES]} wide and keys {values['head_width']}.")
    return config_json.checked(values | family.gguf_follows(values, known), where)


def check_keys(known: Mapping[str, Any], family: Family, where: str) -> None:
    """Each fact is one that we compute, or one that changes nothing."""
    allowed = {
        *family.gguf_keys.values(),
        *(key for keys in family.gguf_tables.values() for key in keys.values()),
        *family.gguf_reads,
        *HARMLESS,
        VALUES,
        TURNED,
        TYPE,
        FACTOR,
        ORIGINAL,
        ATTENTION,
        *BETAS.values(),
    }
    if family.gguf_period:
        allowed.add(PERIOD)
    size, context = known.get(WINDOW, 0), known.get("context_length", 0)
    if isinstance(size, int) and isinstance(context, int) and (not size or size >= context):
        allowed.add(WINDOW)  # nothing is out of its sight
    if unknown := sorted(set(known) - allowed):
        said = f"{where}.{unknown[0]} is {str(known[unknown[0]])[:40]}"
        raise Problem(
            f"{said}, which is not computed here for this family: take the model's folder instead of its GGUF."
        )


def decimal(value: Any) -> Any:
    """Stored in 32 bits: the shortest decimal that means the same is what was written."""
    return float(str(np.float32(value))) if isinstance(value, float) else value


def share(known: Mapping[str, Any], width: Any, where: str) -> float:
    """How much of each head is turned."""
    turned = known.get(TURNED, width)
    if not isinstance(turned, int) or not isinstance(width, int) or not 0 < turned <= width:
        raise Problem(f"{where}: {TURNED} is {turned!r}; expected a number up to the {width} of a head.")
    return turned / width


def stretched(
    known: Mapping[str, Any], told: Mapping[str, Tensor], family: Family, where: str, context: Any
) -> dict[str, Any] | None:
    """What the facts and divisors say of stretched rotary positions."""
    lists = {name: tensor.tolist() for name, tensor in told.items()}
    kind = known.get(TYPE, "linear" if known.get(FACTOR) else "none")
    if FREQS in lists:  # of Llama 3's way only this is left
        kind, values = "longrope", {"short": lists[FREQS], "long": lists[FREQS], "attention": 1.0}
    elif SHORT in lists and LONG in lists:
        kind, values = (
            "longrope",
            {"short": lists[SHORT], "long": lists[LONG], "original": known.get(ORIGINAL, context)},
        )
        values["attention"] = decimal(known.get(ATTENTION, 1.0))
    elif kind in ("none", None):
        return None
    else:
        keys = {"factor": FACTOR, "original": ORIGINAL, **BETAS} if kind == "yarn" else {"factor": FACTOR}
        values = {ours: decimal(known[key]) for ours, key in keys.items() if known.get(key) is not None}
    sharp = known.get(ATTENTION, 1.0) != 1.0 and SHORT not in lists
    if kind not in family.gguf_stretches or sharp:
        raise Problem(f"{where}: rotary positions are scaled ({kind}), which is not computed here for this family.")
    return {"kind": kind, **values}


def unspeakable(settings: ModelSettings) -> list[str]:
    """What llama.cpp has no word for: whatever would come back as something else."""
    family = FAMILIES[settings.family]
    if wrong := config_json.unspeakable(settings):
        return wrong
    if not family.gguf:
        return [f"family = {settings.family}"]
    if settings.rope_scaling is not None and settings.rope_scaling.kind not in family.gguf_stretches:
        return [f"rope_scaling = {settings.rope_scaling.kind}"]
    facts = {key: value[1] if kind == ARRAY else value for key, kind, value in describe(settings)}
    if family.gguf_period and not period(settings):
        return [f"pattern = {settings.pattern}"]
    back = settings_from(facts, divisors(settings), "GGUF", settings.vocabulary, settings.tied)
    before, after = meaning(settings), meaning(back)
    return [f"{name} = {getattr(settings, name)}" for name in before if not same(before[name], after[name])]


def meaning(settings: ModelSettings) -> dict[str, Any]:
    """The settings, those that can be said in several ways as numbers that are the same in all of them."""
    windows = any(settings.kind_of(layer) != "full" for layer in range(settings.depth))
    told = settings.model_dump(exclude={"family", "born"})
    turns = [
        scaled(settings.rope_base, settings.turned_width, settings.rope_scaling, settings.context, longest)
        for longest in (1, 1 << 40)
    ] if settings.positions == "rotary" else []  # fmt: skip
    return told | {
        "pattern": [settings.kind_of(layer) for layer in range(settings.depth)],
        "window": settings.window if windows else 0,
        "local_rope_base": settings.local_rope_base or settings.rope_base if windows else 0,
        "attention_scale": settings.attention_scale or settings.head_width**-0.5,
        "rope_share": settings.turned_width,
        "experts": settings.experts and settings.experts.model_dump() | {"hidden": settings.expert_hidden},
        "rope_scaling": [number for slowed, factor in turns for number in (*slowed.tolist(), factor)],
    }


def same(one: Any, other: Any) -> bool:
    """Equal, numbers as far as 32 bits hold them."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-6)
    return one == other
