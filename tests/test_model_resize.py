"""A model whose tokenizer was changed says of old text what it said before."""

import pytest
import torch

from groundup.errors import Problem
from groundup.model import quantize
from groundup.model.resize import resized
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.extend import extend
from groundup.tokenizer.surgery import prune
from tests.model_example import model

OLD, NEW = "Anna gave the red ball to Ben. " * 9, "eine Kugel, zwei Kugeln " * 9


@pytest.mark.parametrize("tied", [True, False])
def test_old_text_is_answered_as_before(tied):
    old = Tokenizer.train(OLD, 290, specials=chat.specials())
    made = model(vocabulary=old.vocabulary + 7, tied=tied)  # tables are often wider than a vocabulary
    if not tied:
        torch.nn.init.normal_(made.lm_head.weight)
    ids = torch.tensor([[old.specials["<|endoftext|>"], *old.encode(OLD).tolist()[:20]]])
    with torch.inference_mode():
        before = made(ids)[..., : old.vocabulary]
        more = extend(old, [NEW], 30)
        longer = resized(made, more.rows)(ids)
        assert longer.shape[-1] == more.tokenizer.vocabulary > old.vocabulary + 9
        torch.testing.assert_close(longer[..., : old.vocabulary], before, rtol=1e-5, atol=1e-5)
        fewer = prune(old, [OLD], 270)
        said = [fewer.tokenizer.specials["<|endoftext|>"], *fewer.tokenizer.encode(OLD).tolist()[:20]]
        kept = [old_id for (old_id,) in fewer.rows]
        before = made(torch.tensor([[kept[token] for token in said]]))[..., kept]
        torch.testing.assert_close(resized(made, fewer.rows)(torch.tensor([said])), before, rtol=1e-5, atol=1e-5)


def test_a_new_row_is_the_average_of_those_that_spelled_it():
    made = model(vocabulary=300)
    table = made.model.embed_tokens.weight
    found = resized(made, [(5,), (1, 2, 2), ()]).model.embed_tokens.weight
    assert torch.equal(found[0], table[5])
    torch.testing.assert_close(found[1], (table[1] + 2 * table[2]) / 3)
    torch.testing.assert_close(found[2], table.mean(0))
    assert made.settings.vocabulary == len(table) == 300, "the model itself stays"


def test_rows_that_are_not_the_models_are_refused():
    with pytest.raises(Problem, match="0 to 299"):
        resized(model(vocabulary=300), [(300,)])
    with pytest.raises(Problem, match="fewer bits"):
        resized(quantize.int8(model(vocabulary=300)), [(1,)])
