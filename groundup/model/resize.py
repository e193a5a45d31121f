"""A model follows its tokenizer: after tokens were added, dropped or moved, its table and its head get the rows that belong.

`tokenizer.surgery` says for each new id which old rows to average. Where a token stayed what it was, its row is the old row
bit for bit, so the model says of old text what it said before.
"""

from collections.abc import Sequence

from torch import Tensor

from groundup.errors import Problem
from groundup.model.folder import bare
from groundup.model.quantize import is_quantised
from groundup.model.transformer import Transformer

SPELLING = "model.embed_tokens.spelling"  # of a table that reads letters


def resized(model: Transformer, rows: Sequence[Sequence[int]]) -> Transformer:
    """A model with one row for each entry of `rows`: the average of those old rows, or of all where there are none."""
    if is_quantised(model):
        raise Problem(
            "this model is stored in fewer bits, and averages of its rows would be rounded twice: change the model it was made from"
        )
    before = model.settings.vocabulary
    if not rows or any(not 0 <= old < before for each in rows for old in each):
        raise Problem(
            f"the rows must be some of this model's, 0 to {before - 1}: was the tokenizer that was changed another one?"
        )
    made = bare(model.settings.model_copy(update={"vocabulary": len(rows)}))
    made.attention, made.compute = model.attention, model.compute
    tables = ("model.embed_tokens.weight", "lm_head.weight", "readout.words.weight", "readout.bias", "masked.bias")
    state = {
        name: averaged(tensor, rows) if name.endswith(tables) else tensor.clone()
        for name, tensor in model.state_dict().items()
    }
    if SPELLING in state:
        state[SPELLING] = respelt(state[SPELLING], rows)
    made.load_state_dict(state, assign=True)
    return made.train(model.training)


def respelt(spelling: Tensor, rows: Sequence[Sequence[int]]) -> Tensor:
    """How tokens are spelt that stayed what they were; others are spelt as nothing until the table's `spell` is told."""
    made = spelling.new_zeros((len(rows), spelling.shape[1]))
    for new, old in enumerate(rows):
        if len(old) == 1:
            made[new] = spelling[old[0]]
    return made


def averaged(table: Tensor, rows: Sequence[Sequence[int]]) -> Tensor:
    """table (old, width) -> (new, width), or a number for each token (old) -> (new)."""
    made = table.new_empty((len(rows), *table.shape[1:]))
    for new, old in enumerate(rows):
        made[new] = (
            table[old[0]] if len(old) == 1 else (table[list(old)] if old else table).float().mean(0).to(table.dtype)
        )
    return made
