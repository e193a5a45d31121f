"""Whether a law fitted to nine small trainings foretells a tenth, larger one: depth and text beyond all of them.

    python -m bench.scaling

Pages of the invented town, a vocabulary of 512, depths of the dial. Adds a line to bench/results/scaling.jsonl.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from groundup import hardware
from groundup.experiments import scaling
from groundup.experiments.law import bootstrap, fit
from groundup.experiments.scaling import Scaling

DEPTHS, TOKENS = [1, 2, 3], [500_000, 1_000_000, 2_000_000]
LATER = (4, 4_000_000)  # depth and tokens of the one to be foretold
MEGABYTES = 8


def tokens_of_a_town(place: Path) -> Path:
    """Pages, cleaned and turned into tokens."""
    steps = {
        "town": [
            "invent",
            f"megabytes={MEGABYTES}",
            "readers=200",
            "dialogues=400",
            "preferences=100",
            "questions=40",
            "attacks=8",
        ],
        "corpus": ["corpus", str(place / "town" / "pages"), "profile=web", f"protect={place / 'town' / 'questions'}"],
        "tokenizer": ["tokenizer", str(place / "corpus"), "size=512"],
        "tokens": ["tokens", f"corpus={place / 'corpus'}", f"tokenizer={place / 'tokenizer'}"],
    }
    for name, words in steps.items():
        command = [sys.executable, "-m", "groundup", *words, "--into", str(place / name)]
        subprocess.run(command, check=True, capture_output=True)
    return place / "tokens"


def main() -> None:
    """Print the law, what it foretells and what then happens."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings = {"data": str(tokens_of_a_town(place)), "training.precision": "f32"}
        told = scaling.scaling(Scaling(settings=settings, depths=DEPTHS, tokens=TOKENS), place / "law")
        print(scaling.text(told), flush=True)
        points = [scaling.Point(**{k: v for k, v in each.items() if k != "fitted"}) for each in told["points"]]
        asked = Scaling(settings=settings, depths=[LATER[0]], tokens=[LATER[1]])
        last = scaling.read(scaling.made(asked, place / "law", *LATER, scaling.make_by_stage))
        law = fit(points)
        said = scaling.predicted(law, list(bootstrap(points, law)), last.parameters, last.tokens, told["per"])
    line = {"cpu": hardware.look().cpu, "points": told["points"], "law": told["law"], "intervals": told["intervals"]}
    line |= {"foretold": said["loss"], "interval": said["interval"], "happened": last.loss}
    line |= {"off": round(said["loss"] / last.loss - 1, 4), "seconds": round(time.perf_counter() - start, 1)}
    print({name: line[name] for name in ("foretold", "interval", "happened", "off", "seconds")})
    results = Path(__file__).parent / "results" / "scaling.jsonl"
    with results.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
