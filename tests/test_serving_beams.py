"""Searches over the API: what beams find, which of several answers are told, and that nobody waits for them."""

import pytest

import groundup
from groundup.generation import beam
from groundup.serving.limits import Limits
from tests import serving_example

PROMPT = "The cat sat."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return serving_example.model_folder(tmp_path_factory.mktemp("models") / "m")


@pytest.fixture(scope="module")
def server(folder):
    with serving_example.served({"m": folder}, Limits(slots=8, waiting=12)) as server:
        yield server


@pytest.fixture(scope="module")
def lm(folder):
    return groundup.load(folder)


def complete(server, prompt=PROMPT, **more):
    status, told, _ = server.ask("/v1/completions", {"prompt": prompt, "max_tokens": 12, **more})
    assert status == 200, told
    return told


def refused(server, **more):
    status, told, _ = server.ask("/v1/completions", {"prompt": PROMPT, "max_tokens": 4, **more})
    assert status == 400, told
    return told["error"]["param"], told["error"]["message"]


def texts(told):
    return [choice["text"] for choice in told["choices"]]


@pytest.mark.parametrize("penalty", (1.0, 0.0))
def test_a_search_tells_what_the_model_finds_with_as_many_beams(server, lm, penalty):
    told = complete(server, use_beam_search=True, best_of=6, n=3, length_penalty=penalty, temperature=0)
    found = beam.search(lm.model, lm.ids(PROMPT), 12, 6, lm.stop_ids, penalty, lm.context)
    assert texts(told) == [lm.tokenizer.decode(one.ids) for one in found[:3]]
    assert [choice["index"] for choice in told["choices"]] == [0, 1, 2]
    assert told["usage"]["completion_tokens"] == sum(len(one.ids) for one in found)


def test_each_prompt_has_a_search_of_its_own_and_echoes_stand_before_what_was_found(server):
    prompts = [PROMPT, "Something else"]
    alone = [texts(complete(server, prompt, use_beam_search=True, n=2)) for prompt in prompts]
    told = complete(server, prompts, use_beam_search=True, n=2, echo=True)
    assert texts(told) == [prompt + text for prompt, found in zip(prompts, alone, strict=True) for text in found]


def test_a_stop_string_ends_what_was_found(server):
    (whole,) = texts(complete(server, use_beam_search=True, n=1, best_of=4))
    stop = whole[3:6]
    told = complete(server, use_beam_search=True, n=1, best_of=4, stop=stop)
    assert texts(told) == [whole[: whole.index(stop)]] and told["choices"][0]["finish_reason"] == "stop"


def test_conversations_are_searched_as_well(server, lm):
    messages = [{"role": "user", "content": "Hello"}]
    status, told, _ = server.ask(
        "/v1/chat/completions", {"messages": messages, "max_tokens": 8, "use_beam_search": True, "best_of": 4}
    )
    assert status == 200 and told["choices"][0]["message"]["content"] == lm.chat(messages, 8, beams=4)


def test_of_several_answers_that_were_drawn_the_likeliest_are_told(server):
    how = {"seed": 3, "temperature": 1.5, "logprobs": 0}
    drawn = complete(server, n=6, **how)["choices"]
    worth = {c["text"]: sum(c["logprobs"]["token_logprobs"]) / len(c["logprobs"]["tokens"]) for c in drawn}
    told = complete(server, n=2, best_of=6, **how)
    assert texts(told) == sorted(worth, key=lambda text: -worth[text])[:2]
    assert texts(complete(server, n=2, best_of=6, seed=3, temperature=1.5)) == texts(told)
    assert told["usage"]["completion_tokens"] == 6 * 12


def test_what_a_search_cannot_do_is_refused_by_name(server):
    assert refused(server, use_beam_search=True, stream=True)[0] == "use_beam_search"
    assert "streamed" in refused(server, best_of=3, stream=True)[1]
    assert refused(server, n=3, best_of=2)[0] == "best_of"
    assert refused(server, best_of=17)[0] == "best_of"
    assert refused(server, length_penalty=2.0)[0] == "length_penalty"
    for field, value in {
        "logprobs": 1,
        "guided_regex": "[a-z]+",
        "logit_bias": {"5": 1.0},
        "repetition_penalty": 1.5,
        "min_tokens": 2,
        "response_format": {"type": "json_object"},
    }.items():
        assert refused(server, use_beam_search=True, **{field: value})[0] == field
    assert refused(server, use_beam_search=True, best_of=8, prompt=["a", "b", "c"])[0] == "n"  # 24 beams, 20 places


def test_others_are_answered_while_a_search_goes_on_and_its_places_are_free_when_its_client_leaves(server):
    body = {"prompt": PROMPT, "max_tokens": 490, "use_beam_search": True, "best_of": 16, "ignore_eos": True}
    with server.socket() as line:
        server.send(line, "/v1/completions", body)
        server.until(lambda: server.metric("num_requests_running") == 16)
        assert server.ask("/v1/completions", {**body, "max_tokens": 2})[0] == 429  # 16 of 20 places are taken
        assert len(texts(complete(server, n=2))) == 2
        assert server.ask("/v1/completions", {**body, "max_tokens": 2})[0] == 429  # it still goes on
    server.until(lambda: server.ask("/v1/completions", {**body, "max_tokens": 2})[0] == 200, 20)
    server.until(lambda: server.metric("num_requests_running") == 0)
