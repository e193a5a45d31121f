"""A server with a draft: the same text for a seed as without, in any company, and what became of the drafts in its metrics."""

import threading

import pytest

from groundup.serving.limits import Limits
from tests import serving_example

COMPLETIONS = "/v1/completions"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    return [serving_example.model_folder(home / name, seed) for name, seed in (("large", 1), ("small", 2))]


def texts(server) -> list[str]:
    """Four answers, asked for at the same time."""
    found = [""] * 4

    def ask(place: int) -> None:
        body = {"prompt": "the cat sat on the mat; the cat", "max_tokens": 60, "seed": place, "temperature": place / 3}
        status, told, _ = server.ask(COMPLETIONS, body)
        assert status == 200, told
        found[place] = told["choices"][0]["text"]

    threads = [threading.Thread(target=ask, args=[place]) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.fixture(scope="module")
def plain(places):
    with serving_example.served({"model": places[0]}, Limits(slots=4)) as server:
        assert server.metric("spec_decode_num_draft_tokens_total") == 0
        return texts(server)


@pytest.mark.parametrize("draft", ["lookup", "self", "small"])
def test_a_seed_gives_the_same_text_and_the_metrics_tell_of_the_drafts(places, plain, draft):
    word = str(places[1]) if draft == "small" else draft
    with serving_example.served({"model": places[0]}, Limits(slots=4), pace={"draft": word, "length": 3}) as server:
        assert texts(server) == plain
        proposed, accepted = (server.metric(f"spec_decode_num_{name}_tokens_total") for name in ("draft", "accepted"))
        assert proposed > 0 and 0 <= accepted <= proposed
        assert (
            f'vllm:spec_decode_num_draft_tokens_total{{model_name="model"}} {proposed:.0f}' in server.ask("/metrics")[1]
        )
