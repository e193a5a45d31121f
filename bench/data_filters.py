"""Our filters of Gopher, C4 and FineWeb beside datatrove's, with the same numbers, on the same documents.

    python -m bench.data_filters --peer PYTHON_WITH_DATATROVE --texts SHARED/data [--cores N]
    python -m bench.data_filters --peer PYTHON_WITH_DATATROVE --documents FILE --told FILE

Seconds are of the processor, so that others on the machine weigh on both alike; ours are the best of several rounds, before and
after the peer's only one. Compiling is apart. With N cores each gets every N-th document, and the clock on the wall counts.
Every run is added to bench/results/data_filters.jsonl; differences are told by cause: where our rules, given the peer's words, agree
with the peer, the words were the cause.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.data_filters_corpus import write
from groundup import hardware
from groundup.data.cleaning.change import CHANGES
from groundup.data.filters.finding import Finding
from groundup.data.filters.phrases import Text
from groundup.data.filters.survey import Survey
from groundup.data.filters.words import plain_words, table
from groundup.data.profiles import FILTERS, Profile

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "data_filters.jsonl"
NAMES = ("gopher_quality", "gopher_repetition", "c4", "fineweb")
ROUNDS = 3
Answer = Finding | str | None


def part(name: str) -> Any:
    """A filter or change with the published numbers."""
    where = "changes" if name in CHANGES else "filters"
    settings = getattr(Profile.model_validate({where: [{"kind": name}]}), where)[0]
    return (CHANGES | FILTERS)[name](settings)  # type: ignore[operator]


def answers(name: str, texts: list[str]) -> list[Answer]:
    """What our filter says of each text; of C4 the text that it leaves."""
    ours = part(name)
    return [ours.change(text) if name in CHANGES else ours.judge(Text(text)) for text in texts]


def timed(name: str, texts: list[str]) -> tuple[float, float, list[Answer]]:
    """(seconds of the processor, seconds on the wall, answers) of the best round."""
    best, best_wall, found = float("inf"), float("inf"), []
    for _ in range(ROUNDS):
        wall, began = time.perf_counter(), time.process_time()
        found = answers(name, texts)
        best = min(best, time.process_time() - began)
        best_wall = min(best_wall, time.perf_counter() - wall)
    return best, best_wall, found


def peer(python: str, documents: Path, *names: str) -> Any:
    """What the peer's script says."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        subprocess.run([python, str(HERE / "data_filters_peer.py"), str(documents), str(result), *names], check=True)
        return json.loads(result.read_text())


def compile_seconds() -> dict[str, float]:
    """Seconds of the processor until each filter's first answer, where nothing is compiled yet, one after the other."""
    program = (
        "import sys, time; from bench import data_filters as b; "
        "[print(n, time.process_time(), b.answers(n, ['The cat and the dog. ' * 30]) and time.process_time()) for n in b.NAMES]"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        told = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=HERE.parent,
        )
    lines = [line.split() for line in told.stdout.splitlines()]
    return {name: round(float(after) - float(before), 2) for name, before, after in lines}


def write_documents(place: Path, texts: list[str]) -> Path:
    """Texts as the peer reads them."""
    place.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return place


def differences(name: str, python: str, texts: list[str], ours: list[Answer], theirs: list[str]) -> dict[str, Any]:
    """The documents on which we do not agree: what each said, why, and the words that were cut otherwise."""
    apart = [i for i, answer in enumerate(ours) if isinstance(answer, Finding) != bool(theirs[i])]
    with tempfile.TemporaryDirectory() as folder:
        words = peer(python, write_documents(Path(folder) / "d.jsonl", [texts[i] for i in apart]), "words")
    kinds, causes, cut = Counter(), Counter(), Counter()
    for i, other in zip(apart, words, strict=True):
        answer = ours[i]
        kinds[
            f"ours: {answer.detail.split(' (')[0] if isinstance(answer, Finding) else 'kept'}; theirs: {theirs[i] or 'kept'}"
        ] += 1
        causes["words" if decided(name, texts[i], other) == bool(theirs[i]) else "rules"] += 1
        mine = plain_words(texts[i])
        for kind, a, b, c, d in SequenceMatcher(None, mine, other, autojunk=False).get_opcodes():
            if kind != "equal":
                cut[f"{' '.join(mine[a:b])[:40]} | {' '.join(other[c:d])[:40]}"] += 1
    return {
        "documents": len(apart),
        "said": dict(kinds),
        "causes": dict(causes),
        "cut (ours | theirs)": dict(cut.most_common(12)),
    }


def decided(name: str, text: str, words: list[str]) -> bool:
    """Whether our rules remove a text whose words are these."""
    survey = SurveyOfWords(text, words)
    judged = Text(text)
    judged.__dict__["survey"] = survey
    return isinstance(part(name).judge(judged), Finding) if name in FILTERS else False


class SurveyOfWords(Survey):
    """A survey in which words are those of somebody else, found in the text one after another."""

    def __init__(self, text: str, words: list[str]):
        super().__init__(text)
        self.given = words

    @cached_property
    def _words(self) -> tuple[Any, np.ndarray]:
        from groundup.kernels import prose

        rows, place, key = np.empty((len(self.given), 3), np.uint64), 0, np.uint64(1)
        text, flags, to = (int(array.ctypes.data) for array in (self.raw, self.table, rows))
        for m, word in enumerate(self.given):
            encoded = word.encode("utf-8", "surrogatepass")
            place = self.bytes.find(encoded, place)
            prose.emit(text, place, place + len(encoded), flags, key, to, m)
            place += len(encoded)
        return key, rows


def spaced(name: str, texts: list[str], ours: list[Answer]) -> float:
    """The share of decisions that change where words are only what spaces part."""
    changed = [
        decided(name, text, text.split()) != isinstance(answer, Finding)
        for text, answer in zip(texts, ours, strict=True)
    ]
    return sum(changed) / len(changed)


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--peer", required=True, help="a Python that has datatrove and spaCy")
    reading.add_argument("--texts", type=Path, help="the folder with text/train and instructions")
    reading.add_argument("--documents", type=Path, help="documents written before, by an earlier run")
    reading.add_argument(
        "--told", type=Path, help="what data_filters_peer.py has said of them before, with its seconds"
    )
    reading.add_argument("--cores", type=int, default=1, help="processes at a time")
    reading.add_argument("--only", nargs="*", default=NAMES, choices=NAMES)
    asked = reading.parse_args()
    table()
    with tempfile.TemporaryDirectory() as folder:
        documents = asked.documents or write(asked.texts, Path(folder) / "documents.jsonl")
        texts = [json.loads(line)["text"] for line in documents.read_text().splitlines()]
        if asked.cores == 1:
            before = json.loads(asked.told.read_text()) if asked.told else {}
            alone(asked.peer, documents, texts, asked.only, before)
        else:
            together(asked.peer, Path(folder), texts, asked.cores, asked.only)


def alone(python: str, documents: Path, texts: list[str], names: list[str], before: dict[str, Any]) -> None:
    """One filter after another, ours and theirs in turn, unless theirs was asked before."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    compiling = compile_seconds() if not before else dict.fromkeys(names)
    for name in names:
        answers(name, texts[:1])
        first, _, ours = timed(name, texts)
        told = before.get(name) or peer(python, documents, name)[name]
        seconds = min(first, timed(name, texts)[0])
        agree = sum(isinstance(a, Finding) == bool(b) for a, b in zip(ours, told["reasons"], strict=True))
        kept = [
            (a, t)
            for a, t, r in zip(ours, told["texts"], told["reasons"], strict=False)
            if isinstance(a, str) and not r
        ]
        add(
            {
                "filter": name,
                "cores": 1,
                "peer_asked": "before" if name in before else "between our rounds",
                "documents": len(texts),
                "megabytes": round(megabytes, 2),
                "megabytes_a_second": {
                    "ours": round(megabytes / seconds, 2),
                    "datatrove": round(megabytes / told["seconds"], 3),
                },
                "times_faster": round(told["seconds"] / seconds, 1),
                "compile_seconds": compiling[name],
                "removed": {
                    "ours": sum(isinstance(a, Finding) for a in ours),
                    "datatrove": sum(map(bool, told["reasons"])),
                },
                "agreement": round(agree / len(texts), 5),
                "differences": differences(name, python, texts, ours, told["reasons"]),
                "texts_alike": [sum(a == t for a, t in kept), len(kept)] if name == "c4" else None,
                "decisions_changed_by_words_at_spaces": None if name == "c4" else round(spaced(name, texts, ours), 4),
            }
        )


def together(python: str, folder: Path, texts: list[str], cores: int, names: list[str]) -> None:
    """All cores at once, ours and then theirs: the slowest process counts."""
    shares = [write_documents(folder / f"{core}.jsonl", texts[core::cores]) for core in range(cores)]
    program = "import json, sys; from bench import data_filters as b; b.share(sys.argv[1], sys.argv[2], sys.argv[3])"
    for name in names:
        commands = {
            "ours": [sys.executable, "-c", program],
            "datatrove": [python, str(HERE / "data_filters_peer.py")],
        }
        seconds = {}
        for who, command in commands.items():
            running = [
                subprocess.Popen([*command, str(share), str(share.with_suffix(f".{who}")), name], cwd=HERE.parent)
                for share in shares
            ]
            assert not any(process.wait() for process in running)
            told = [json.loads(share.with_suffix(f".{who}").read_text())[name] for share in shares]
            seconds[who] = {kind: max(one[kind] for one in told) for kind in ("seconds", "wall_seconds")}
        add(
            {
                "filter": name,
                "cores": cores,
                "seconds": {who: round(one["seconds"], 3) for who, one in seconds.items()},
                "wall_seconds": {who: round(one["wall_seconds"], 3) for who, one in seconds.items()},
                "times_faster": round(seconds["datatrove"]["seconds"] / seconds["ours"]["seconds"], 1),
                "times_faster_on_the_wall": round(
                    seconds["datatrove"]["wall_seconds"] / seconds["ours"]["wall_seconds"], 1
                ),
            }
        )


def share(documents: str, result: str, name: str) -> None:
    """One process's part of the documents, written as the peer writes it."""
    texts = [json.loads(line)["text"] for line in Path(documents).read_text().splitlines()]
    answers(name, texts[:1])
    seconds, wall, _ = timed(name, texts)
    Path(result).write_text(json.dumps({name: {"seconds": seconds, "wall_seconds": wall}}))


def add(run: dict[str, Any]) -> None:
    """One more line of results, and the same for whoever waits."""
    line = {**run, "cpu": hardware.look().cpu}
    print(json.dumps(line, ensure_ascii=False), flush=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
