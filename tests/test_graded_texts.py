"""A large model grades a few texts over HTTP, a small classifier learns from that; no text is asked about twice."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from groundup.config import build
from groundup.data.filters.classifier import Classifier
from groundup.data.filters.graded import GradeSettings, graded, score_in
from groundup.data.synthetic.answers import Answers
from groundup.data.synthetic.endpoint import Endpoint
from groundup.errors import Problem
from groundup.hardware import look
from groundup.run import Work
from groundup.stages import classifier


class Grader(BaseHTTPRequestHandler):
    """Gives 4 to texts that explain and 1 to all others; fails once where it is told to."""

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), told))
        if self.server.failures:
            self.send_response(self.server.failures.pop())
            self.end_headers()
            return
        text = told["messages"][-1]["content"]
        said = f"It teaches something. Score: {4 if 'because' in text else 1}"
        raw = json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        pass


@pytest.fixture
def grader():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Grader)
    server.asked, server.failures = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def asked_of(server, **more):
    return GradeSettings(endpoint=f"http://127.0.0.1:{server.server_address[1]}/v1", model="large", **more)


TEXTS = [f"Water number {n} rises because heat makes it light and slow." for n in range(60)]
TEXTS += [f"Offer number {n}: buy two of these things and get one more." for n in range(60)]


def test_the_stage_learns_what_the_large_model_thinks(grader, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADER_KEY", "secret")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    out = tmp_path / "out"
    out.mkdir()
    grade = asked_of(grader, texts=100, key="GRADER_KEY", answers=str(tmp_path / "answers.jsonl")).model_dump()
    settings = build(
        classifier.Settings, {"ungraded": [str(tmp_path / "in")], "grade": grade, "features": {"bits": 10}}
    )
    classifier.run(settings, Work(out, settings, 1, look(), {}, lambda *_: None))
    assert len(grader.asked) == 100 and {(path, key) for path, key, _ in grader.asked} == {
        ("/v1/chat/completions", "Bearer secret")
    }
    found = Classifier.load(out)
    place = found.place("positive")
    assert found.chances("Ice swims because it is light.")[place] > found.chances("Buy these things, offer")[place]
    classifier.run(settings, Work(out, settings, 1, look(), {}, lambda *_: None))
    assert len(grader.asked) == 100
    assert "secret" not in "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())


def scores(settings, texts, path):
    """What is graded with the answers that this file keeps."""
    answers = Answers(path)
    try:
        return graded(texts, settings, Endpoint(settings.endpoint, settings.model, backoff=0.01), answers)
    finally:
        answers.close()


def test_answers_survive_a_kill_in_the_middle_of_a_line(grader, tmp_path):
    settings, path = asked_of(grader), tmp_path / "answers.jsonl"
    first = scores(settings, TEXTS[:4], path)
    path.write_bytes(path.read_bytes()[:-9])
    assert scores(settings, TEXTS[:4], path) == first and len(grader.asked) == 5
    path.write_text('{"asked": "x", "answer": "Score: 3"}\n')
    with pytest.raises(Problem, match=r"answers\.jsonl, line 1 is no answer that was kept here"):
        scores(settings, TEXTS[:4], path)


def test_scores_come_in_the_order_of_the_texts_and_equal_texts_are_asked_about_once(grader, tmp_path):
    texts = [text for pair in zip(TEXTS[:20], TEXTS[60:80], strict=True) for text in pair]
    found = scores(asked_of(grader, concurrency=8), [*texts, *texts], tmp_path / "a.jsonl")
    assert found == [(text, 4 if "because" in text else 1) for text in [*texts, *texts]] and len(grader.asked) == 40


def test_a_busy_endpoint_is_asked_again_and_a_refusal_is_a_sentence(grader, tmp_path):
    settings, path = asked_of(grader), tmp_path / "a.jsonl"
    grader.failures = [503]
    assert scores(settings, TEXTS[:1], path) == [(TEXTS[0], 4)]
    grader.failures = [401]
    with pytest.raises(Problem, match="says 401"):
        scores(settings, TEXTS[1:2], path)
    grader.failures = [302]
    with pytest.raises(Problem, match="gives no answer.*302.*a.jsonl keeps those that came"):
        scores(settings, TEXTS[1:2], path)
    assert scores(settings, TEXTS[:2], path) == [(text, 4) for text in TEXTS[:2]]


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("http://h.example", "/v1/chat/completions"),
        ("h.example:8000/v1/", "/v1/chat/completions"),
        ("https://h.example/gateway", "/gateway/v1/chat/completions"),
        ("https://h.example/v1beta/openai", "/v1beta/openai/chat/completions"),
    ],
)
def test_conversations_go_behind_the_version_that_an_address_names(address, path):
    assert Endpoint(address, "m").place().path == path
    with pytest.raises(Problem, match="is no address of a server"):
        Endpoint("file:///etc/passwd", "m").place()


@pytest.mark.parametrize(
    ("answer", "score"),
    [("Score: 3", 3), ("good.\n**Score:** 5", 5), ("score 0", 0), ("Score: 9", None), ("Score: 12", None), ("", None)],
)
def test_the_score_is_read_from_what_models_answer(answer, score):
    assert score_in(answer) == score
