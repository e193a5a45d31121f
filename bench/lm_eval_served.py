"""lm-evaluation-harness through our server, and on the Hugging Face export of the same model: the same scores.

    python -m bench.lm_eval_served [--model DIR] [--examples 60]

Needs lm_eval and accelerate, which bring fifty packages along and so are no part of the tests: pip install lm_eval accelerate. The
model is a tiny one of random weights if none is named. The tasks are made here, out of words, and nothing is fetched: choices
by likelihood, and the likelihood of whole texts. Every log-probability is compared, too. A line goes to bench/results/lm_eval.jsonl.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from groundup.evaluation.load.orders import WORDS
from tests import serving_example

RESULTS = Path(__file__).parent / "results" / "lm_eval.jsonl"
CHOICES = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{answer}}}}"
target_delimiter: " "
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""
TEXTS = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{text}}}}"
metric_list: [{{metric: word_perplexity}}, {{metric: byte_perplexity}}, {{metric: bits_per_byte}}]
"""


def write_tasks(place: Path, examples: int, seed: int = 1) -> None:
    """Both tasks with their data, in a folder that the harness reads."""
    chance = random.Random(seed)

    def words(low: int, high: int) -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(low, high)))

    choices = [
        {"question": words(4, 20), "choices": [words(1, 6) for _ in range(4)], "answer": chance.randrange(4)}
        for _ in range(examples)
    ]
    texts = [{"text": words(5, 60)} for _ in range(examples)]
    for name, task, rows in (("own_choices", CHOICES, choices), ("own_texts", TEXTS, texts)):
        data = place / f"{name}.jsonl"
        data.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
        (place / f"{name}.yaml").write_text(task.format(name=name, data=data), encoding="utf-8")


def scored(tasks: Path, kind: str, /, **arguments: Any) -> dict[str, Any]:
    """What the harness finds."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    return lm_eval.simple_evaluate(
        model=kind,
        model_args=arguments,
        tasks=["own_choices", "own_texts"],
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        num_fewshot=0,
        bootstrap_iters=0,
        log_samples=True,
        batch_size=1,
    )


def numbers(found: dict[str, Any]) -> dict[str, float]:
    """Every score by task and metric."""
    return {
        f"{task} {metric.partition(',')[0]}": value
        for task, told in found["results"].items()
        for metric, value in told.items()
        if isinstance(value, float) and "stderr" not in metric
    }


def likelihoods(found: dict[str, Any]) -> list[float]:
    """Every log-probability that a score was made of."""
    told = []
    for task in sorted(found["samples"]):
        for sample in sorted(found["samples"][task], key=lambda each: each["doc_id"]):
            told += [
                float(answer[0]) if isinstance(answer, list | tuple) else float(answer)
                for answer, *_ in sample["resps"]
            ]
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--examples", type=int, default=60)
    asked = parser.parse_args()
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "OPENAI_API_KEY": "none",
        "TOKENIZERS_PARALLELISM": "false",
    }
    with tempfile.TemporaryDirectory(prefix="groundup-harness-") as folder:
        place = Path(folder)
        os.environ["HF_HOME"] = str(place / "cache")
        model = asked.model or serving_example.model_folder(place / "model", context=1024)
        hf = place / "hf"
        export = [sys.executable, "-m", "groundup", "export", str(model), "--format", "hf", "--into", str(hf)]
        subprocess.run(export, check=True)
        (place / "tasks").mkdir()
        write_tasks(place / "tasks", asked.examples)
        theirs = scored(place / "tasks", "hf", pretrained=str(hf), dtype="float32", device="cpu")
        with serving_example.served({"model": model}) as server:
            served = scored(
                place / "tasks",
                "local-completions",
                model="model",
                base_url=server.url + "/v1/completions",
                tokenizer_backend="huggingface",
                tokenizer=str(hf),
                num_concurrent=4,
                max_length=1024,
            )
    mine, expected = numbers(served), numbers(theirs)
    ours, wanted = likelihoods(served), likelihoods(theirs)
    off = max(abs(a - b) / max(1.0, abs(b)) for a, b in zip(ours, wanted, strict=True))
    same = mine.keys() == expected.keys() and all(f"{mine[name]:.4g}" == f"{expected[name]:.4g}" for name in expected)
    told = {
        "served": mine,
        "hf": expected,
        "log_probabilities": len(ours),
        "largest_difference": off,
        "same_to_4_digits": same,
    }
    print(json.dumps(told, indent=1), flush=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")
    return 0 if same and off < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
