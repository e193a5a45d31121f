"""A trained vocabulary is changed: tokens are added, dropped, or taken over from another one, and models can follow.

Every change says where its rows come from: `rows[new]` are the old ids whose embeddings a model averages for the new id, one
where a token stays what it was (`model/resize.py` does it). Bytes are never dropped, so every text still comes back.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer.byte_pairs import BytePairs, Merge
from groundup.tokenizer.kind import Kind
from groundup.tokenizer.published import Habits, Published
from groundup.tokenizer.tokenizer import Tokenizer

Used = Iterable[str | bytes | np.ndarray | Sequence[int]]


@dataclass(frozen=True)
class Changed:
    """A changed tokenizer; for each of its ids the old ids that it comes from; for each old id that stayed its new one."""

    tokenizer: Tokenizer
    rows: list[tuple[int, ...]]
    moved: dict[int, int]


@dataclass(frozen=True)
class Joined:
    """Two tokenizers as one, and for each id of the first and of the second its id there."""

    tokenizer: Tokenizer
    from_first: dict[int, int]
    from_second: dict[int, int]


def prune(tokenizer: Tokenizer, used: Used, size: int) -> Changed:
    """Keep `size` tokens, specials not counted: those that texts (or ids) use most, all bytes, and what they are made of.

    Again and again the least used token goes that no other is made of; its uses become those of its two parts.
    """
    kind = changeable(tokenizer)
    if size < 256:
        raise Problem(f"a vocabulary of {size} tokens cannot hold the 256 bytes: keep 256 or more")
    parts = {made: (a, b) for a, b, made in kind.merges}
    uses, children = count_uses(tokenizer, used), Counter(part for pair in parts.values() for part in pair)
    kept = {token for token, name in enumerate(kind.tokens) if name}
    leaves = [(uses[token], -token) for token in kept if not children[token] and token in parts]
    heapq.heapify(leaves)
    while len(kept) > size and leaves:
        times, token = heapq.heappop(leaves)
        if times != uses[-token]:  # it was noted before it got the uses of another
            continue
        kept.discard(-token)
        for part in parts[-token]:
            uses[part] += times
            children[part] -= 1
        for part in {*parts[-token]}:
            if part in parts and not children[part]:
                heapq.heappush(leaves, (uses[part], -part))
    specials = sorted(tokenizer.specials, key=tokenizer.specials.__getitem__)
    moved = {old: new for new, old in enumerate([*sorted(kept), *(tokenizer.specials[name] for name in specials)])}
    tokens = [kind.tokens[token] for token in sorted(kept)]
    merges = [(moved[a], moved[b], moved[made]) for a, b, made in kind.merges if made in kept]
    made = Tokenizer(like(kind, tokens, merges), {name: moved[tokenizer.specials[name]] for name in specials})
    return Changed(made, [(old,) for old in moved], moved)


def count_uses(tokenizer: Tokenizer, used: Used) -> Counter[int]:
    """How often each token is used by texts or rows of ids."""
    uses: Counter[int] = Counter()
    for each in used if not isinstance(used, str | bytes) else [used]:
        ids = tokenizer.encode(each) if isinstance(each, str | bytes) else np.asarray(each, np.int64).reshape(-1)
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < tokenizer.vocabulary:
            raise Problem(f"these ids are not this tokenizer's: it has 0 to {tokenizer.vocabulary - 1}")
        values, counts = np.unique(ids, return_counts=True)
        uses.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return uses


def merge_vocabularies(first: Tokenizer, second: Tokenizer) -> Joined:
    """All of the first under its own ids, then what only the second has, whose merges come after all of the first's."""
    one, other = changeable(first), changeable(second)
    if one.pattern != other.pattern or not np.array_equal(one.classes, other.classes):
        raise Problem(
            f"one tokenizer cuts words by {one.pattern}, the other by {other.pattern}, or by other tables: they cannot be one"
        )
    tokens = [*one.tokens, *[b""] * (first.vocabulary - len(one.tokens))]
    id_of = {name: token for token, name in enumerate(tokens) if name}
    for name in (name for name in other.tokens if name and name not in id_of):
        id_of[name] = len(tokens)
        tokens.append(name)
    there = {token: id_of[name] for token, name in enumerate(other.tokens) if name}
    theirs = [(there[a], there[b], there[made]) for a, b, made in other.merges]
    new = sorted((merge for merge in theirs if merge[2] >= first.vocabulary), key=lambda merge: merge[2])
    specials = dict(first.specials)
    for name in sorted(second.specials, key=second.specials.__getitem__):
        specials.setdefault(name, len(tokens) + len(specials) - len(first.specials))
    from_second = there | {token: specials[name] for name, token in second.specials.items()}
    from_first = {token: token for token in [*(id_of[name] for name in one.tokens if name), *first.specials.values()]}
    return Joined(Tokenizer(like(one, tokens, [*one.merges, *new]), specials), from_first, from_second)


def changeable(tokenizer: Tokenizer) -> BytePairs:
    """The kind of a tokenizer whose tokens are bytes and what is merged from them, each in one way, and nothing else."""
    kind = tokenizer.kind
    if not isinstance(kind, BytePairs):
        raise Problem(f"only byte-level BPE can be changed here, and this tokenizer is of kind {kind.name}")
    habits = kind.habits if isinstance(kind, Published) else Habits()
    if Habits(whole=habits.whole) != habits or (isinstance(kind, Published) and habits.whole and kind.unmerged):
        raise Problem(
            "this tokenizer does more to a text than merging bytes (added text, normal forms, whole words): it cannot be changed here"
        )
    made = [token for _, _, token in kind.merges]
    if len(made) + 256 != sum(map(bool, kind.tokens)) or len(set(made)) < len(made):
        raise Problem("this tokenizer has tokens that no merge makes, or that several make: it cannot be changed here")
    return kind


def like(kind: BytePairs, tokens: Sequence[bytes], merges: Sequence[Merge]) -> Kind:
    """A vocabulary that cuts text as another does."""
    made = [token for _, _, token in merges]
    plain = all(tokens) and all(a < b for a, b in zip(made, made[1:], strict=False))
    return cast(Kind, (BytePairs if plain else Published)(tokens, merges, kind.pattern, kind.classes))
