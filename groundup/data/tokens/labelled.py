"""Texts with a class each on their way into a training step: JSON lines in, one text a row out, filled up with padding.

Which text comes when is a formula of the step; a text that is longer than a row is cut at its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groundup.data.tokens.batches import Batch
from groundup.data.tokens.examples import checked, lines, shuffled
from groundup.errors import Problem
from groundup.tokenizer import Tokenizer


@dataclass(frozen=True)
class Frame:
    """What stands around a text: [CLS] and [SEP] for encoders, the separator of documents for decoders."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    padding: int = 0


class Labelled:
    """Rows of one text and the column `label` (rows); each epoch reads every text once, in another order."""

    def __init__(
        self, texts: Sequence[np.ndarray], labels: Sequence[int], frame: Frame, rows: int, time: int, seed: int
    ):
        self.rows, self.time, self.seed, self.padding = rows, time, seed, frame.padding
        room = time - len(frame.before) - len(frame.after)
        if room < 1:
            raise Problem(
                f"training.time is {time}, and the marks around a text take {time - room} of it; make it larger."
            )
        if not len(texts):
            raise Problem("`labelled` holds no texts: name files of JSON lines with `text` and `label`.")
        self.texts = [np.concatenate([frame.before, text[:room], frame.after]).astype(np.int64) for text in texts]
        self.labels = np.asarray(labels, np.int64)

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        chosen = shuffled(step * self.rows + which.astype(np.int64), len(self.texts), self.seed, "labelled")
        shape = len(chosen), self.time
        ids, segments = np.full(shape, self.padding, np.int64), np.zeros(shape, np.int32)
        for row, number in enumerate(chosen.tolist()):
            text = self.texts[number]
            ids[row, : len(text)], segments[row, : len(text)] = text, 1
        nothing = np.zeros(shape, np.float32)  # no token is foretold
        return Batch(ids, ids, nothing, segments, columns={"label": self.labels[chosen]}, documents=chosen)


def labelled(
    files: Sequence[Path | str], tokenizer: Tokenizer, frame: Frame, classes: int, rows: int, time: int, seed: int
) -> Labelled:
    """Batches of the texts in JSON lines {"text": text, "label": number of the class, from 0}."""
    texts, labels = [], []
    for where, record in lines(files):
        texts.append(checked(where, record, "text", str))
        label = record.get("label")
        if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < classes:
            raise Problem(
                f"{where}: `label` is {label!r}; expected a number from 0 to {classes - 1}, since the model's head has "
                f"{classes} classes (head.classes)."
            )
        labels.append(label)
    return Labelled(tokenizer.encode_many(texts), labels, frame, rows, time, seed)
