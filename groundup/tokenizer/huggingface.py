"""A tokenizer as files that other libraries read: `tokenizer.json` of Hugging Face and what stands beside it.

What a kind of tokenizer writes into it and understands of it is the kind's own affair; here are the parts that all share. What
cannot be meant is refused when the file is read, in a sentence, not when a text meets it.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.tokenizer import chat
from groundup.tokenizer.kind import Kind, kind_called

if TYPE_CHECKING:
    from groundup.tokenizer.tokenizer import Tokenizer

FILE, CONFIG, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
LARGEST = 256 << 20  # bytes; the largest published tokenizers have some 30 MB


def described(kind: Kind, specials: dict[str, int]) -> dict[str, Any]:
    """The content of a tokenizer.json."""
    shared = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [{"id": token, "content": name} | shared for name, token in specials.items()]
    added = sorted([*added, *getattr(kind, "added_entries", list)()], key=lambda entry: entry["id"])
    told = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added} | kind.described()
    if isinstance(
        vocabulary := told["model"].get("vocab"), dict
    ):  # other readers number added tokens anew unless they are there
        last = max(vocabulary.values(), default=-1)
        vocabulary |= {entry["content"]: entry["id"] for entry in added if entry["id"] < last}
    return told


def write_file(path: Path, kind: Kind, specials: dict[str, int]) -> None:
    """A tokenizer.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, json.dumps(described(kind, specials), ensure_ascii=False, indent=1) + "\n")


# What transformers calls the special tokens that encoders need.
USES = {
    "pad_token": ("[PAD]", "<pad>"), "cls_token": ("[CLS]",), "sep_token": ("[SEP]",), "mask_token": ("[MASK]", "<mask>"),
}  # fmt: skip


def write_folder(folder: Path, tokenizer: "Tokenizer", template: str | None = None) -> None:
    """Everything a folder needs to be loaded as a tokenizer, by us and by transformers."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / FILE, tokenizer.kind, tokenizer.specials)
    for name, text in tokenizer.kind.beside().items():
        replace(folder / name, text)
    told: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    if separator := chat.separator(tokenizer):
        told |= {"bos_token": separator, "eos_token": separator}
    told |= {use: name for use, names in USES.items() for name in names if name in tokenizer.specials}
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


def read(path: Path) -> tuple[Kind, dict[str, int]]:
    """A tokenizer.json's vocabulary and its special tokens."""
    try:
        if path.stat().st_size > LARGEST:
            raise Problem(f"{path} has {path.stat().st_size:,} bytes, and no tokenizer has more than {LARGEST:,}")
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"there is no tokenizer at {path}: give a folder with a {FILE}, or such a file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(f"{path} is not a whole {FILE}: {error}") from None
    if not isinstance(told, dict) or not isinstance(told.get("model"), dict):
        raise Problem(f"{path} is not a {FILE} as Hugging Face writes it: there is no table `model` in it")
    try:
        added = {
            entry["content"]: (int(entry["id"]), entry.get("special", True)) for entry in told.get("added_tokens") or []
        }
        specials = {name: token for name, (token, special) in added.items() if special}
        written = told["model"].get("type", "BPE")
        if written == "BPE" and "sentencepiece" in told["model"]:
            written = "BPE of SentencePiece"
        kind = kind_called(written, path).understood(told, specials, path)
        for name, (token, special) in added.items():
            if not special and kind.tokens[token] != name.encode():
                raise Problem(
                    f"{path} adds {name!r} as text, which this reader does not know for tokenizers of kind {kind.name}"
                )
        return kind, {name: token for name, token in specials.items() if token != kind.unknown}
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise Problem(f"{path} is not a {FILE} as Hugging Face writes it: {type(error).__name__} at {error}") from None
