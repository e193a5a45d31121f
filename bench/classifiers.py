"""Our classifier of texts beside fastText, scikit-learn and, for languages, langdetect and lingua: how right, how fast.

    python bench/classifiers.py NAME TRAIN.jsonl TEST.jsonl --peers PYTHON [--who fasttext sklearn] [--rounds 3]
        [--words 2 --shortest 2 --longest 4 --bits 18]

Files are JSON lines with `text` and `label`; lines of the test may have a `size`, accuracy is then told for each. PYTHON is an
interpreter that has the peers. Contestants take turns, one thread each; seconds are of the processor, the fewest of the
rounds. Every run is added to bench/results/classifiers.jsonl.
"""

import argparse
import json
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from groundup import hardware
from groundup.data.filters.classifier import FeatureSettings, LearningSettings, fit
from groundup.data.filters.languages import by_profiles

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "classifiers.jsonl"
Told = dict[str, Any]


def rows(path: str) -> list[Told]:
    """The lines of a file."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def ours(train: list[Told], test: list[Told], features: FeatureSettings) -> Told:
    """Learn and judge; compiled code is there before the clock starts."""
    fit(
        [row["text"] for row in train[:50]] + ["x"],
        [str(row["label"]) for row in train[:50]] + ["?"],
        features,
        LearningSettings(),
        0,
    )
    start = time.process_time()
    found = fit([row["text"] for row in train], [str(row["label"]) for row in train], features, LearningSettings(), 1)
    learnt = time.process_time()
    chances = found.chances_of([row["text"] for row in test])
    said = [found.labels[n] for n in chances.argmax(1)]
    return {"learn_seconds": learnt - start, "judge_seconds": time.process_time() - learnt, "said": said}


def profiles(train: list[Told], test: list[Told], features: FeatureSettings) -> Told:
    """The profiles of languages that come with the package."""
    start = time.process_time()
    said = [by_profiles(row["text"])[0] for row in test]
    return {"learn_seconds": 0.0, "judge_seconds": time.process_time() - start, "said": said}


def peer(python: str, who: str, train: str, test: str, features: FeatureSettings) -> Told:
    """One of the peers, in its own interpreter."""
    command = [python, str(HERE / "classifiers_peer.py"), who, train, test, ",".join(map(str, features.shape))]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def accuracy(said: list[str], test: list[Told]) -> Told:
    """Of all lines, and of the lines of each size."""
    right = np.array([one == str(row["label"]) for one, row in zip(said, test, strict=True)])
    sizes = [row.get("size", 0) for row in test]
    told = {"all": round(float(right.mean()), 4)}
    for size in sorted(set(sizes)) if len(set(sizes)) > 1 else []:
        told[str(size)] = round(float(right[np.array(sizes) == size].mean()), 4)
    return told


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ("name", "train", "test"):
        arguments.add_argument(name)
    arguments.add_argument("--peers", required=True)
    arguments.add_argument("--who", nargs="*", default=["fasttext", "sklearn"])
    arguments.add_argument("--profiles", action="store_true")
    for name, default in (("rounds", 3), ("words", 2), ("shortest", 2), ("longest", 4), ("bits", 18)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    asked = arguments.parse_args()
    hardware.use_cache_folder()
    features = FeatureSettings(words=asked.words, shortest=asked.shortest, longest=asked.longest, bits=asked.bits)
    train, test = rows(asked.train), rows(asked.test)
    found: dict[str, list[Told]] = {}
    for _ in range(asked.rounds):
        found.setdefault("groundup", []).append(ours(train, test, features))
        if asked.profiles:
            found.setdefault("groundup, profiles", []).append(profiles(train, test, features))
        for who in asked.who:
            found.setdefault(who, []).append(peer(asked.peers, who, asked.train, asked.test, features))
    told = {
        who: {
            "accuracy": accuracy(runs[0]["said"], test),
            **{name: round(min(run[name] for run in runs), 3) for name in ("learn_seconds", "judge_seconds")},
        }
        for who, runs in found.items()
    }
    line = {"name": asked.name, "texts": [len(train), len(test)], "shape": features.shape, "rounds": asked.rounds}
    line |= {"machine": platform.processor() or platform.machine(), "runs": told}
    print(json.dumps(line, indent=1))
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
