"""A model that tells classes of texts apart listens to what another one writes, sentence by sentence, and may end it.

Nothing of a sentence is told before it was judged together with all that the answer had said by then.
"""

import re
from pathlib import Path

import torch

from groundup.errors import Problem
from groundup.model import folder
from groundup.model.families import FAMILIES
from groundup.model.headed import Headed
from groundup.tokenizer import Tokenizer, chat

KINDS = ("classify_first", "classify_last")
END = re.compile(r"[.!?…。！？]+[\"'”’)\]]*(?=\s)|\n")
LONGEST_SENTENCE = 400  # characters, after which it is judged though it has not ended


class Judge:
    """Refuses texts of one class when the model is this sure of it."""

    def __init__(self, model: Headed, tokenizer: Tokenizer, refused: int = 1, sure: float = 0.5):
        self.model, self.tokenizer, self.refused, self.sure = model.eval(), tokenizer, refused, sure
        names = tokenizer.specials
        marked = FAMILIES[model.settings.family].architecture == "encoder" and {"[CLS]", "[SEP]"} <= set(names)
        self.first = [names["[CLS]"]] if marked else chat.separator_ids(tokenizer)
        self.last = [names["[SEP]"]] if marked else []

    @torch.inference_mode()
    def probability(self, text: str) -> float:
        """How likely the text, or its end where it is too long for the model, is of the refused class."""
        room = self.model.settings.context - len(self.first) - len(self.last)
        ids = [*self.first, *self.tokenizer.encode(text).tolist()[-room:], *self.last]
        device = next(self.model.parameters()).device
        return float(self.model(torch.tensor([ids], device=device)).float().softmax(-1)[0, self.refused])

    def refuses(self, text: str) -> bool:
        """Whether an answer may not go on to say this."""
        return bool(text.strip()) and self.probability(text) >= self.sure


def sentences_end(text: str) -> int:
    """Where the last whole sentence of a text ends; 0 if none does."""
    ends = [found.end() for found in END.finditer(text)]
    return ends[-1] if ends else len(text) if len(text) > LONGEST_SENTENCE else 0


def load(path: str | Path, refused: int = 1, sure: float = 0.5) -> Judge:
    """A judge from a model's folder whose head tells classes apart."""
    path = folder.within(path)
    model = folder.load(path)
    if not isinstance(model, Headed) or model.settings.head.kind not in KINDS:
        raise Problem(f"{path} holds a model that tells no classes apart: train one with objective.kind=classify")
    if not 0 <= refused < model.settings.head.classes:
        raise Problem(
            f"class {refused} is to be refused, and {path} knows the classes 0 to {model.settings.head.classes - 1}"
        )
    return Judge(model, Tokenizer.load(path), refused, sure)
