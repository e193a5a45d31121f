"""What a tokenizer.json says of a byte-level BPE, read part by part: the families of GPT-2, NeoX, Llama 3, Qwen, OLMo 2 and Phi.

What is as our own files have it becomes the plain kind; anything more becomes the kind of `published`. A part that is not
known is refused by its name.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer.byte_pairs import BytePairs, alphabet, expect, pattern_of
from groundup.tokenizer.published import Habits, Published
from groundup.tokenizer.split import PATTERNS

LARGEST = 1 << 24  # ids: more than any vocabulary has
LETTERS = {letter: byte for byte, letter in enumerate(alphabet())}
BYTES = {ord(letter): byte for letter, byte in LETTERS.items()}
BETWEEN = "\uffff"  # no name has it
SPELLINGS = {  # parts of published patterns that mean the same
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)": r"'(?i:[sdmt]|ll|ve|re)",
    r"'(?:[sdmt]|ll|ve|re)": r"'s|'t|'re|'ve|'m|'ll|'d",
    r"\s*[\r\n]+": r"\s*[\r\n]",
    "?+": "?",
    "++": "+",
}


def understood(
    told: Mapping[str, Any], specials: Mapping[str, int], classes: np.ndarray | None, path: Path
) -> BytePairs:
    """The vocabulary in the tokenizer.json at `path`."""
    model, where = told["model"], str(path)
    for part in ("truncation", "padding"):
        if told.get(part) is not None:
            raise unknown(where, part, told[part])
    for part in (
        "dropout",
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "byte_fallback",
        "fuse_unk",
    ):
        expect(where, f"model.{part}", model.get(part) or None, [None])
    expect(where, "decoder.type", (told.get("decoder") or {}).get("type"), ["ByteLevel"])
    pattern, digits, blank = cutting(told["pre_tokenizer"], where)
    around = told.get("post_processor")
    added, later = added_texts(told.get("added_tokens") or [], where)
    habits = Habits(
        added=added,
        later=later,
        nfc=normal_form(told.get("normalizer"), where),
        digits=digits,
        blank=blank,
        whole=bool(model.get("ignore_merges")),
        around=None if around is None or around.get("type") == "ByteLevel" else around,
        begins=begins(around, where),
    )
    return assembled(model["vocab"], model["merges"], specials, pattern, classes, where, habits)


def assembled(
    vocabulary: Mapping[str, int],
    merges: Sequence[Any],
    specials: Mapping[str, int],
    pattern: str,
    classes: np.ndarray | None,
    where: str,
    habits: Habits,
) -> BytePairs:
    """A vocabulary from names in GPT-2's alphabet and merges as "a b" or [a, b]."""
    texts = {**habits.added, **habits.later}
    id_of = dict(zip(vocabulary, map(int, vocabulary.values()), strict=True))
    for name, other in [*specials.items(), *texts.items()]:
        number = vocabulary.get(name, other)
        if other != number:
            raise Problem(f"{where} gives {name!r} the ids {number} and {other}: each token has one")
        if name in specials or set(name) - LETTERS.keys():
            id_of.pop(name, None)
    taken = [*id_of.values(), *(number for name, number in texts.items() if name not in id_of)]
    size = max(taken, default=-1) + 1
    if size > LARGEST or min(taken, default=0) < 0:
        raise Problem(f"{where} has ids from {min(taken)} to {size - 1}, and no vocabulary is larger than {LARGEST:,}")
    if len(set(taken)) < len(taken):
        twice = next(number for place, number in enumerate(taken) if number in taken[:place])
        raise Problem(f"{where} gives the id {twice} to two tokens: each must have its own")
    gaps = set(range(size)) - set(taken) - set(specials.values())
    if gaps:
        raise Problem(
            f"{where} numbers its {len(taken):,} tokens with gaps: there is no token {min(gaps)}, and every id needs one"
        )
    tokens = [b""] * size
    for number, token in zip(id_of.values(), in_bytes(list(id_of)), strict=True):
        tokens[number] = token
    pairs = [entry.split(" ") if isinstance(entry, str) else entry for entry in merges]
    found = [(id_of[a], id_of[b], id_of[a + b]) for a, b in pairs]
    made = np.array([token for _, _, token in found], np.int64)
    ours = all(tokens) and bool((made[1:] > made[:-1]).all())
    if habits.plain() and ours:
        return BytePairs(tokens, found, pattern, classes, where)
    return Published(tokens, found, pattern, classes, where, habits)


def in_bytes(names: Sequence[str]) -> list[bytes]:
    """What names in GPT-2's alphabet stand for; all at once, since there are many."""
    if not names:
        return []
    written = BETWEEN.join(names)
    if strange := set(written) - LETTERS.keys() - {BETWEEN}:
        raise KeyError(min(strange))
    return [name.encode("latin-1") for name in written.translate(BYTES).split(BETWEEN)]


def unknown(where: str, part: str, told: Any) -> Problem:
    return Problem(f"{where} has a {part} ({json.dumps(told)[:80]}), which this reader does not know")


def parts_of(told: Mapping[str, Any], inside: str) -> list[Mapping[str, Any]]:
    """A part, or the parts of a sequence."""
    return [part for each in told[inside] for part in parts_of(each, inside)] if told["type"] == "Sequence" else [told]


def normal_form(told: Mapping[str, Any] | None, where: str) -> bool:
    """Whether text is brought to NFC."""
    parts = [] if told is None else parts_of(told, "normalizers")
    for part in parts:
        if part["type"] != "NFC":
            raise unknown(where, "normalizer", part)
    return bool(parts)


def added_texts(entries: Sequence[Mapping[str, Any]], where: str) -> tuple[dict[str, int], dict[str, int]]:
    """Added tokens that are not special: those found in the text as it is, and those found after it was normalized."""
    found: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for entry in entries:
        if entry.get("special", True):
            continue
        if odd := [flag for flag in ("single_word", "lstrip", "rstrip") if entry.get(flag)]:
            raise Problem(
                f"{where} finds {entry['content']!r} with {odd[0]}, which this reader does not know for tokens that are text"
            )
        if not entry["content"]:
            raise Problem(f"{where} has an added token without a text, id {entry['id']}: it would be found everywhere")
        found[bool(entry.get("normalized", True))][entry["content"]] = int(entry["id"])
    return found


def cutting(told: Mapping[str, Any], where: str) -> tuple[str, str | None, bool]:
    """(pattern, which digits are set apart, whether a blank is put before) as a pre-tokenizer says."""
    parts = parts_of(told, "pretokenizers")
    digits = None
    if parts and parts[0]["type"] == "Digits":
        digits = "each" if parts[0].get("individual_digits") else "runs"
        parts = parts[1:]
    blank = bool(parts) and len(parts) == 1 and bool(parts[0].get("add_prefix_space"))
    if blank:
        parts = [{**parts[0], "add_prefix_space": False}]
    spelled = [respelled(part) if part["type"] == "Split" else part for part in parts]
    return pattern_of({"type": "Sequence", "pretokenizers": spelled}, where), digits, blank


def respelled(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Split whose pattern is spelled as in our table, where it is one of those."""
    written = (part.get("pattern") or {}).get("Regex", "")
    if written in PATTERNS.values():
        return part
    same = next((ours for ours in PATTERNS.values() if plainly(ours) == plainly(written)), written)
    return {**part, "pattern": {"Regex": same}}


def plainly(written: str) -> str:
    """A pattern in one spelling."""
    for other, ours in SPELLINGS.items():
        written = written.replace(other, ours)
    return written


def begins(told: Mapping[str, Any] | None, where: str) -> tuple[str, ...]:
    """The special tokens that a post-processor puts before a text."""
    found: list[str] = []
    for part in [] if told is None else parts_of(told, "processors"):
        if part["type"] == "TemplateProcessing":
            for piece in part["single"]:
                if "Sequence" in piece:
                    break
                found.append(piece["SpecialToken"]["id"])
        elif part["type"] != "ByteLevel":
            raise unknown(where, "post_processor", part)
    return tuple(found)
