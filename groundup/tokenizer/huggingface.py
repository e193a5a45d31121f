"""A tokenizer as files that other libraries read: `tokenizer.json` of Hugging Face and what stands beside it.

There a token is written in GPT-2's alphabet, one printable character a byte. What cannot be meant (an unknown part, a
merge of tokens that are not there) is refused when the file is read, in a sentence, not when a text meets it.
"""

import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.tokenizer import chat
from groundup.tokenizer.split import PATTERNS, classes_as_text

if TYPE_CHECKING:
    from groundup.tokenizer.tokenizer import Tokenizer

FILE, CONFIG, TEMPLATE, CLASSES = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "unicode.json"
LARGEST = 256 << 20  # bytes; the largest published tokenizers have some 30 MB
Merge = tuple[int, int, int]


@cache
def alphabet() -> list[str]:
    """The character that stands for each byte: itself where it is printable Latin-1, else the next of those from U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + rest.index(byte)) for byte in range(256)]


def check(tokens: Sequence[bytes], merges: Sequence[Merge], specials: dict[str, int], where: str = "this tokenizer") -> None:
    """Everything that encoding takes for granted."""
    known = set(tokens)
    if len(known) < len(tokens):
        raise Problem(f"{where} has one token under two ids: each must be there once")
    missing = [byte for byte in range(256) if bytes([byte]) not in known]
    if missing:
        raise Problem(f"{where} lacks the bytes {missing[:5]}: a byte-level vocabulary holds all 256")
    before = -1
    for a, b, made in merges:
        if not (0 <= a < len(tokens) and 0 <= b < len(tokens) and 0 <= made < len(tokens)) or tokens[a] + tokens[b] != tokens[made]:
            raise Problem(f"{where} merges {a} and {b} to {made}, which is not what their bytes make")
        if made <= before:
            raise Problem(f"{where} makes token {made} after token {before}: merges must come in the order of what they make")
        before = made
    for name, token in specials.items():
        if name.encode() in known:
            raise Problem(f"{where} has {name!r} as a special token and as a piece of text: give the special another name")
        if token < len(tokens) or list(specials.values()).count(token) > 1:
            raise Problem(f"{where} gives the special token {name!r} the id {token}, which is taken: specials follow the others")


def described(tokens: Sequence[bytes], merges: Sequence[Merge], pattern: str, specials: dict[str, int]) -> dict[str, Any]:
    """The content of a tokenizer.json."""
    letters = alphabet()
    written = ["".join(letters[byte] for byte in token) for token in tokens]
    whole = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    split = {"type": "Split", "pattern": {"Regex": PATTERNS[pattern]}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for name, token in specials.items()
        ],
        "normalizer": None,
        "pre_tokenizer": whole
        if pattern == "gpt2"
        else {"type": "Sequence", "pretokenizers": [split, whole | {"use_regex": False}]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: token for token, name in enumerate(written)},
            "merges": [[written[a], written[b]] for a, b, _ in merges],
        },
    }


def write_file(path: Path, tokens: Sequence[bytes], merges: Sequence[Merge], pattern: str, specials: dict[str, int]) -> None:
    """A tokenizer.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, json.dumps(described(tokens, merges, pattern, specials), ensure_ascii=False, indent=1) + "\n")


def write_folder(folder: Path, tokenizer: "Tokenizer", template: str | None = None) -> None:
    """Everything a folder needs to be loaded as a tokenizer, by us and by transformers."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / FILE, tokenizer.tokens, tokenizer.merges, tokenizer.pattern, tokenizer.specials)
    replace(folder / CLASSES, classes_as_text(tokenizer.classes))
    told: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    if chat.SEPARATOR in tokenizer.specials:
        told |= {"bos_token": chat.SEPARATOR, "eos_token": chat.SEPARATOR}
    if template:
        told["eos_token"] = chat.TEMPLATES[chat.known(template)].close
        replace(folder / TEMPLATE, chat.jinja(template))
    replace(folder / CONFIG, json.dumps(told, indent=1) + "\n")


def replace(path: Path, text: str) -> None:
    """The file holds the old content or the new, never half of it; what a kill leaves beside it ends in `.writing`."""
    beside = path.with_name(f".{path.name}.writing")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[list[bytes], list[Merge], str, dict[str, int]]:
    """(tokens, merges, pattern, specials) of a tokenizer.json that holds a byte-level BPE."""
    try:
        if path.stat().st_size > LARGEST:
            raise Problem(f"{path} has {path.stat().st_size:,} bytes, and no tokenizer has more than {LARGEST:,}")
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"there is no tokenizer at {path}: give a folder with a {FILE}, or such a file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(f"{path} is not a whole {FILE}: {error}") from None
    try:
        return understood(told, path)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise Problem(f"{path} is not a {FILE} as Hugging Face writes it: {type(error).__name__} at {error}") from None


def understood(told: dict[str, Any], path: Path) -> tuple[list[bytes], list[Merge], str, dict[str, int]]:
    """The parts of a tokenizer.json, where we know all of them."""
    model = told["model"]
    expect(path, "model.type", model.get("type", "BPE"), ["BPE"])
    for part in ("normalizer", "truncation", "padding", "post_processor"):
        if told.get(part) is not None and not (part == "post_processor" and told[part].get("type") == "ByteLevel"):
            raise Problem(f"{path} has a {part} ({json.dumps(told[part])[:60]}), which this reader does not know")
    for part in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "fuse_unk"):
        expect(path, f"model.{part}", model.get(part) or None, [None])
    expect(path, "decoder.type", (told.get("decoder") or {}).get("type"), ["ByteLevel"])
    byte_of = {letter: byte for byte, letter in enumerate(alphabet())}
    added = {entry["content"]: int(entry["id"]) for entry in told.get("added_tokens") or []}
    names = sorted((int(token), name) for name, token in model["vocab"].items() if name not in added)
    if [token for token, _ in names] != list(range(len(names))):
        raise Problem(f"{path} numbers its {len(names):,} tokens with gaps: ids must run from 0 on, special tokens after them")
    tokens = [bytes(byte_of[letter] for letter in name) for _, name in names]
    id_of = {name: token for token, name in names}
    pairs = [entry.split(" ") if isinstance(entry, str) else entry for entry in model["merges"]]
    merges = [(id_of[a], id_of[b], id_of[a + b]) for a, b in pairs]
    check(tokens, merges, added, str(path))
    return tokens, merges, pattern_of(told["pre_tokenizer"], path), added


def pattern_of(told: dict[str, Any], path: Path) -> str:
    """The name of the pattern that a pre-tokenizer means."""
    parts = told["pretokenizers"] if told["type"] == "Sequence" else [told]
    if any(part.get("add_prefix_space") for part in parts):
        raise Problem(f"{path} puts a space before every text (add_prefix_space), which this reader does not know")
    if [part["type"] for part in parts] == ["ByteLevel"] and parts[0].get("use_regex", True):
        return "gpt2"
    if [part["type"] for part in parts] == ["Split", "ByteLevel"] and not parts[1].get("use_regex", True):
        named = {regex: name for name, regex in PATTERNS.items()}
        written = parts[0]["pattern"]["Regex"]
        if written in named and parts[0]["behavior"] == "Isolated" and not parts[0].get("invert"):
            return named[written]
        raise Problem(f"{path} splits by a pattern of its own, {written[:60]!r}: this reader knows {', '.join(PATTERNS)}")
    raise Problem(f"{path} splits by {[part['type'] for part in parts]}: this reader knows Split with ByteLevel, and ByteLevel")


def expect(path: Path, where: str, found: object, wanted: list) -> None:
    """One of the values that this reader knows."""
    if found not in wanted:
        raise Problem(f"{path} says {where} = {found!r}, and this reader knows only {', '.join(map(repr, wanted))}")
