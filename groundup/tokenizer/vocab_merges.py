"""GPT-2's two files: the tokens with their ids (`vocab.json`, or `encoder.json`) and the merges (`merges.txt`, or `vocab.bpe`).

They say nothing of special tokens: a token that is no byte and that no merge makes, written like <|endoftext|>, must be one.
Any other such token means that one of the files is not whole.
"""

import json
from pathlib import Path

from groundup.errors import Problem
from groundup.tokenizer.byte_level import assembled
from groundup.tokenizer.byte_pairs import BytePairs, alphabet
from groundup.tokenizer.published import Habits

VOCABULARIES, MERGES = ("vocab.json", "encoder.json"), ("merges.txt", "vocab.bpe")


def pair_at(path: Path) -> tuple[Path, Path] | None:
    """The two files in a folder, or beside one of them, if they are there."""
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.name not in (*VOCABULARIES, *MERGES):
        return None
    vocabulary = next((folder / name for name in VOCABULARIES if (folder / name).exists()), None)
    merges = next((folder / name for name in MERGES if (folder / name).exists()), None)
    if vocabulary and merges:
        return vocabulary, merges
    if path.is_dir():
        return None
    raise Problem(
        f"{path} is one of two files: {' or '.join(VOCABULARIES)}, and {' or '.join(MERGES)} must lie beside each other"
    )


def read(vocabulary: Path, merges: Path, pattern: str) -> tuple[BytePairs, dict[str, int]]:
    """The vocabulary and the special tokens."""
    try:
        ids = json.loads(vocabulary.read_text(encoding="utf-8"))
        lines = merges.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(f"{vocabulary} and {merges.name} cannot be read: {error}") from None
    if not isinstance(ids, dict) or not all(type(number) is int for number in ids.values()):
        raise Problem(f"{vocabulary} is not a table of tokens and their ids")
    if lines.pop() != "":
        raise Problem(f"{merges} ends within line {len(lines) + 1}: the file is not whole")
    pairs = [
        pair_of(line, merges, number)
        for number, line in enumerate(lines, 1)
        if not (number == 1 and line.startswith("#version"))
    ]
    made = {*alphabet(), *(a + b for a, b in pairs)}
    for name in made - set(ids):
        raise Problem(f"{vocabulary} has no token {name!r}, which {merges.name} makes: the two do not belong together")
    specials = {name: number for name, number in ids.items() if name not in made}
    for name in specials:
        if not (name.startswith("<") and name.endswith(">")):
            raise Problem(f"{merges} does not make {name!r}, which {vocabulary.name} has: one of the two is not whole")
    for a, b in pairs:
        if a not in ids or b not in ids:
            raise Problem(f"{merges} merges {a!r} and {b!r}, which {vocabulary.name} does not have")
    return assembled(ids, pairs, specials, pattern, None, str(vocabulary), Habits()), specials


def pair_of(line: str, path: Path, number: int) -> tuple[str, str]:
    """One merge."""
    a, blank, b = line.rstrip("\r").partition(" ")
    if not a or not b or " " in b:
        raise Problem(f"{path}, line {number} is not two tokens with a blank between but {line[:60]!r}")
    return a, b
