"""The thread that owns a model, without a server around it: what it hands out is what the model writes alone."""

import queue

import pytest

import groundup
from groundup.generation.engine import Request
from groundup.generation.utterance import Utterance
from groundup.serving.worker import Piece, Worker, Writing
from groundup.tokenizer.stream import Streamer
from tests import serving_example

PATIENCE = 600.0  # seconds; nothing here is timed
BEGINNING = [65 + place % 26 for place in range(70)]


@pytest.fixture(scope="module")
def lm(tmp_path_factory):
    return groundup.load(serving_example.model_folder(tmp_path_factory.mktemp("models") / "model", context=256))


def heard(worker: Worker, lm, requests: list[Request]) -> list[str]:
    """The text of each answer."""
    pieces: queue.SimpleQueue[Piece] = queue.SimpleQueue()
    for number, request in enumerate(requests):
        utterance = Utterance(Streamer(lm.tokenizer.token_bytes))
        worker.begin(Writing(number, request, utterance, pieces.put, tells_end=False))
    texts, left = [""] * len(requests), len(requests)
    while left:
        piece = pieces.get(timeout=PATIENCE)
        assert piece.finish != "error"
        texts[piece.choice] += piece.text
        left -= piece.finish is not None
    return texts


def test_answers_that_begin_alike_are_those_of_the_model_alone_and_their_beginning_is_read_once_for_each_key(lm):
    requests = [Request([*BEGINNING, 70 + tail], 12, salt=salt) for salt in ("ann", "ben") for tail in range(3)]
    worker = Worker("model", lm, slots=2)
    worker.start()
    try:
        texts = heard(worker, lm, requests)
        counts = worker.call(worker.engine.counts).result(PATIENCE)
    finally:
        worker.close()
    assert texts == [lm.generate(list(request.ids), 12, temperature=0, ignore_eos=True) for request in requests]
    assert counts.shared == {"ann": 2 * 64, "ben": 2 * 64}
    assert (counts.running, counts.waiting, counts.pages_used) == (0, 0, 0)
