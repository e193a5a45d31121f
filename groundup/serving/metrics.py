"""What the server counts, as the text that Prometheus reads. Only the event loop's thread counts here."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Histogram:
    """How many values came to at most each of SECONDS, their sum and count."""

    def __init__(self) -> None:
        self.buckets, self.sum, self.count = [0] * (len(SECONDS) + 1), 0.0, 0

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(SECONDS, seconds)] += 1
        self.sum, self.count = self.sum + seconds, self.count + 1

    def lines(self, name: str, label: str) -> Iterable[str]:
        """Cumulative counts, as Prometheus wants them."""
        total = 0
        for edge, count in zip((*map(str, SECONDS), "+Inf"), self.buckets, strict=True):
            total += count
            yield f'{name}_bucket{{{label},le="{edge}"}} {total}'
        yield f"{name}_sum{{{label}}} {self.sum:.6f}"
        yield f"{name}_count{{{label}}} {self.count}"


class Metrics:
    """Counters by model; names as vLLM's, with a prefix of our own."""

    def __init__(self) -> None:
        self.prompt_tokens: Counter[str] = Counter()
        self.made_tokens: Counter[str] = Counter()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[int] = Counter()
        self.waits: dict[str, Histogram] = {}
        self.lengths: dict[str, Histogram] = {}

    def first_token(self, model: str, seconds: float) -> None:
        """A request got its first text."""
        self.waits.setdefault(model, Histogram()).add(seconds)

    def finished(self, model: str, reason: str, answers: int = 1) -> None:
        """Answers ended: stop, length, error, or left (their reader did)."""
        self.answers[model, reason] += answers

    def ended(self, model: str, prompt_tokens: int, made_tokens: int, seconds: float) -> None:
        """A request is over."""
        self.prompt_tokens[model] += prompt_tokens
        self.made_tokens[model] += made_tokens
        self.lengths.setdefault(model, Histogram()).add(seconds)

    def text(self, running: dict[str, int], waiting: dict[str, int]) -> str:
        """Everything; `running` and `waiting` are texts of each model now."""
        lines = [
            *_family("num_requests_running", "gauge", "texts being written", running.items()),
            *_family("num_requests_waiting", "gauge", "texts waiting for a slot", waiting.items()),
            *_family("prompt_tokens_total", "counter", "tokens read", self.prompt_tokens.items()),
            *_family("generation_tokens_total", "counter", "tokens made", self.made_tokens.items()),
        ]
        lines += ["# HELP groundup:answers_total answers by why they ended", "# TYPE groundup:answers_total counter"]
        lines += [
            f'groundup:answers_total{{{_label(model)},finished_reason="{reason}"}} {count}'
            for (model, reason), count in self.answers.items()
        ]
        lines += ["# HELP groundup:refused_total requests refused", "# TYPE groundup:refused_total counter"]
        lines += [f'groundup:refused_total{{status="{status}"}} {count}' for status, count in self.refused.items()]
        for name, about, histograms in (
            ("time_to_first_token_seconds", "from a request to its first text", self.waits),
            ("e2e_request_latency_seconds", "from a request to its end", self.lengths),
        ):
            lines += [f"# HELP groundup:{name} {about}", f"# TYPE groundup:{name} histogram"]
            for model, histogram in histograms.items():
                lines += histogram.lines(f"groundup:{name}", _label(model))
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, about: str, values: Iterable[tuple[str, int]]) -> list[str]:
    head = [f"# HELP groundup:{name} {about}", f"# TYPE groundup:{name} {kind}"]
    return head + [f"groundup:{name}{{{_label(model)}}} {value}" for model, value in values]


def _label(model: str) -> str:
    escaped = model.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'model_name="{escaped}"'
