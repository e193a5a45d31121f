"""Every kind of smaller weights by its name, and what a folder says about how its matrices are written.

A kind says in which form a matrix lies (`groups.py`, `normal.py`) and how the integers are found; a scheme is a kind with
the size of its groups and what is kept as it was.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundup.errors import Problem, did_you_mean
from groundup.model.quantised.groups import Groups
from groundup.model.quantised.normal import Normal
from groundup.model.quantised.rows import Rows

GROUPS = (32, 64, 128)
KEPT = ("head", "embeddings")
NAMED = re.compile(r"(?P<base>[a-z0-9]+)(?:_g(?P<group>\d+))?")


@dataclass(frozen=True)
class Kind:
    """How many bits an integer has, what is done in a few words, and whether a text has to be read to find the integers."""

    bits: int
    told: str
    reads: bool = False


KINDS: dict[str, Kind] = {
    "int8": Kind(8, "8 bits, one scale for each row, or for each group of a row: int8_g32, int8_g64, int8_g128"),
    "int4": Kind(4, "4 bits, one scale for each group, rounded to the nearest: int4_g32, int4_g64, int4_g128"),
    "gptq": Kind(4, "the same, columns making up for each other's errors: gptq_g32, gptq_g64, gptq_g128", reads=True),
    "awq": Kind(4, "the same, columns that meet large inputs stretched: awq_g32, awq_g64, awq_g128", reads=True),
    "nf4": Kind(4, "4 bits on sixteen quantiles of a normal distribution, scales in 8 bits (as bitsandbytes)"),
    "w8a8": Kind(8, "int8, and what comes in is rounded to 8 bits as well"),
}
WHOLE = ("int8", "w8a8")  # one scale for each row, where no group is said


@dataclass(frozen=True)
class Scheme:
    """A kind, its groups (0: whole rows), whether they have a zero point, and what stays as it was."""

    base: str
    group: int = 0
    zero: bool = False
    keep: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The name by which people ask for it."""
        return f"{self.base}_g{self.group}" if self.group else self.base

    @property
    def form(self) -> Rows | Groups | Normal:
        """How a matrix of it lies in memory and in files."""
        if self.base == "nf4":
            return Normal()
        return Rows() if not self.group else Groups(KINDS[self.base].bits, self.group, self.zero)

    def entry(self) -> dict[str, Any]:
        """What a folder's config.json says of it."""
        return {"kind": self.kind, "zero": self.zero, "keep": list(self.keep)}


def scheme(kind: str, zero: bool = False, keep: Sequence[str] = (), group: int = 32) -> Scheme:
    """The scheme that a name such as int8, int4_g32 or gptq_g128 asks for; `group` where the name does not say it."""
    found = NAMED.fullmatch(kind)
    if found is None or found["base"] not in KINDS:
        raise Problem(f"kind {kind!r} is not known; {did_you_mean(kind, KINDS)}")
    base = found["base"]
    if found["group"] and base in ("nf4", "w8a8"):
        raise Problem(f"kind {kind}: {base} has no groups to choose; say {base}")
    size = int(found["group"]) if found["group"] else 0 if base in (*WHOLE, "nf4") else group
    if size and size not in GROUPS:
        raise Problem(f"kind {kind}: groups of {size} are not known; known: {', '.join(map(str, GROUPS))}")
    if zero and not size:
        raise Problem(f"zero: {kind} has no groups that could have a zero point of their own; say int8_g32")
    if wrong := next((name for name in keep if name not in KEPT), None):
        raise Problem(f"keep: {wrong!r} is not known; {did_you_mean(wrong, KEPT)}")
    return Scheme(base, size, zero, tuple(name for name in KEPT if name in keep))


def from_entry(entry: Any, where: str) -> Scheme:
    """The scheme that a folder's config.json says, or a sentence about what is in its place."""
    if not isinstance(entry, Mapping) or set(entry) != {"kind", "zero", "keep"}:
        raise Problem(f"{where}: groundup.quantization is {entry!r}; expected kind, zero and keep.")
    kind, zero, keep = entry["kind"], entry["zero"], entry["keep"]
    if not isinstance(kind, str) or not isinstance(zero, bool) or not isinstance(keep, list):
        raise Problem(f"{where}: groundup.quantization is {entry!r}; expected a name, true or false, and a list.")
    try:
        return scheme(kind, zero, [str(name) for name in keep])
    except Problem as problem:
        raise Problem(f"{where}: groundup.quantization: {problem}") from None
