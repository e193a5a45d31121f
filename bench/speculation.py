"""What drafts are worth: tokens/s of one text with and without each of them, and how many drafted tokens stayed.

    python bench/speculation.py                                             random models: what a useless draft costs
    python bench/speculation.py runs/draft/base/model runs/draft/draft/model     a model and a small one of its tokenizer
    python bench/speculation.py runs/tour/base/model --prompt "One morning" --tokens 200

Counts processor time of one thread, so that other work on the machine changes little. The text without a draft and those
with one take turns, the best of several counts. Every run is added to bench/results/speculation.jsonl.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from groundup import hardware
from groundup.generation.language_model import LanguageModel, load, quickest
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

LARGE = {"depth": 6, "width": 512, "heads": 8, "vocabulary": 8192, "context": 1024}
SMALL = {"depth": 1, "width": 256, "heads": 4, "vocabulary": 8192, "context": 1024}


def arguments() -> argparse.Namespace:
    """The words on the command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("model", nargs="?", help="a model's folder; default: a random one of 23 million weights")
    words.add_argument("draft", nargs="?", help="the folder of a smaller model of the same tokenizer")
    words.add_argument("--prompt", action="append", help="how a text begins; may be given several times")
    words.add_argument("--tokens", type=int, default=128)
    words.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    words.add_argument("--temperatures", type=float, nargs="*", default=[0.0, 0.8])
    return words.parse_args()


def models(model: str | None, draft: str | None) -> tuple[LanguageModel, dict[str, LanguageModel | str]]:
    """The model and what may draft for it, by name."""
    if model is None:
        lm, small = (LanguageModel(quickest(random_model(sizes, seed))) for seed, sizes in enumerate((LARGE, SMALL)))
        return lm, {"lookup": "lookup", "self": "self", "small model": small}
    drafts: dict[str, LanguageModel | str] = {"lookup": "lookup", "self": "self"}
    return load(model), drafts | ({"small model": load(draft)} if draft else {})


def random_model(sizes: dict[str, int], seed: int) -> Transformer:
    """With weights large enough to tell tokens apart."""
    made, dice = Transformer(ModelSettings.model_validate(sizes), seed), torch.Generator().manual_seed(seed)
    for parameter in made.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.05, generator=dice)
    return made.eval()


def sizes_of(lm: LanguageModel) -> dict[str, int]:
    """What tells a model from others, wherever it lies."""
    return {name: getattr(lm.model.settings, name) for name in ("depth", "width", "heads", "vocabulary", "context")}


def measured(lm: LanguageModel, prompts: list, draft, tokens: int, temperature: float) -> dict[str, float]:
    """Seconds and tokens of all prompts, and what became of the drafts."""
    ahead = None if draft is None else lm.speculation(draft)
    made, start = 0, time.process_time()
    for seed, prompt in enumerate(prompts):
        made += sum(1 for _ in lm.stream(prompt, tokens, temperature, seed=seed, draft=ahead, ignore_eos=True))
    seconds = time.process_time() - start
    told = {"tokens_per_second": made / seconds}
    if ahead is not None:
        told |= {"acceptance": ahead.tally.acceptance, "tokens_a_pass": ahead.tally.tokens_a_pass}
    return told


def main() -> None:
    """Print a table and keep it."""
    asked = arguments()
    torch.set_num_threads(1)
    lm, drafts = models(asked.model, asked.draft)
    prompts = asked.prompt or (["One morning", "The", "Once upon a time"] if asked.model else [[5, 6, 7], [8, 9]])
    lines = []
    for temperature in asked.temperatures:
        best: dict[str, dict[str, float]] = {}
        for _ in range(asked.rounds):
            for name, draft in {"no draft": None, **drafts}.items():
                told = measured(lm, prompts, draft, asked.tokens, temperature)
                if told["tokens_per_second"] > best.get(name, told | {"tokens_per_second": 0})["tokens_per_second"]:
                    best[name] = told
        for name, told in best.items():
            speed = told["tokens_per_second"] / best["no draft"]["tokens_per_second"]
            told = {key: round(value, 3) for key, value in told.items()}
            lines.append({"draft": name, "temperature": temperature, "times": round(speed, 3), **told})
            print(" ".join(f"{key}={value}" for key, value in lines[-1].items()), flush=True)
    results = Path(__file__).parent / "results" / "speculation.jsonl"
    results.parent.mkdir(exist_ok=True)
    run = {
        "model": sizes_of(lm),
        "small": sizes_of(small) if isinstance(small := drafts.get("small model"), LanguageModel) else None,
        "tokens": asked.tokens,
        "threads": 1,
    }
    with results.open("a") as file:
        file.write(json.dumps(run | {"cpu": hardware.look().cpu, "runs": lines}) + "\n")


if __name__ == "__main__":
    main()
