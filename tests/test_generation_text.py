"""A model with its tokenizer: text in, text out, the same streamed, whole, and after a journey through files."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

import groundup
from groundup.errors import Problem
from groundup.generation import LanguageModel
from groundup.generation.batch import score
from groundup.generation.sample import Sampling
from groundup.generation.utterance import Utterance
from groundup.model import folder
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.tokenizer import Tokenizer, chat

torch.set_num_threads(1)
TOKENIZER = Tokenizer.train(
    "Anna went to the garden 😀😀 and Ben followed. 日本語日本 " * 9, 300, specials=chat.specials()
)


@pytest.fixture(scope="module")
def lm():
    sizes = ModelSettings(depth=2, width=32, vocabulary=TOKENIZER.vocabulary, context=96)
    model, generator = Transformer(sizes), torch.Generator().manual_seed(2)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.35, generator=generator)
    return LanguageModel(model, TOKENIZER, "plain")


def test_streamed_text_is_the_whole_text_and_never_half_a_character(lm):
    for seed in range(12):
        items = list(lm.stream("Anna", 60, seed=seed))
        ids = [item.id for item in items if item.id not in lm.stop_ids]
        assert "".join(item.text for item in items) == lm.generate("Anna", 60, seed=seed) == TOKENIZER.decode(ids)
        assert items[-1].finish and not any(item.finish for item in items[:-1])


def test_a_stream_tells_log_probabilities_and_alternatives(lm):
    prompt = lm.ids("Anna went")
    items = list(lm.stream(prompt, 5, seed=3, top=3, ignore_eos=True))
    scores = score(lm.model, [prompt + [item.id for item in items]])[0][len(prompt) :]
    assert [item.logprob for item in items] == pytest.approx(scores.tolist(), abs=1e-4)
    assert all(len(item.top) == 3 and item.top[0][1] >= item.logprob - 1e-6 for item in items)


def test_a_stop_string_ends_the_text_before_it_wherever_tokens_end(lm):
    free = lm.generate("Anna", 40, seed=4, ignore_eos=True)
    for width in (1, 2, 5):
        for start in range(1, 12):
            stop = free[start : start + width]
            assert lm.generate("Anna", 40, seed=4, ignore_eos=True, stop=[stop]) == free[: free.index(stop)]


@settings(max_examples=200, deadline=None)
@given(some.text("ab\n", max_size=30), some.lists(some.text("ab\n", min_size=1, max_size=4), max_size=3))
def test_an_utterance_gives_everything_up_to_the_first_stop(text, stops):
    utterance = Utterance(TOKENIZER.streamer(), stops)
    out = "".join(utterance.push(token) for token in text.encode()) + utterance.flush()
    places = [text.find(stop) + len(stop) for stop in stops if stop in text]
    if not places:
        assert out == text and not utterance.stopped
    else:  # the first stop to be complete decides
        seen = text[: min(places)]
        assert utterance.stopped and out == seen[: min(seen.find(stop) for stop in stops if stop in seen)]


def test_ignoring_the_end_gives_as_many_tokens_as_asked(lm):
    assert len(list(lm.stream("Anna", 40, seed=1, ignore_eos=True))) == 40


def test_equal_seeds_are_equal_texts_and_others_are_not(lm):
    assert lm.generate("Anna", 20, seed=5) == lm.generate("Anna", 20, seed=5)
    assert len({lm.generate("Anna", 20, seed=seed) for seed in range(8)}) > 4


def test_text_ids_arrays_and_tensors_are_the_same_prompt(lm):
    ids = lm.ids("Anna")
    assert ids[0] == TOKENIZER.specials["<|endoftext|>"]
    outs = {lm.generate(form, 8, 0.0) for form in ("Anna", ids, np.array(ids), torch.tensor(ids))}
    assert len(outs) == 1


def test_a_chat_is_the_rendered_conversation(lm):
    messages = [{"role": "user", "content": "Where is Anna?"}]
    rendered = chat.render(TOKENIZER, messages, "plain", reply=True).ids
    for seed in range(60):
        text = lm.generate(rendered, 6, 2.0, seed, top_k=20)
        assert lm.chat(messages, 6, 2.0, seed, top_k=20) == text.removeprefix(" ")
    leads = [lm.generate(rendered, 6, 2.0, seed, top_k=20).startswith(" ") for seed in range(60)]
    assert True in leads and False in leads  # the template's blank is left out, and nothing else


def test_many_prompts_together_give_what_each_gives_alone(lm):
    prompts = ["Anna", "Ben went to the garden and", [{"role": "user", "content": "Hi"}], "日"]
    alone = [lm.generate(prompt, 15, 0.0, stop=["a"]) for prompt in prompts]
    assert lm.generate_many(prompts, 15, stop=["a"]) == alone
    drawn = Sampling(temperature=1.2, top_k=20, seed=9)
    assert lm.generate_many(prompts, 15, drawn) == [lm.generate(prompt, 15, 1.2, 9, top_k=20) for prompt in prompts]


def test_logits_are_f32_for_one_row_and_for_many(lm):
    ids = np.array(lm.ids("Anna went to"))
    one, many = lm.logits(ids), lm.logits(torch.tensor(np.stack([ids, ids])))
    assert one.dtype == torch.float32 and one.shape == (len(ids), TOKENIZER.vocabulary)
    torch.testing.assert_close(many[1], one, atol=1e-4, rtol=1e-4)


def test_a_texts_score_has_a_log_probability_for_each_of_its_tokens(lm):
    text = "Anna went to the garden"
    scores = lm.score(text)
    assert len(scores) == len(TOKENIZER.encode(text))
    logs = lm.logits(lm.ids(text)).log_softmax(-1)
    expected = [float(logs[at, token]) for at, token in enumerate(TOKENIZER.encode(text))]
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_a_saved_model_writes_the_same_text(lm, tmp_path):
    folder.save(tmp_path / "model", lm.model, TOKENIZER, "plain")
    again = groundup.load(tmp_path / "model")
    assert again.generate("Anna", 20, seed=6) == lm.generate("Anna", 20, seed=6)
    assert (again.template, again.stop_ids) == ("plain", lm.stop_ids)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_a_model_can_be_loaded_in_another_precision(lm, tmp_path, precision):
    folder.save(tmp_path / "model", lm.model, TOKENIZER, "plain")
    rounded = groundup.load(tmp_path / "model", precision)
    assert len(list(rounded.stream("Anna", 10, ignore_eos=True))) == 10
    ids = lm.ids("Anna went to the garden")
    difference = (rounded.logits(ids).softmax(-1) - lm.logits(ids).softmax(-1)).abs().sum(-1) / 2
    assert 0 < float(difference.mean()) < 0.1


def test_a_model_without_a_tokenizer_takes_ids_and_says_what_it_lacks(lm, tmp_path):
    folder.save(tmp_path / "model", lm.model)
    bare = groundup.load(tmp_path / "model")
    assert [item.id for item in bare.stream([1, 2], 4, 0.0)] == [item.id for item in lm.stream([1, 2], 4, 0.0)]
    with pytest.raises(Problem, match="no tokenizer"):
        bare.generate("Anna")


def test_a_model_without_a_template_does_not_converse(lm):
    with pytest.raises(Problem, match="no chat template"):
        LanguageModel(lm.model, TOKENIZER).chat([{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize("messages", ["Hi", [], ["Hi"]])
def test_a_chat_without_messages_says_what_it_takes(lm, messages):
    with pytest.raises(Problem, match="takes messages"):
        lm.chat(messages)


def test_a_path_without_a_model_is_said_to_be_one(tmp_path):
    with pytest.raises(Problem, match="no model at"):
        groundup.load(tmp_path / "nothing")


def test_an_empty_stop_string_is_refused(lm):
    with pytest.raises(Problem, match="stop string is empty"):
        lm.generate("Anna", stop=[""])
