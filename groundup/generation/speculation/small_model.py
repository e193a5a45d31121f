"""Drafts of a smaller model with the same tokenizer: it writes ahead, token by token, in a cache of its own.

What was drafted and did not stay is simply overwritten: a token lies in the slot of its position, and nobody looks behind
a text's end.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.cache import Cache
from groundup.generation.captured_step import CapturedStep
from groundup.generation.compiled_step import MOST, CompiledStep
from groundup.generation.pages import Pages, pages_for
from groundup.generation.speculation.drafter import Draft, Drafter, Text, View, block, must_take_back, one_by_one
from groundup.model.architectures import must_write
from groundup.model.settings import ModelSettings
from groundup.tokenizer import Tokenizer

CHUNK = 512  # tokens of a prompt that are read in one pass


class SmallModel(Drafter):
    """`rows`: texts that it drafts for at once; `step`: what takes the small model's place for a few tokens of each."""

    def __init__(self, model, target, rows: int = 4, step: CompiledStep | CapturedStep | None = None):
        must_write(model.settings)
        must_take_back(model, "the draft model")
        self.model, self.vocabulary = model.eval(), target.settings.vocabulary
        self.cost = weights(model) / weights(target)
        self.device = next(model.parameters()).device
        self.step, self.free = step, list(range(rows))
        self.cache = Cache(rows) if step is None else whole_rows(rows, model.settings.context, self.device)
        self.rows: dict[int, int] = {}  # request -> row of the cache
        self.read_ids: dict[int, list[int]] = {}  # request -> what lies in its row

    def propose(self, texts: Sequence[Text], counts: Sequence[int], view: View) -> list[Draft]:
        rooms = [self.model.settings.context - len(text.ids) for text in texts]
        counts = [max(0, min(count, room)) for count, room in zip(counts, rooms, strict=True)]
        known = [self._known(text) if count else 0 for text, count in zip(texts, counts, strict=True)]

        def read(rows: list[int], parts: list[list[int]], starts: list[int]) -> Tensor:
            return self._pass([texts[row].number for row in rows], parts, starts)[:, : self.vocabulary]

        return one_by_one(texts, counts, known, read)

    def forget(self, number: int) -> None:
        if number in self.rows:
            self.free.append(self.rows.pop(number))
            del self.read_ids[number]

    def _known(self, text: Text) -> int:
        """How many of the text's tokens lie in its row; a prompt is read up to its last token first."""
        if text.number not in self.rows:
            self.rows[text.number], self.read_ids[text.number] = self.free.pop(), []
        held = self.read_ids[text.number]
        known = _alike(held, text.ids[:-1])
        del held[known:]
        while len(text.ids) - known > CHUNK:
            self._pass([text.number], [list(text.ids[known : known + CHUNK])], [known])
            known += CHUNK
        return known

    def _pass(self, numbers: list[int], parts: list[list[int]], starts: list[int]) -> Tensor:
        """Read parts of these requests' texts -> the logits of what follows each (requests, vocabulary)."""
        own = self.model.settings.vocabulary  # a table that is filled up further has ids that this one lacks
        seen = [[token if token < own else 0 for token in part] for part in parts]
        ids, positions, ends = block(seen, starts, self.device)
        view = self.cache.view([self.rows[number] for number in numbers])
        if self.step and ids.numel() <= MOST:
            logits = self.step.several(ids, positions, view)[torch.arange(len(ids)), ends]
        else:
            read = self.step.prompt if self.step else self.model
            logits = read(ids, positions, view, last=ends)
        for number, part in zip(numbers, parts, strict=True):
            self.read_ids[number] += part
        return logits


def whole_rows(rows: int, context: int, device: torch.device | str = "cpu") -> Pages:
    """Pages of which each row has its own, as many as a text can need."""
    each = pages_for(context)
    cache = Pages(rows, rows * each + 1, context, device)
    for row in range(rows):
        cache.begin(row, range(1 + row * each, 1 + (row + 1) * each))
    return cache


def weights(model) -> int:
    """How many numbers a model holds, packed ones counted by their bytes: about what one token's pass must read."""
    return sum(tensor.numel() for tensor in model.state_dict().values())


def must_share_vocabulary(
    draft: ModelSettings, target: ModelSettings, words: Tokenizer | None, own: Tokenizer | None
) -> None:
    """A Problem unless a token's number means the same to both models; without tokenizers, unless they have as many."""
    if words is None or own is None:
        if draft.vocabulary != target.vocabulary:
            raise Problem(
                f"the draft model knows {draft.vocabulary} tokens and the model {target.vocabulary}: a draft must have been "
                f"trained with the same tokenizer"
            )
        return
    if words.tokens != own.tokens or words.specials != own.specials:
        both = zip(words.tokens, own.tokens, strict=False)
        first = next((number for number, (a, b) in enumerate(both) if a != b), min(len(words.tokens), len(own.tokens)))
        raise Problem(
            f"the draft model has another tokenizer than the model ({len(words.tokens)} and {len(own.tokens)} tokens, the first "
            f"difference at {first}): a draft must have been trained with the same one"
        )


def _alike(held: Sequence[int], ids: Sequence[int]) -> int:
    """How many tokens both begin with. Only what was drafted can differ, so it is looked for from the end."""
    count = min(len(held), len(ids))
    if list(held[:count]) == list(ids[:count]):
        return count
    return next(place for place in range(count) if held[place] != ids[place])
