"""Writing ahead as people meet it: what may draft, what is refused and why, how texts end, and what is told of it."""

from dataclasses import dataclass

import pytest
import torch

from groundup.errors import Problem
from groundup.generation.engine import Engine, Request
from groundup.generation.language_model import LanguageModel
from groundup.generation.sample import Sampling
from groundup.generation.speculation.drafters import DRAFTERS, drafter
from groundup.generation.speculation.lookup import Lookup
from groundup.generation.speculation.small_model import SmallModel
from groundup.generation.speculation.speculation import Speculation
from groundup.model import folder
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings
from groundup.tokenizer import Tokenizer, chat
from tests.speculation_example import NAMES, drafting, made, written

TEXT = "the cup is in the shed and the hat is on the bed. "


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT * 20], 280, specials=chat.specials("plain"))


def spoken(tokenizer, seed: int = 1, **changed) -> LanguageModel:
    model = made(seed, **{"vocabulary": tokenizer.vocabulary, "context": 96, **changed})
    return LanguageModel(model, tokenizer, stop_ids=[])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_texts_end_where_they_end_without_a_draft(name, limit):
    model, found = drafting(name)
    free = written(model, [Request([1, 2, 3], 39)], 1)[0]
    stops = frozenset({free[5]})
    for request in (Request([1, 2, 3], limit), Request([1, 2, 3], limit, stop_ids=stops), Request([4] * 37, limit)):
        assert written(model, [request], 1, Speculation(model, found, 6)) == written(model, [request], 1)


def test_log_probabilities_and_alternatives_are_those_of_the_model():
    model, found = drafting("small model")
    events = []
    for speculation in (None, Speculation(model, found, 3)):
        engine = Engine(model, 1, speculation=speculation)
        engine.add(Request([1, 2, 3], 12, top=2))
        told = []
        while not engine.idle:
            told += engine.step()
        events.append(told)
    for plain, ahead in zip(*events, strict=True):
        assert (plain.token, plain.finish) == (ahead.token, ahead.finish)
        assert plain.logprob == pytest.approx(ahead.logprob, abs=1e-4)
        assert [token for token, _ in plain.top] == [token for token, _ in ahead.top]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_remembered_of_texts_that_are_over(name):
    model, found = drafting(name)
    speculation = Speculation(model, found)
    for _ in range(3):
        engine = Engine(model, 4, speculation=speculation)
        numbers = [engine.add(Request([1, 2, 3, 1, 2], 20)) for _ in range(4)]
        engine.step(), engine.step()
        for number in numbers:
            engine.cancel(number)
    kept = [value for value in (speculation.paces, *vars(found).values()) if isinstance(value, dict)]
    assert all(not value for value in kept)


@pytest.mark.parametrize("name", NAMES)
def test_drafts_pause_while_many_texts_are_written_and_go_on_afterwards(name):
    model, found = drafting(name, rows=2)
    requests = [Request([1, 2, 3 + place], 6 + 7 * place) for place in range(4)]
    speculation = Speculation(model, found, 3, rows=2)
    assert written(model, requests, 4, speculation) == written(model, requests, 4)
    assert 0 < speculation.tally.passes < 40


@dataclass(frozen=True)
class Particular(Request):
    """A request that asks for something which the rules of drafts do not know."""

    wish: str = ""


def test_a_request_that_asks_for_more_is_written_without_a_draft():
    speculation = Speculation(made(), Lookup())
    assert speculation.suits([Request([1], sampling=Sampling(0.5, 3, 0.9, 0.1, 7)), Particular([1])])
    assert not speculation.suits([Request([1]), Particular([1], wish="in rhymes")])


@pytest.mark.parametrize("store", ["rows", "pages", "int8"])
@pytest.mark.parametrize("name", NAMES)
def test_texts_that_share_pages_and_give_them_back_are_the_same(name, store):
    model = made(context=160, **({"head": {"kind": "ahead", "ahead": 4}} if name == "heads" else {}))
    small = SmallModel(made(2, depth=1, context=160), model)
    common = [token % 11 for token in range(70)]
    texts = []
    for found in (None, small if name == "small model" else drafter(name, model)):
        speculation = found and Speculation(model, found, 5, rule="same")
        engine = Engine(model, 4, store=store, share=True, tokens=480, speculation=speculation)
        written = {engine.add(Request([*common, place], 60, Sampling(seed=place))): [] for place in range(6)}
        while not engine.idle:
            for event in engine.step():
                written[event.request].append(event.token)
        texts.append(written)
        assert engine.memory.ledger.used == 0
    assert texts[0] == texts[1] and speculation.tally.accepted > 0


def test_a_prompt_longer_than_a_chunk_is_drafted_for(monkeypatch):
    from groundup.generation.speculation import own_heads, small_model

    monkeypatch.setattr(small_model, "CHUNK", 5)
    monkeypatch.setattr(own_heads, "CHUNK", 5)
    prompt = [token % 7 for token in range(23)]
    for name in ("small model", "heads"):
        model, found = drafting(name)
        assert written(model, [Request(prompt, 12)], 1, Speculation(model, found, 3)) == written(
            model, [Request(prompt, 12)], 1
        )


def test_heads_foretell_what_the_model_says_they_do():
    model, found = drafting("heads")
    text = [1, 5, 2, 7, 7, 3]
    ids = [*text, int(model(torch.tensor([text]))[0, -1].argmax())]
    expected = model.ahead(torch.tensor([text]))[1:, 0, -1].argmax(-1).tolist()
    speculation = Speculation(model, found, 3)
    from groundup.generation.speculation.drafter import Text

    (draft,) = found.propose([Text(0, ids, Sampling(temperature=0), 1, 3)], [3], lambda rows: None)
    assert draft.tokens == expected and speculation.drafter is found


def test_a_text_longer_than_the_drafts_context_goes_on_without_it():
    model = made()
    small = SmallModel(made(seed=2, depth=1, context=8), model)
    speculation = Speculation(model, small, 3)
    assert written(model, [Request([1, 2, 3], 30)], 1, speculation) == written(model, [Request([1, 2, 3], 30)], 1)
    assert speculation.tally.proposed < 15


def test_a_language_model_writes_with_every_kind_of_draft(tokenizer, tmp_path):
    lm, small = spoken(tokenizer), spoken(tokenizer, 2, depth=1)
    folder.save(tmp_path / "small", small.model, tokenizer)
    plain = lm.generate("the cup", 30, 0)
    for draft in ("lookup", "self", "self:2", "skip", small, tmp_path / "small", str(tmp_path / "small")):
        speculation = lm.speculation(draft)
        assert lm.generate("the cup", 30, 0, draft=speculation) == lm.generate("the cup", 30, 0, draft=draft) == plain
        assert speculation.tally.passes > 0 and "tokens a pass" in str(speculation.tally)
    lm.draft = small
    assert lm.generate("the cup", 30, 0) == plain


def test_a_draft_of_another_tokenizer_is_refused(tokenizer):
    other = Tokenizer.train(["wholly other words, and more of them " * 30], 280, specials=chat.specials("plain"))
    with pytest.raises(Problem, match="another tokenizer .* the first difference at 2[5-9]"):
        spoken(tokenizer).speculation(spoken(other))
    bare = LanguageModel(made(vocabulary=30))
    with pytest.raises(Problem, match=f"knows 30 tokens and the model {tokenizer.vocabulary}"):
        spoken(tokenizer).speculation(bare)


def test_a_filled_up_table_is_no_other_tokenizer(tokenizer):
    lm = spoken(tokenizer)
    for more in (5, 64):
        wide = spoken(tokenizer, 2, vocabulary=tokenizer.vocabulary + more)
        for one, other in ((lm, wide), (wide, lm)):
            for sampling in (Sampling(temperature=0), Sampling(seed=more)):
                request, plain = Request([5, 6, 7], 20, sampling), written(one.model, [Request([5, 6, 7], 20)], 1)
                found = written(one.model, [request], 1, one.speculation(other, 3))
                assert len(found[0]) == 20 and max(found[0]) < one.model.settings.vocabulary
                assert sampling.temperature or found == plain


def test_a_model_that_carries_a_state_is_refused():
    carrying = build(ModelSettings(family="lstm", depth=1, width=32, vocabulary=12, context=40))
    with pytest.raises(Problem, match="family lstm, which carries a state .* cannot be taken back"):
        Speculation(carrying, Lookup())
    with pytest.raises(Problem, match="the draft model is of the family lstm"):
        SmallModel(carrying, made())


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lokup", "not known, and no model's folder .* did you mean lookup"),
        ("self:9", "has 3 layers, and a draft of its first 9 saves nothing: say 1 to 2"),
        ("self:x", "behind the colon stands a number"),
        ("heads", "foretells one token at a time"),
    ],
)
def test_drafts_that_cannot_be_are_refused_in_a_sentence(word, said):
    with pytest.raises(Problem, match=said):
        drafter(word, made())


def test_skipping_needs_a_layer_to_skip():
    with pytest.raises(Problem, match="there is none to skip"):
        drafter("skip", made(depth=2))


@pytest.mark.parametrize(
    ("words", "said"), [({"length": 0}, "1 to 64"), ({"rule": "reject"}, "did you mean rejection")]
)
def test_settings_that_cannot_be_are_refused(words, said):
    with pytest.raises(Problem, match=said):
        Speculation(made(), Lookup(), **words)


def test_every_name_of_the_table_is_tested_here():
    assert set(DRAFTERS) <= {name.partition(":")[0] for name in NAMES}
