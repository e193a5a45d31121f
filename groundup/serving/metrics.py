"""What the server counts, as the text that Prometheus reads. Only the event loop's thread counts here.

Everything is told twice, under our name and under vLLM's: dashboards that were drawn for the one show the other.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5)
GAUGES = ("running", "waiting", "cache", "proposed", "accepted")
# Where vLLM has, or had, another name for it, or two.
CACHE = ["groundup:kv_cache_usage_perc", "vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"]
ANSWERS = ["groundup:answers_total", "vllm:request_success_total"]
PAUSES = [
    "groundup:inter_token_latency_seconds",
    "vllm:inter_token_latency_seconds",
    "vllm:time_per_output_token_seconds",
]
Labels = Mapping[str, str]


class Histogram:
    """How many values came to at most each of some edges, their sum and count."""

    def __init__(self, edges: tuple[float, ...] = SECONDS) -> None:
        self.edges, self.buckets, self.sum, self.count = edges, [0] * (len(edges) + 1), 0.0, 0

    def add(self, seconds: float, times: int = 1) -> None:
        self.buckets[bisect_left(self.edges, seconds)] += times
        self.sum, self.count = self.sum + seconds * times, self.count + times

    def lines(self, name: str, labels: Labels) -> Iterable[str]:
        """Cumulative counts, as Prometheus wants them."""
        total = 0
        for edge, count in zip((*map(str, self.edges), "+Inf"), self.buckets, strict=True):
            total += count
            yield line(f"{name}_bucket", {**labels, "le": edge}, total)
        yield line(f"{name}_sum", labels, f"{self.sum:.6f}")
        yield line(f"{name}_count", labels, self.count)


class Metrics:
    """Counters by model."""

    def __init__(self) -> None:
        self.prompt_tokens: Counter[str] = Counter()
        self.made_tokens: Counter[str] = Counter()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[int] = Counter()
        self.loads: Counter[str] = Counter()
        self.waits: dict[str, Histogram] = {}
        self.pauses: dict[str, Histogram] = {}
        self.lengths: dict[str, Histogram] = {}

    def first_token(self, model: str, seconds: float) -> None:
        """A request got its first text."""
        self.waits.setdefault(model, Histogram()).add(seconds)

    def more_tokens(self, model: str, tokens: int, seconds: float) -> None:
        """So many tokens of one answer came so long after those before."""
        if tokens > 0:
            self.pauses.setdefault(model, Histogram(TOKEN_SECONDS)).add(seconds / tokens, tokens)

    def finished(self, model: str, reason: str, answers: int = 1) -> None:
        """Answers ended: stop, length, content_filter, error, or left (their reader did)."""
        self.answers[model, reason] += answers

    def ended(self, model: str, prompt_tokens: int, made_tokens: int, seconds: float) -> None:
        """A request is over."""
        self.prompt_tokens[model] += prompt_tokens
        self.made_tokens[model] += made_tokens
        self.lengths.setdefault(model, Histogram()).add(seconds)

    def text(self, gauges: Mapping[str, Mapping[str, float]]) -> str:
        """Everything; `gauges` has running and waiting texts of each model now, the share of its cache in use, and how many
        drafted tokens were proposed and accepted since its weights were read."""
        now = {kind: [({"model_name": name}, each[kind]) for name, each in gauges.items()] for kind in GAUGES}
        answers = [
            ({"model_name": model, "finished_reason": why}, count) for (model, why), count in self.answers.items()
        ]
        refused = [({"status": str(status)}, count) for status, count in self.refused.items()]
        lines: list[str] = []
        for names, kind, about, values in (
            (both("num_requests_running"), "gauge", "texts being written", now["running"]),
            (both("num_requests_waiting"), "gauge", "texts waiting for a slot", now["waiting"]),
            (CACHE, "gauge", "share of the cache in use, 0 to 1", now["cache"]),
            (both("prompt_tokens_total"), "counter", "tokens read", of_models(self.prompt_tokens)),
            (both("generation_tokens_total"), "counter", "tokens made", of_models(self.made_tokens)),
            (both("spec_decode_num_draft_tokens_total"), "counter", "drafted tokens", now["proposed"]),
            (both("spec_decode_num_accepted_tokens_total"), "counter", "drafted tokens that stayed", now["accepted"]),
            (ANSWERS, "counter", "answers by why they ended", answers),
            (["groundup:refused_total"], "counter", "requests refused", refused),
            (["groundup:model_loads_total"], "counter", "how often new weights took over", of_models(self.loads)),
        ):
            for name in names:
                lines += [*head(name, kind, about), *(line(name, labels, value) for labels, value in values)]
        for names, about, histograms in (
            (both("time_to_first_token_seconds"), "from a request to its first text", self.waits),
            (PAUSES, "from token to token", self.pauses),
            (both("e2e_request_latency_seconds"), "from a request to its end", self.lengths),
        ):
            for name in names:
                lines += head(name, "histogram", about)
                for model, histogram in histograms.items():
                    lines += histogram.lines(name, {"model_name": model})
        return "\n".join(lines) + "\n"


def both(name: str) -> list[str]:
    """Our name and vLLM's."""
    return [f"groundup:{name}", f"vllm:{name}"]


def of_models(counter: Mapping[str, float]) -> list[tuple[Labels, float]]:
    """Counts by model with their labels."""
    return [({"model_name": model}, count) for model, count in counter.items()]


def head(name: str, kind: str, about: str) -> list[str]:
    """What stands before the values of one name."""
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]


def line(name: str, labels: Labels, value: float | str) -> str:
    """One value."""
    told = ",".join(f'{key}="{escaped(each)}"' for key, each in labels.items())
    return f"{name}{{{told}}} {f'{value:.6g}' if isinstance(value, float) else value}"


def escaped(value: str) -> str:
    """As it may stand between quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
