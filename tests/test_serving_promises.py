"""Promises 19 to 37 about serving, each with the tests that hold it; and those that no other file holds.

The numbers are those of the project's list of promises. What takes minutes (ten thousand requests, ten minutes of hostile
input) is measured in `bench/`; here are small versions of the same.
"""

import ast
import gc
import random
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import groundup
from groundup.serving.app import build
from groundup.serving.house import Order
from groundup.serving.limits import Limits
from groundup.serving.metrics import Metrics
from groundup.serving.protocol import Message
from groundup.serving.served import Served
from groundup.tokenizer import chat
from groundup.tokenizer.stream import Streamer
from tests import serving_example

TESTS = Path(__file__).parent
PROMISES = {
    19: ("a template from a model's file runs in a sandbox, in time and size", ["test_tokenizer_foreign::test_promise_19_a_template_stays_in_its_sandbox_in_time_and_size"]),
    20: ("no text of a user becomes a control token", ["test_serving_api::test_no_text_becomes_a_control_token", "test_tokenizer_foreign::test_promise_20_no_text_becomes_a_control_token_in_a_foreign_template", "laws/test_bpe_chat::test_control_tokens_are_the_templates_own", "laws/test_bpe_chat::test_tools_bring_no_control_tokens"]),
    21: ("training and serving render the same ids", ["test_serving_promises::test_promise_21_serving_and_training_render_the_same_ids", "laws/test_bpe_chat::test_a_reply_goes_on_where_training_did"]),
    22: ("decoding what was encoded gives the bytes back", ["test_serving_promises::test_promise_22_texts_come_back_through_the_server_byte_for_byte", "laws/test_bpe_encoding::"]),
    23: ("streamed text is the whole text, without half characters", ["test_serving_promises::test_promise_23_characters_that_tokens_cut_are_streamed_whole", "test_serving_api::test_a_stop_string_ends_the_answer_across_token_borders", "test_serving_api::test_openais_client_gets_the_same_as_a_stream"]),
    24: ("who leaves frees the slot, stream or not", ["test_serving_life::test_a_reader_who_leaves_frees_the_slot", "test_serving_life::test_who_leaves_before_the_whole_answer_frees_the_slot_too"]),
    25: ("a bounded queue: 429 and Retry-After at once", ["test_serving_limits::test_over_its_queue_the_server_says_so_at_once_and_answers_the_rest"]),
    26: ("a stop lets answers end and breaks none", ["test_serving_life::test_a_stop_lets_answers_end_and_takes_no_new_ones", "test_serving_life::test_a_stop_waits_only_so_long", "test_serving_life::test_the_second_signal_does_not_wait"]),
    27: ("/ready is false when the engine is stuck", ["test_serving_life::test_a_stuck_engine_is_not_ready", "test_serving_life::test_a_dead_engine_is_not_ready"]),
    28: ("everything is capped before anything is allocated", ["test_serving_limits::test_what_cannot_be_asked_for_is_refused_at_once", "test_serving_limits::test_a_body_too_large_is_refused_before_it_is_read", "test_serving_limits::test_prompts_that_are_none_are_refused", "test_serving_limits::test_a_large_header_is_refused"]),
    29: ("no request kills the server", ["test_serving_limits::test_no_field_of_any_kind_breaks_the_server", "test_serving_limits::test_bytes_that_are_no_request_are_refused"]),
    30: ("slow clients hold no slots", ["test_serving_limits::test_what_trickles_in_is_cut", "test_serving_limits::test_who_never_reads_holds_no_slot"]),
    31: ("every route needs the key but two", ["test_serving_life::test_a_key_opens_every_route_but_two", "test_serving_life::test_without_a_key_only_this_machine_may_come_in", "test_serving_keys::test_every_key_is_compared_whole_whichever_fits", "test_serving_keys::test_promise_31_every_key_of_the_file_opens_and_no_other_does"]),
    32: ("rate limits for each key, in bounded memory", ["test_serving_keys::test_promise_32_a_key_has_so_many_requests_a_minute_and_others_are_not_disturbed", "test_serving_keys::test_promise_32_a_key_has_so_many_tokens_a_minute_read_and_made", "test_serving_keys::test_promise_32_guessing_keys_fills_no_memory"]),
    33: ("errors give nothing away", ["test_serving_limits::test_what_cannot_be_asked_for_is_refused_at_once", "test_serving_limits::test_nothing_else_is_served", "test_serving_swap::test_streams_end_on_the_old_weights_and_new_requests_get_the_new_ones"]),
    34: ("prompts and keys are not logged", ["test_serving_life::test_nothing_that_is_asked_is_ever_written_down", "test_serving_keys::test_promise_34_the_log_tells_everything_but_words_and_keys"]),
    35: ("no request sees another: same answer in company, a salt for each key", ["test_serving_api::test_an_answer_is_the_same_in_company", "test_serving_keys::test_promise_35_every_key_has_a_salt_of_its_own_that_nobody_can_know"]),
    36: ("memory is flat over requests", ["test_serving_promises::test_promise_36_nothing_stays_of_requests_that_are_over"]),
    37: ("the server fetches nothing that a request names", ["test_serving_life::test_nothing_that_is_asked_is_ever_written_down", "test_serving_limits::test_what_cannot_be_asked_for_is_refused_at_once"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return serving_example.model_folder(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="module")
def server(folder):
    with serving_example.served({"model": folder}, Limits(slots=4)) as server:
        yield server


@pytest.fixture(scope="module")
def lm(folder):
    return groundup.load(folder)


@pytest.mark.parametrize("number", PROMISES)
def test_every_promise_is_held_by_a_test_that_is_there(number):
    assert set(PROMISES) == set(range(19, 38))
    for place in PROMISES[number][1]:
        file, _, name = place.partition("::")
        tree = ast.parse((TESTS / f"{file}.py").read_text(encoding="utf-8"))
        found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in found or (not name and any(each.startswith("test_") for each in found)), place


WORDS = [
    "Hello",
    " ",
    "\n",
    "<|user|>",
    "<|end|>",
    "it's",
    "12345",
    "naïve",
    "\U0001f642",
    "日本",
    "### Response:",
    "\t",
    "<|",
    "|>",
]


def test_promise_21_serving_and_training_render_the_same_ids(lm):
    chosen, served = random.Random(1), Served("model", lm, Limits(), Metrics())
    for _ in range(500):
        roles = chosen.choices(chat.ROLES, k=chosen.randint(1, 5))
        said = [{"role": role, "content": "".join(chosen.choices(WORDS, k=chosen.randint(0, 6)))} for role in roles]
        trained = chat.render(lm.tokenizer, [*said, {"role": "assistant", "content": "Yes."}], served.template or "")
        asked = served.conversation([Message(**each) for each in said])
        start = len(asked)
        assert (
            trained.ids[:start].tolist() == asked and trained.answers[start:].all() and not trained.answers[start - 1]
        )


def test_promise_22_texts_come_back_through_the_server_byte_for_byte(server):
    chosen = random.Random(2)
    for _ in range(25):
        text = "".join(chosen.choices([*WORDS, "\x00", "\r\n", "\u200b", "e\u0301", "ﷺ"], k=chosen.randint(1, 30)))
        ids = server.ask("/tokenize", {"prompt": text})[1]["tokens"]
        assert server.ask("/detokenize", {"tokens": ids})[1]["prompt"] == text


def test_promise_23_characters_that_tokens_cut_are_streamed_whole(lm):
    text = "a\U0001f642b日本語é\U0001f469\u200d\U0001f469\u200d\U0001f467!" * 3
    for ids in (
        list(text.encode()),
        lm.tokenizer.encode(text).tolist(),
    ):  # single bytes are the worst that tokens can be
        streamer = Streamer(lm.tokenizer.token_bytes)
        parts = [streamer.push(token) for token in ids]
        assert "".join(parts) + streamer.flush() == text
        assert not any("\ufffd" in part for part in parts)


def test_promise_36_nothing_stays_of_requests_that_are_over(lm):
    api = build({"model": lm})
    house, client = api.state.house, TestClient(api)
    house.start()

    def some_requests(count: int) -> int:
        for number in range(count):
            client.post("/v1/completions", json={"prompt": "Hello", "max_tokens": 2, "stream": number % 2 == 0})
            client.post("/v1/completions", json={"prompt": "Hello", "max_tokens": -1})
            client.post("/v1/embeddings", json={"input": ["Hello"]})
        house.model(None).worker.call(lambda: None).result(60)  # it has heard of everything that was given up
        gc.collect()
        return len(gc.get_objects())

    try:
        some_requests(10)
        before = some_requests(10)
        grown = some_requests(40) - before
        model = house.model(None)
        assert not [each for each in gc.get_objects() if isinstance(each, Order) and each.model is model]
        assert grown < 40, f"{grown} objects stay after 120 requests"
        assert not model.orders and model.taken == 0 and not model.worker.writings
    finally:
        house.close()
