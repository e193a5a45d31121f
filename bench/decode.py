"""One token after another on a processor: our compiled step beside llama.cpp, transformers and a loop that only reads.

    python bench/decode.py [--threads N] [--only NAME] [--kinds f32,bf16,…] [--rounds N] [--texts 1,8,16]

One process, contestants in turn, 64 tokens read and 40 written each time, the best round counts (tokens/s of those 40).
llama.cpp gets the same weights as a GGUF file: int8_g32 stands beside Q8_0, int4_g32 beside Q4_0 in every matrix, head
included. It is asked through llama-cpp-python where that can be imported, and left out where not. transformers knows f32
and bf16. "read" reads as many bytes as a step's weights have, with as many threads, and reckons nothing. "int8 cache" is ours
with keys and values in whole numbers. llama.cpp has no file for nf4, which stands beside torch.
Several texts at once (--texts) are only ours and torch's. Every line is added to bench/results/decode.jsonl.
"""

import argparse
import ctypes
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from groundup import hardware
from groundup.generation.compiled_step import CompiledStep
from groundup.generation.int8_pages import Int8Pages
from groundup.generation.pages import Pages, pages_for
from groundup.model import gguf, quantize
from groundup.model.folder import PRECISIONS, save
from groundup.model.gguf_file import pack
from groundup.model.gguf_words import speak
from groundup.model.names import give, places
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.tokenizer import Tokenizer

RESULTS = Path(__file__).parent / "results" / "decode.jsonl"
SIZES = {
    "llama 30M": {"depth": 6, "width": 512, "heads": 8, "hidden": 1376, "vocabulary": 8192, "tied": False},
    "llama 124M": {"depth": 12, "width": 768, "heads": 12, "hidden": 2048, "vocabulary": 32_768, "tied": True},
}
# Other parts, asked for by name: --only gemma, --only mixtral.
OTHERS = {
    "gemma2 30M": {**SIZES["llama 30M"], "family": "gemma2", "head_width": 64, "tied": True},
    "mixtral 8 x 15M": {**SIZES["llama 30M"], "family": "mixtral", "experts": {"count": 8, "chosen": 2}},
}
FILES = {"f32": "f32", "bf16": "bf16", "f16": "f16", "int8_g32": "q8_0", "int4_g32": "q4_0"}  # ours -> llama.cpp's
READ, WRITTEN, CONTEXT = 64, 40, 256
Writer = Callable[[], float]  # writes WRITTEN tokens, gives the seconds that took


def drawn(name: str) -> Transformer:
    """A model of the size, its weights random."""
    told: dict[str, Any] = {"family": "llama", "context": CONTEXT, **(SIZES | OTHERS)[name]}
    made = Transformer(ModelSettings(**told), seed=None).eval()
    dice = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, parameter in made.named_parameters():
            parameter.copy_(1 if "norm" in key else torch.randn(parameter.shape, generator=dice) * 0.02)
    return made


def in_kind(model: Transformer, kind: str) -> Transformer:
    """The model with weights of the kind."""
    if kind in PRECISIONS:
        made = Transformer(model.settings, seed=None).eval()
        made.load_state_dict(model.state_dict())
        return made.to(PRECISIONS[kind])
    return quantize.quantised(model, quantize.scheme(kind))


def step_bytes(model: Transformer) -> int:
    """Bytes of weights that one step reads."""
    kept = {name: tensor for name, tensor in model.state_dict().items() if model.settings.tied or "embed" not in name}
    experts = model.settings.experts
    share = experts.chosen / experts.count if experts else 1.0
    return int(sum(tensor.nbytes * (share if ".experts." in name else 1) for name, tensor in kept.items()))


@torch.inference_mode()
def read_in(model: Transformer, texts: int, store: type[Pages] = Pages) -> Pages:
    """READ tokens of each text in pages."""
    each = pages_for(CONTEXT)
    pages = store(texts, texts * each + 1, CONTEXT)
    pages.table[:] = torch.arange(1, texts * each + 1).view(texts, each)
    ids = prompts(model.settings.vocabulary, texts)
    model(ids, torch.arange(READ).expand(texts, READ), pages.view(slice(0, texts)))
    return pages


def prompts(vocabulary: int, texts: int) -> torch.Tensor:
    """(texts, READ) ids."""
    return torch.randint(vocabulary, (texts, READ), generator=torch.Generator().manual_seed(2))


def ours(model: Transformer, texts: int, threads: int, store: type[Pages] = Pages) -> Writer:
    """The compiled step, the likeliest token each time."""
    step, pages = CompiledStep(model, threads), read_in(model, texts, store)
    return lambda: written(lambda ids: step(ids, pages, texts), pages, texts)


def torch_eager(model: Transformer, texts: int) -> Writer:
    """The model itself over the same pages."""
    pages = read_in(model, texts)

    def step(ids: torch.Tensor) -> torch.Tensor:
        return model(ids[:, None], pages.lengths[:, None].long(), pages.view(slice(0, texts)))[:, 0]

    return lambda: written(step, pages, texts)


@torch.inference_mode()
def written(step: Callable[[torch.Tensor], torch.Tensor], pages: Pages, texts: int) -> float:
    """Seconds for WRITTEN tokens of each text, after some that do not count: everybody's threads are awake by then."""
    pages.lengths[:] = READ
    ids = torch.full((texts,), 7)
    for _ in range(READ // 4):
        step(ids)
    start = time.perf_counter()
    for _ in range(WRITTEN):
        ids = step(ids).argmax(-1)
        pages.lengths += 1
    return time.perf_counter() - start


def read_loop(size: int, threads: int) -> Writer:
    """Seconds to read `size` bytes WRITTEN times."""
    model = Transformer(ModelSettings(depth=1, width=32, hidden=32, vocabulary=32)).eval()
    step, memory = CompiledStep(model, threads), torch.ones(size + 64, dtype=torch.uint8)
    address = memory.data_ptr() + -memory.data_ptr() % 64

    def go() -> float:
        start = time.perf_counter()
        for _ in range(WRITTEN):
            step.library.groundup_read(step.handle, ctypes.c_void_p(address), size)
        return time.perf_counter() - start

    go.kept = step, memory  # type: ignore[attr-defined]
    return go


def llama_cpp(model: Transformer, kind: str, place: Path, threads: int) -> Writer:
    """llama.cpp through its own C functions; the prompt is read token by token, which its fastest layouts need."""
    import llama_cpp as peer

    path = place / f"{kind}.gguf"
    if not path.exists():
        as_gguf(path, model, FILES[kind])
    lm = peer.Llama(str(path), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)
    vocabulary = model.settings.vocabulary
    ids = prompts(vocabulary, 1)[0].tolist()

    def step(token: int) -> int:
        batch = peer.llama_batch_get_one((peer.llama_token * 1)(token), 1)
        if peer.llama_decode(lm.ctx, batch):
            raise RuntimeError("llama.cpp could not decode a token")
        logits = peer.llama_get_logits_ith(lm.ctx, -1)
        return int(np.ctypeslib.as_array(logits, shape=(vocabulary,)).argmax())

    def go() -> float:
        lm._ctx.kv_cache_clear()
        for token in ids:
            step(token)
        start, token = time.perf_counter(), 7
        for _ in range(WRITTEN):
            token = step(token)
        return time.perf_counter() - start

    return go


def as_gguf(path: Path, model: Transformer, kind: str) -> None:
    """The model as a file with every matrix in one type: `gguf.write` would give a head of four bits six."""
    settings, state = model.settings, model.state_dict()
    words = Tokenizer.train("the cat sat on the mat " * 20, 280, specials=["<|endoftext|>"])
    tensors = give(places(settings, state, "gguf"), state)
    types = {name: kind if tensor.ndim > 1 else "f32" for name, tensor in tensors.items()}
    path.write_bytes(pack([*gguf.describe(settings, kind), *speak(words, settings.vocabulary, None)], tensors, types))


def transformers(folder: Path, kind: str) -> Writer:
    """Hugging Face's generate; what reading the prompt and one token takes is taken away."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=PRECISIONS[kind])
    ids = prompts(model.config.vocab_size, 1)

    def spent(count: int) -> float:
        start = time.perf_counter()
        model.generate(ids, max_new_tokens=count, min_new_tokens=count, do_sample=False, pad_token_id=0)
        return time.perf_counter() - start

    return lambda: spent(WRITTEN + 1) - min(spent(1) for _ in range(2))


def compare(name: str, kind: str, texts: int, threads: int, rounds: int, place: Path) -> None:
    """One model in one kind of weights: a line."""
    plain = drawn(name)
    model = in_kind(plain, kind)
    size = step_bytes(model)
    contestants = {"ours": ours(model, texts, threads), "read": read_loop(size, threads)}
    contestants["int8 cache"] = ours(model, texts, threads, Int8Pages)
    if kind in PRECISIONS or texts > 1 or kind not in FILES:
        contestants["torch"] = torch_eager(model, texts)
    if texts == 1 and kind in FILES and importlib.util.find_spec("llama_cpp"):
        contestants["llama.cpp"] = llama_cpp(plain, kind, place, threads)
    if texts == 1 and kind in ("f32", "bf16"):
        save(place / "hf", plain)
        contestants["transformers"] = transformers(place / "hf", kind)
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for each, write in contestants.items():
            time.sleep(0.3)  # threads of the one before may still turn, waiting for more
            best[each] = min(best[each], write())
    speeds = {each: texts * WRITTEN / seconds for each, seconds in best.items()}
    told = {"model": name, "weights": kind, "texts": texts, "threads": threads, "rounds": rounds, "step_bytes": size}
    told |= {"tokens_per_s": {each: round(speed, 1) for each, speed in speeds.items() if each != "read"}}
    told |= {"read_gb_per_s": round(size * WRITTEN / best["read"] / 1e9, 1)}
    told |= {"ours_gb_per_s": round(size * WRITTEN / best["ours"] / 1e9, 1)}
    told |= {
        "times_faster": {each: round(best[each] / best["ours"], 2) for each in best if each not in ("ours", "read")}
    }
    told |= {"of_read_loop": round(best["read"] / best["ours"], 2), "cpu": hardware.look().cpu}
    keep(told, RESULTS)


def keep(told: dict[str, Any], results: Path) -> None:
    """Print a line and add it to the results."""
    print(json.dumps(told), flush=True)
    with results.open("a") as file:
        file.write(json.dumps(told) + "\n")


def words_of(description: str | None, rounds: int, texts: str) -> argparse.ArgumentParser:
    """What may be said to a bench of decoding."""
    asked = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked.add_argument("--only", default="")
    asked.add_argument("--kinds", default="f32,bf16,int8_g32,int4_g32")
    asked.add_argument("--rounds", type=int, default=rounds)
    asked.add_argument("--texts", default=texts)
    return asked


def models_and_kinds(words: argparse.Namespace) -> Iterator[tuple[str, str, Path]]:
    """(model, kind of weights, a folder for the model's files) of all that was asked for."""
    torch.set_num_threads(words.threads)
    asked = [name for name in SIZES if words.only in name]
    for name in asked or [name for name in OTHERS if words.only in name]:
        with tempfile.TemporaryDirectory() as place:
            for kind in words.kinds.split(","):
                yield name, kind, Path(place)


def main() -> None:
    """Print and keep a line for each."""
    words = words_of(__doc__, 5, "1").parse_args()
    for name, kind, place in models_and_kinds(words):
        for texts in map(int, words.texts.split(",")):
            compare(name, kind, texts, words.threads, words.rounds, place)


if __name__ == "__main__":
    main()
