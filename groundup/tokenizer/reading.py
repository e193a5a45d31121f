"""Which file of which format holds a tokenizer, and what must be said beside it: behind `Tokenizer.load`.

A folder or file of Hugging Face and a `.model` of SentencePiece say everything themselves. A rank file says neither pattern nor special tokens, GPT-2's two files
say no pattern: where something is not given, GPT-4's pattern is taken for the one, GPT-2's for the other, and no specials.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from groundup.errors import Problem
from groundup.tokenizer import huggingface
from groundup.tokenizer.kind import Kind

RANKS, MODEL = ".tiktoken", ".model"
Specials = Sequence[str] | Mapping[str, int]


def read(path: Path, pattern: str | None, specials: Specials | None) -> tuple[Kind, dict[str, int]]:
    """A tokenizer's vocabulary and its special tokens."""
    file = the_file(path)
    if file.suffix == RANKS:
        from groundup.tokenizer import ranks

        kind = ranks.read(file, pattern or "gpt4")
        return kind, numbered(specials or {}, len(kind.tokens), {})
    if file.suffix == ".gguf":
        raise Problem(f"{file} holds a model with its tokenizer: load it as a model")
    if file.name != huggingface.FILE and file.suffix != MODEL:
        from groundup.tokenizer import vocab_merges

        if pair := vocab_merges.pair_at(path):
            kind, found = vocab_merges.read(*pair, pattern or "gpt2")
            return kind, found | numbered(specials or {}, len(kind.tokens), found)
    if pattern is not None or specials is not None:
        raise Problem(
            f"{file} says itself how it cuts text and which special tokens it has: leave out pattern and specials"
        )
    if file.suffix == MODEL:
        from groundup.tokenizer import sentencepiece_file

        return sentencepiece_file.read(file)
    return huggingface.read(file)


def numbered(specials: Specials, size: int, found: Mapping[str, int]) -> dict[str, int]:
    """Special tokens with their ids; names alone get those that follow all others."""
    if isinstance(specials, Mapping):
        return dict(specials)
    first = max([size, *(token + 1 for token in found.values())])
    return {name: first + place for place, name in enumerate(name for name in specials if name not in found)}


def write_ranks(path: Path, kind: Kind) -> None:
    """A rank file."""
    from groundup.tokenizer import ranks
    from groundup.tokenizer.byte_pairs import BytePairs

    if not isinstance(kind, BytePairs):
        raise Problem(f"{path} is a rank file, which holds byte-level BPE, and this tokenizer is of kind {kind.name}")
    ranks.write(path, kind)


def the_file(path: Path) -> Path:
    """The file that says most, of a folder."""
    if not path.is_dir() or (path / huggingface.FILE).exists():
        return path / huggingface.FILE if path.is_dir() else path
    ranks = sorted(path.glob("*" + RANKS))
    if len(ranks) > 1:
        raise Problem(f"{path} holds {len(ranks)} rank files: name the one you mean")
    from groundup.tokenizer import vocab_merges

    if pair := vocab_merges.pair_at(path):
        return pair[0]
    return ranks[0] if ranks else path / huggingface.FILE
