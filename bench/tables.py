"""Writes the README's table of numbers from the newest runs in bench/results.

python -m bench.tables
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- numbers: written by `python -m bench.tables` from bench/results -->", "<!-- end of numbers -->"
Runs = list[dict[str, Any]]
KINDS = ("reading_one", "reading_two", "facts", "arithmetic")
MODELS = ("base", "chat", "aligned")


def lines_of(name: str) -> Runs:
    """All runs in a file of results."""
    path = HERE / "results" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def by_processor(name: str, told: Callable[[str, Runs], Iterator[str]]) -> Iterator[str]:
    """A table for each kind of processor that the runs of a file were made on: figures of two are never put side by side."""
    found: dict[str, Runs] = {}
    for run in lines_of(name):
        found.setdefault(run["cpu"], []).append(run)
    for cpu, runs in found.items():
        yield from told(cpu, runs)


def newest(name: str, **having: Any) -> dict[str, Any] | None:
    """The last run in a file of results that agrees with what is asked."""
    runs = [run for run in lines_of(name) if all(run.get(key) == value for key, value in having.items())]
    return runs[-1] if runs else None


def percent(value: Any) -> str:
    """A rate, with its interval where it has one."""
    if isinstance(value, dict):
        return f"{100 * value['value']:.1f} % ({100 * value['low']:.1f} to {100 * value['high']:.1f})"
    return f"{100 * value:.1f} %"


def tour(run: dict[str, Any]) -> Iterator[str]:
    """The tour's scores, model by model."""
    report = run["report"]
    yield f"The tour (`make demo`), seed {run['seed']}, on {run['cpus']} cores of {run['cpu']}" + (
        " with AMX: " if run["amx"] else ": "
    )
    yield f"{run['wall_seconds']:.0f} s from the first page to the report, at most {report['peak_mb'] / 1000:.1f} GB of memory;"
    yield f"a second make takes {run['second_make_seconds']:.1f} s."
    yield ""
    yield "| " + " | ".join(["held-out questions", *MODELS]) + " |"
    yield "|---" * (len(MODELS) + 1) + "|"
    for kind in KINDS:
        yield (
            "| " + " | ".join([kind.replace("_", " "), *(percent(report["accuracy"][m][kind]) for m in MODELS)]) + " |"
        )
    for kind in ("attack_success", "over_refusal"):
        yield "| " + " | ".join([kind.replace("_", " "), *(percent(report[kind][m]) for m in MODELS)]) + " |"
    yield ""
    yield "| what cleaning finds | precision | recall |"
    yield "|---|---|---|"
    for kind, told in report["cleaning"].items():
        yield f"| {kind.replace('_', ' ')} | {percent(told['precision'])} | {percent(told['recall'])} |"
    yield ""
    yield f"8-bit weights change the bits per byte by {100 * report['quantize']['int8']['bits_per_byte_change']:+.3f} %."


TOKENIZING = (
    ("train", "seconds to learn 32,768 tokens"),
    ("encode", "MB/s to arrays"),
    ("hostile", "MB/s to arrays, hostile"),
)
ROWS, TIME = 4, 256  # of model_peers
RIVALS = ("groundup", "rustbpe", "tiktoken", "tiktoken_numpy", "hf")


def tokenizing() -> Iterator[str]:
    """Byte-level BPE against other libraries, on one core and on two."""
    for part, what in TOKENIZING:
        for cores in (1, 2):
            if not (run := newest("tokenizer", part=part, cores=cores)):
                continue
            present = [name for name in RIVALS if name in next(iter(run["runs"].values()))]
            yield ""
            yield "| " + " | ".join([f"{what}, {cores} core{'s' * (cores > 1)}", *present]) + " |"
            yield "|---" * (len(present) + 1) + "|"
            for text, found in run["runs"].items():
                yield "| " + " | ".join([text.replace("_", " "), *(f"{found[name]:.2f}" for name in present)]) + " |"


def models(cpu: str, runs: Runs) -> Iterator[str]:
    """Forward passes and training steps beside transformers, the newest of each."""
    newest_of = {(run["model"], run["precision"], run["pass"], run["threads"]): run for run in runs}
    yield ""
    yield f"| times faster than transformers with sdpa, {ROWS} rows of {TIME} tokens, {cpu} | threads | weights in f32 | weights in bf16 |"
    yield "|---|---|---|---|"
    for (model, precision, what, threads), run in sorted(newest_of.items()):
        found = run["times_faster"]
        like = found.get("transformers", found.get("transformers, autocast"))
        rounded = found.get("transformers, weights in bf16")
        yield f"| {model}, {what}, in {precision} | {threads} | {like:.2f} | {'' if rounded is None else f'{rounded:.2f}'} |"


def letters(cpu: str, runs: Runs) -> Iterator[str]:
    """Tiny Shakespeare letter by letter beside nanoGPT's recipe for processors: medians over the seeds of the newest round."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for run in runs:
        if run["text"] == "tinyshakespeare.txt":
            found.setdefault(run["who"], {})[run["seed"]] = run
    if not {"groundup", "nanogpt"} <= set(found):
        return
    first = next(iter(found["groundup"].values()))
    yield ""
    yield (
        f"| letters of Shakespeare, {len(found['groundup'])} seeds, {first['cpus']} cores of {cpu}{' with AMX' * first['amx']}"
        " | seconds, median | loss on the whole validation split, median |"
    )
    yield "|---|---|---|"
    for who, seeds in found.items():
        seconds, loss = (median(run[name] for run in seeds.values()) for name in ("seconds", "val_loss"))
        yield f"| {who} | {seconds:.1f} | {loss:.3f} |"


def decoding(cpu: str, runs: Runs) -> Iterator[str]:
    """One token after another beside llama.cpp, transformers and a loop that only reads, the newest of each."""
    newest_of = {(run["model"], run["weights"], run["texts"], run["threads"]): run for run in runs}
    yield ""
    yield f"| one text, tokens/s, {cpu} | threads | groundup | llama.cpp | transformers | share of a loop that only reads |"
    yield "|---|---|---|---|---|---|"
    for (model, weights, _, threads), run in newest_of.items():
        speeds = (run["tokens_per_s"].get(who) for who in ("ours", "llama.cpp", "transformers"))
        told = " | ".join("" if speed is None else f"{speed:.0f}" for speed in speeds)
        yield f"| {model}, {weights} | {threads} | {told} | {run['of_read_loop']:.2f} |"


def serving(cpu: str, runs: Runs) -> Iterator[str]:
    """Many clients at once beside other servers of the same weights, the newest of each type."""
    newest_of = {(run["size"], run["type"], run["users"]): run for run in runs}
    yield ""
    yield f"| many clients at once, {cpu} | server | tokens/s | first token, p95, ms | groundup's tokens/s over its |"
    yield "|---|---|---|---|---|"
    for (size, kind, users), run in newest_of.items():
        for who, told in run["servers"].items():
            times = run["times_our_tokens"].get(who)
            over = "" if times is None else f"{times:.1f}"
            yield (
                f"| llama {size}, {kind}, {users} clients | {who} | {told['tokens_per_second']:.0f} | "
                f"{told['first_token_p95_ms']:.0f} | {over} |"
            )


def trainers(cpu: str, all_runs: Runs) -> Iterator[str]:
    """Thirty million weights beside other trainers: medians of the newest turns of each, on as many threads."""
    runs = [run for run in all_runs if run["threads"] == 2 and run["steps"] >= 60]
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        if run["turn"] == 0:
            found[run["who"]] = []
        found.setdefault(run["who"], []).append(run)
    if not found:
        return
    yield ""
    yield f"| 30M weights, {runs[-1]['steps']} steps of 2,048 tokens, 2 threads of {cpu} | tokens/s | seconds | loss at the end |"
    yield "|---|---|---|---|"
    for who, turns in found.items():
        speed, seconds, loss = (median(run[name] for run in turns) for name in ("tokens_per_s", "seconds", "loss"))
        yield f"| {who} | {speed:,.0f} | {seconds:.0f} | {loss:.2f} |"


def table() -> str:
    """All that has been measured."""
    run = newest("tour", recipe="tour")
    lines = list(tour(run)) if run else ["Nothing yet: `make bench` fills this in."]
    if soak := newest("soak", recipe="tour"):
        same = "the same, byte for byte" if soak["same"] else "NOT the same"
        lines += [
            "",
            f"Killed {soak['kills']} times at random moments, the tour's final model is {same} (`make soak`).",
        ]
    tables = {
        "model_peers": models,
        "shakespeare": letters,
        "pretrain_peers": trainers,
        "decode": decoding,
        "serve": serving,
    }
    beside_others = [line for name, told in tables.items() for line in by_processor(name, told)]
    return "\n".join([*lines, *tokenizing(), *beside_others])


def main() -> None:
    before, rest = README.read_text().split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
