"""Blanks as marks: what the `pre_tokenizer` and the `decoder` of a tokenizer.json say about them and about where words end.

In pieces a blank is written ▁, and a word begins with its blank. Decoding makes blanks of marks, and takes away the one that
was put before every text.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from groundup.errors import Problem
from groundup.tokenizer.normalize import BLANKS, unchanged
from groundup.tokenizer.split import PATTERNS
from groundup.tokenizer.unigram import MARK

BLANK_CHARACTERS = str.maketrans(dict.fromkeys(BLANKS, " "))
MARKED_WORDS = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "never", "split": True}
IN_BYTES = [{"type": "ByteFallback"}, {"type": "Fuse"}]
UNMARKED = {"type": "Replace", "pattern": {"String": MARK}, "content": " "}
MARKING = {"type": "Replace", "pattern": {"String": " "}, "content": MARK}
LEADING = {"type": "Strip", "content": " ", "start": 1, "stop": 0}


class Cutting(NamedTuple):
    """change: what is done to a text; cut: where its words end, at marks ("marked"), by a pattern's name, nowhere ("whole")."""

    change: Callable[[str], str]
    cut: str


def cutting(told: dict[str, Any] | None, where: str) -> Cutting:
    """What a pre-tokenizer means."""
    if told is None:
        return Cutting(unchanged, "whole")
    parts = told["pretokenizers"] if told["type"] == "Sequence" else [told]
    names = [part["type"] for part in parts]
    if names == ["Split"]:
        named = {regex: name for name, regex in PATTERNS.items()}
        wanted = parts[0]["pattern"].get("Regex")
        if wanted in named and parts[0]["behavior"] == "Isolated" and not parts[0].get("invert"):
            return Cutting(unchanged, named[wanted])
    if names in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]) and parts[-1]["replacement"] == MARK:
        first, split = scheme(parts[-1]), parts[-1].get("split", True)
        if names[0] == "Metaspace":
            return Cutting(marked if first else lambda text: text.replace(" ", MARK), "marked" if split else "whole")
        if split and parts[-1].get("prepend_scheme", "always") == "always" and first:
            return Cutting(lambda text: "".join(map(marked, text.translate(BLANK_CHARACTERS).split(" "))), "marked")
    raise Problem(
        f"{where} cuts text by {names}, in a way that this reader does not know for Unigram: it knows Metaspace with {MARK}"
    )


def scheme(told: dict[str, Any]) -> bool:
    """Whether a Metaspace puts a mark before every text."""
    return told.get("prepend_scheme", "always" if told.get("add_prefix_space", True) else "never") != "never"


def marked(text: str) -> str:
    """With marks for blanks, one at the beginning."""
    text = text.replace(" ", MARK)
    return text if text.startswith(MARK) or not text else MARK + text


def decoding(told: dict[str, Any] | None, where: str) -> tuple[bool, str]:
    """(whether marks are blanks, what decoded text begins with although nobody wrote it)."""
    if told is not None and told["type"] == "Metaspace" and told["replacement"] == MARK:
        return True, " " if scheme(told) else ""
    parts = told["decoders"] if told and told["type"] == "Sequence" else [told] if told else []
    left = [part for part in parts if part["type"] not in ("ByteFallback", "Fuse")]
    if any(part["type"] == "Fuse" for part in parts):
        if left == [UNMARKED, LEADING]:
            return True, " "
        if left in ([], [UNMARKED]):
            return bool(left), ""
    names = [part["type"] for part in parts]
    raise Problem(
        f"{where} decodes by {names}, in a way that this reader does not know for Unigram: it knows Metaspace and Fuse"
    )


def shape(pattern: str, marked: bool, lead: bool, normalize: Sequence[str]) -> dict[str, Any]:
    """The parts of a tokenizer.json beside the model; with marks, decoding gives back all blanks that were there."""
    if pattern not in PATTERNS:
        raise Problem(f"there is no split pattern {pattern!r} for unigram: choose one of {', '.join(PATTERNS)}")
    steps: list[dict[str, Any]] = [{"type": name} for name in normalize]
    decoders = list(IN_BYTES)
    if marked:
        steps += ([{"type": "Prepend", "prepend": MARK}] if lead else []) + [MARKING]
        decoders = [UNMARKED, *decoders, *([LEADING] if lead else [])]
    split = {"type": "Split", "pattern": {"Regex": PATTERNS[pattern]}, "behavior": "Isolated", "invert": False}
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps} if steps else None,
        "pre_tokenizer": MARKED_WORDS if marked else split,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
    }
