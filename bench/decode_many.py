"""Many texts at once, and prompts: ours beside llama.cpp's batched decoding and torch, tokens/s at the same weights.

    python -m bench.decode_many [--threads N] [--only NAME] [--kinds f32,bf16,…] [--texts 8,32] [--prompt 512] [--rounds N]

One process, contestants in turn, the best round counts. llama.cpp is asked through its own C functions, one batch a step with
a sequence for each text; `--repacked` lets it lay its weights out anew, which in some versions ends the process when a batch has
several tokens. `--texts 0` measures the prompt alone. Lines are added to bench/results/decode_many.jsonl.
"""

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from bench.decode import (
    CONTEXT,
    FILES,
    PRECISIONS,
    READ,
    WRITTEN,
    as_gguf,
    drawn,
    in_kind,
    keep,
    models_and_kinds,
    ours,
    prompts,
    torch_eager,
    words_of,
)
from groundup import hardware
from groundup.generation.compiled_step import CompiledStep
from groundup.generation.pages import Pages, pages_for
from groundup.model.transformer import Transformer

RESULTS = Path(__file__).parent / "results" / "decode_many.jsonl"
Writer = Callable[[], float]


class Peer:
    """llama.cpp with room for so many texts of so many tokens."""

    def __init__(
        self, model: Transformer, kind: str, place: Path, threads: int, texts: int, length: int, repacked: bool
    ):
        import llama_cpp as lib

        self.lib, self.texts, self.vocabulary = lib, texts, model.settings.vocabulary
        path = place / f"{kind}.gguf"
        if not path.exists():
            as_gguf(path, model, FILES[kind])
        lib.llama_backend_init()
        quiet = lib.llama_log_callback(lambda *said: None)
        lib.llama_log_set(quiet, None)
        how = lib.llama_model_default_params()
        how.use_extra_bufts = repacked
        self.kept = quiet, lib.llama_model_load_from_file(str(path).encode(), how)
        room = lib.llama_context_default_params()
        room.n_ctx, room.n_batch, room.n_ubatch = texts * length, max(512, texts), 512
        room.n_seq_max, room.n_threads, room.n_threads_batch = texts, threads, threads
        self.context = lib.llama_init_from_model(self.kept[1], room)
        self.batch = lib.llama_batch_init(max(512, texts), 0, 1)

    def read(self, tokens: list[int], places: list[int], rows: list[int], wanted: Callable[[int], bool]) -> None:
        """One pass over tokens of any texts."""
        batch = self.batch
        batch.n_tokens = len(tokens)
        for number, (token, place, row) in enumerate(zip(tokens, places, rows, strict=True)):
            batch.token[number], batch.pos[number] = token, place
            batch.n_seq_id[number], batch.seq_id[number][0] = 1, row
            batch.logits[number] = wanted(number)
        if self.lib.llama_decode(self.context, batch):
            raise RuntimeError("llama.cpp could not decode a batch")

    def clear(self) -> None:
        """Forget all texts."""
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)

    def write(self) -> float:
        """Seconds for WRITTEN tokens of each text, READ of each read before."""
        self.clear()
        rows, ids = list(range(self.texts)), prompts(self.vocabulary, self.texts).T.tolist()
        for place, tokens in enumerate(ids):
            self.read(tokens, [place] * self.texts, rows, lambda number: True)
        start, tokens = time.perf_counter(), [7] * self.texts
        for place in range(READ, READ + WRITTEN):
            self.read(tokens, [place] * self.texts, rows, lambda number: True)
            logits = (self.lib.llama_get_logits_ith(self.context, row) for row in rows)
            tokens = [int(np.ctypeslib.as_array(line, shape=(self.vocabulary,)).argmax()) for line in logits]
        return time.perf_counter() - start

    def prompt(self, count: int) -> float:
        """Seconds until the first token after a prompt of so many."""
        self.clear()
        ids = torch.randint(self.vocabulary, (count,), generator=torch.Generator().manual_seed(4)).tolist()
        start = time.perf_counter()
        for at in range(0, count, 512):
            part = ids[at : at + 512]
            last = len(part) - 1 if at + len(part) == count else -1
            self.read(part, list(range(at, at + len(part))), [0] * len(part), last.__eq__)
        np.ctypeslib.as_array(self.lib.llama_get_logits_ith(self.context, -1), shape=(self.vocabulary,)).argmax()
        return time.perf_counter() - start


def reading(model: Transformer, reader: Callable[..., torch.Tensor], count: int) -> Writer:
    """Our engine's pass over a prompt, in pages, by the compiled step or by the model itself."""
    pages = Pages(1, pages_for(count) + 1, count)
    pages.table[:] = torch.arange(1, pages_for(count) + 1)
    ids = torch.randint(model.settings.vocabulary, (1, count), generator=torch.Generator().manual_seed(4))

    @torch.inference_mode()
    def go() -> float:
        start = time.perf_counter()
        reader(ids, torch.arange(count)[None], pages.view([0]), last=torch.tensor([count - 1])).argmax().item()
        return time.perf_counter() - start

    return go


def best_of(contestants: dict[str, Writer], rounds: int) -> dict[str, float]:
    """Each one's best seconds."""
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for who, go in contestants.items():
            time.sleep(0.3)  # threads of the one before may still turn, waiting for more
            best[who] = min(best[who], go())
    return best


def compare(name: str, kind: str, words: argparse.Namespace, place: Path) -> None:
    """One model in one kind of weights."""
    plain = drawn(name)
    model = in_kind(plain, kind)
    there = importlib.util.find_spec("llama_cpp") is not None
    for texts in filter(None, map(int, words.texts.split(","))):
        contestants = {"ours": ours(model, texts, words.threads), "torch": torch_eager(model, texts)}
        if kind not in PRECISIONS:
            del contestants["torch"]  # unpacks each matrix at each step
        if there and kind in FILES:
            contestants["llama.cpp"] = Peer(plain, kind, place, words.threads, texts, CONTEXT, words.repacked).write
        tell(name, kind, f"{texts} texts", texts * WRITTEN, best_of(contestants, words.rounds), words)
    step = CompiledStep(model, words.threads)
    contestants = {who: reading(model, how, words.prompt) for who, how in (("ours", step.prompt), ("torch", model))}
    if there and kind in FILES:
        peer = Peer(plain, kind, place, words.threads, 1, words.prompt, words.repacked)
        contestants["llama.cpp"] = lambda: peer.prompt(words.prompt)
    tell(name, kind, f"a prompt of {words.prompt}", words.prompt, best_of(contestants, words.rounds), words)


def tell(name: str, kind: str, what: str, tokens: int, best: dict[str, float], words: argparse.Namespace) -> None:
    """Print and keep a line."""
    told = {"model": name, "weights": kind, "what": what, "threads": words.threads, "rounds": words.rounds}
    told |= {"tokens_per_s": {who: round(tokens / seconds, 1) for who, seconds in best.items()}}
    told |= {"times_faster": {who: round(seconds / best["ours"], 2) for who, seconds in best.items() if who != "ours"}}
    told |= {"repacked": words.repacked, "cpu": hardware.look().cpu}
    keep(told, RESULTS)


def main() -> None:
    """All that was asked for."""
    asked = words_of(__doc__, 4, "8,32")
    asked.add_argument("--prompt", type=int, default=512)
    asked.add_argument("--repacked", action="store_true")
    words = asked.parse_args()
    for name, kind, place in models_and_kinds(words):
        compare(name, kind, words, place)


if __name__ == "__main__":
    main()
