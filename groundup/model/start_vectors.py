"""A model's embedding starts from vectors that were learnt before, through whatever vocabulary the model has; frozen or not.

A token gets the vector of the word that it is; one that is only a part of words gets the mean of those words' vectors; the rest
keep their start values. Vectors wider than the model are turned to their main directions, and the rest is cut off (PCA).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from groundup.errors import Problem
from groundup.model.embedding import Embedding
from groundup.model.vectors import BLANK, Vectors, spelled
from groundup.tokenizer import Tokenizer

OWN, PART, NONE = 2, 1, 0  # where a token's vector comes from


@dataclass(frozen=True)
class Found:
    """How many tokens got a vector of their own, one as a part of words, none; and how much of the vectors was kept."""

    own: int
    part: int
    none: int
    kept: float | None = None  # share of the variance, where vectors were narrowed

    def __str__(self) -> str:
        narrowed = "" if self.kept is None else f"; narrowed, {100 * self.kept:.0f} % of their variance kept"
        total = self.own + self.part + self.none
        return (
            f"of {total:,} tokens {self.own:,} start from a vector of their own and {self.part:,} from those of words that they "
            f"are a part of; {self.none:,} have none{narrowed}"
        )


@torch.no_grad()
def start_from(model: nn.Module, vectors: Vectors, tokenizer: Tokenizer) -> Found:
    """Put the vectors into the model's table, in the scale in which it starts."""
    _, embedding = embedding_of(model)
    table = embedding.weight
    if len(table) < tokenizer.vocabulary:
        raise Problem(
            f"the model has {len(table)} rows and the tokenizer {tokenizer.vocabulary} tokens: they do not belong together"
        )
    fitted, kept = narrowed(vectors, table.shape[1])
    rows, source = rows_for(fitted, tokenizer)
    given = source > NONE
    if not given.any():
        raise Problem(f"no token of this tokenizer has a vector in {vectors.where}: are they of another language?")
    rows *= embedding.deviation / max(float(rows[given].std()), 1e-12)
    table[torch.from_numpy(np.flatnonzero(given))] = torch.from_numpy(rows[given]).to(table)
    counts = np.bincount(source, minlength=3)
    return Found(int(counts[OWN]), int(counts[PART]), int(counts[NONE]), kept)


def embedding_of(model: nn.Module) -> tuple[str, Embedding]:
    """The table of the model's tokens, and the name of its weight."""
    for name, module in model.named_modules():
        if isinstance(module, Embedding):
            return f"{name}.weight" if name else "weight", module
    raise Problem("this model has no table of tokens that vectors could be put into")


def vectors_of(model: nn.Module, tokenizer: Tokenizer, where: str) -> Vectors:
    """What a model has learnt of its tokens: the rows of those that have a letter in them, under the names of `skipgram`."""
    table = embedding_of(model)[1].weight.detach().float().cpu().numpy()
    place: dict[str, int] = {}
    for token, written in enumerate(tokenizer.tokens[: len(table)]):
        if any(letter.isalpha() for letter in written.decode(errors="ignore")):
            place.setdefault(spelled(written), token)
    return Vectors(list(place), table[list(place.values())], where)


def rows_for(vectors: Vectors, tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    """(a vector for each id (vocabulary, width), zero where there is none; where it comes from: OWN, PART or NONE)."""
    rows = np.zeros((tokenizer.vocabulary, vectors.width), np.float32)
    source = np.full(tokenizer.vocabulary, NONE)
    sums, times = sums_of_words(vectors, tokenizer)
    for token, written in enumerate(tokenizer.tokens):
        place = next((vectors.place[name] for name in names(written) if name in vectors.place), None)
        if place is not None:
            rows[token], source[token] = vectors.table[place], OWN
        elif times[token] and token != tokenizer.kind.unknown and written.strip():
            rows[token], source[token] = sums[token] / times[token], PART
    return rows, source


def names(token: bytes) -> list[str]:
    """The words that a token may be: as `skipgram` names it, without blanks around, in lower case."""
    try:
        text = token.decode().strip()
    except UnicodeDecodeError:
        text = ""
    return [name for name in (spelled(token), text, text.lower()) if name]


def sums_of_words(vectors: Vectors, tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    """For each id the sum of the vectors of the words that it is a part of, and how often it is."""
    sums, times = np.zeros((tokenizer.vocabulary, vectors.width)), np.zeros(tokenizer.vocabulary, np.int64)
    words = [word.replace(BLANK, " ").strip() for word in vectors.words]
    for before in ("", " "):  # at the start of a text and inside it a word may be cut in different ways
        ids = tokenizer.encode_many([before + word for word in words])
        flat, word = np.concatenate(ids).astype(np.int64), np.repeat(np.arange(len(words)), list(map(len, ids)))
        np.add.at(sums, flat, vectors.table[word])
        times += np.bincount(flat, minlength=len(times))
    return sums, times


def narrowed(vectors: Vectors, width: int) -> tuple[Vectors, float | None]:
    """The same words with vectors of `width` numbers, their main directions; and the share of the variance that these hold,
    None where nothing had to go."""
    if vectors.width < width:
        raise Problem(
            f"{vectors.where} has vectors of {vectors.width} numbers and the model's have {width}: "
            f"learn vectors of {width} or more (more are narrowed), or make the model no wider"
        )
    if vectors.width == width:
        return vectors, None
    centred = vectors.table - vectors.table.mean(0)
    variances, directions = np.linalg.eigh(centred.T.astype(np.float64) @ centred)  # the least first
    main = directions[:, ::-1][:, :width]
    kept = float(variances[-width:].sum() / max(variances.sum(), 1e-300))
    return Vectors(vectors.words, centred @ main, vectors.where), min(kept, 1.0)


def freeze(model: nn.Module, names: Iterable[str]) -> None:
    """Parameters of these names are trained no more: they get no gradient, and no optimizer knows them."""
    known = dict(model.named_parameters())
    for name in names:
        if name not in known:
            raise Problem(f"the model has no parameter {name!r} to freeze: it has {', '.join(list(known)[:5])}, …")
        known[name].requires_grad_(False)
