"""Thirty million weights and a BPE: our training beside the Hugging Face Trainer and LitGPT's pretrain, token for token.

    python -m bench.pretrain_peers TEXT [--peers-python PYTHON] [--only NAME] [--steps 12] [--rounds 1] [--threads 1]

TEXT is a file of text, of which a BPE of 8,192 tokens is learnt; all train one Llama of the same sizes on the same windows, 8 x 256
tokens a step, each in a process of its own, in turn. PYTHON has torch, transformers, accelerate and litgpt. Counted is processor
time on one thread (a busy machine changes it little), the wall's on several; the first steps do not count. `litgpt` runs its own
setup with torch.compile left out, `litgpt compiled` as it is. Each also says the mean loss of its last quarter of steps, ours
with AdamW as theirs, with that compiled layer by layer, with bf16 weights beside their masters and logits in chunks as well, with
our own recipe, and with that in a third and a quarter of the steps. Lines are added to bench/results/pretrain_peers.jsonl.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from groundup import hardware

RESULTS = Path(__file__).parent / "results" / "pretrain_peers.jsonl"
VOCABULARY, DEPTH, WIDTH, HEADS, HIDDEN = 8192, 7, 512, 8, 1376
ROWS, TIME, WARM = 8, 256, 3
RATE, BETAS = 6e-4, (0.9, 0.95)  # of AdamW, for all that use it


class Ticks:
    """When each step ended."""

    def __init__(self, threads: int):
        self.clock: Callable[[], float] = time.process_time if threads == 1 else time.perf_counter
        self.at, self.losses = [self.clock()], list[float]()

    def step(self, loss: float) -> None:
        """One more step ended."""
        self.at.append(self.clock())
        self.losses.append(loss)

    def told(self) -> dict[str, Any]:
        """Tokens a second after the first steps, all seconds, and where the loss ended."""
        spent = self.at[-1] - self.at[WARM]
        speed = (len(self.at) - 1 - WARM) * ROWS * TIME / spent
        last = self.losses[-max(1, len(self.losses) // 4) :]
        return {
            "tokens_per_s": round(speed, 1),
            "seconds": round(self.at[-1] - self.at[0], 2),
            "loss": round(sum(last) / len(last), 4),
        }


class Windows:
    """Rows of tokens as every contestant reads them: (steps x rows) windows, in one order."""

    def __init__(self, path: str, steps: int):
        tokens = np.load(path)
        starts = np.random.default_rng(1).permutation((len(tokens) - 1) // TIME)[: steps * ROWS] * TIME
        self.rows = tokens[starts[:, None] + np.arange(TIME + 1)].astype(np.int64)

    def __len__(self) -> int:
        return len(self.rows)


def ours(path: str, steps: int, ticks: Ticks, kind: str, how: list[str]) -> None:
    """Our loop; `kind` adamw has their optimizer's settings, muon our own; `how` names what of `compiled`, `bf16_weights` (with
    masters in f32) and `chunked` (logits) is on."""
    from contextlib import nullcontext

    import torch

    from groundup.data.tokens.batches import Batch
    from groundup.model.settings import ModelSettings
    from groundup.model.transformer import Transformer
    from groundup.objectives.next_token import NextToken
    from groundup.training.allocator import keep_memory
    from groundup.training.compiling import compiled
    from groundup.training.loop import Training
    from groundup.training.settings import TrainSettings

    class Source:
        rows, time = ROWS, TIME

        def batch(self, step: int, rows: Any = None) -> Batch:
            here = windows.rows[step * ROWS : (step + 1) * ROWS]
            return Batch(here[:, :-1], here[:, 1:], np.ones((ROWS, TIME), np.float32))

    keep_memory()
    windows = Windows(path, steps)
    sizes = {"family": "llama", "depth": DEPTH, "width": WIDTH, "heads": HEADS, "hidden": HIDDEN, "context": TIME}
    model = Transformer(
        ModelSettings.model_validate(sizes | {"vocabulary": VOCABULARY, "tied": False}), compute=torch.bfloat16
    )
    adamw = {"kind": "adamw", "rate": RATE, "beta1": BETAS[0], "beta2": BETAS[1], "eps": 1e-8, "decay": 0.1}
    optimizer = adamw if kind == "adamw" else {}
    schedule = {"kind": "cosine", "warmup": 0.1} if kind == "adamw" else {}
    asked = TrainSettings.model_validate(
        {"steps": steps, "rows": ROWS, "time": TIME, "optimizer": optimizer, "schedule": schedule}
        | {"precision": "bf16_weights" if "bf16_weights" in how else "bf16"}
    )
    model.logits = "chunked" if "chunked" in how else "auto"
    training = Training(model, NextToken(Source()), asked, torch.bfloat16)
    ticks.at = [ticks.clock()]
    with compiled(model) if "compiled" in how else nullcontext():
        for step in range(steps):
            ticks.step(training.advance(step)["next_token"].item())


def hf(path: str, steps: int, ticks: Ticks, threads: int) -> None:
    """transformers' Trainer on its LlamaForCausalLM, bf16 by autocast."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

    class Told(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if state.global_step == 0:
                ticks.at = [ticks.clock()]

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            if "loss" in logs:
                ticks.step(logs["loss"])

    class Rows(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(windows)

        def __getitem__(self, at: int) -> dict[str, Any]:
            row = torch.from_numpy(windows.rows[at, :-1])
            return {"input_ids": row, "labels": row}

    windows = Windows(path, steps)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=DEPTH, num_attention_heads=HEADS,
        max_position_embeddings=TIME, tie_word_embeddings=False,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        asked = TrainingArguments(
            output_dir=place, max_steps=steps, per_device_train_batch_size=ROWS, use_cpu=True, bf16=True, report_to=[],
            learning_rate=RATE, adam_beta1=BETAS[0], adam_beta2=BETAS[1], weight_decay=0.1, lr_scheduler_type="cosine",
            warmup_steps=round(0.1 * steps), logging_steps=1, save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        torch.set_num_threads(threads)
        Trainer(LlamaForCausalLM(config), asked, train_dataset=Rows(), callbacks=[Told()]).train()


def litgpt(path: str, steps: int, ticks: Ticks, threads: int, compiled: bool) -> None:
    """LitGPT's own pretrain, told where to read; its optimizer's steps are the ticks."""
    import torch
    from litgpt import pretrain
    from litgpt.args import EvalArgs, TrainArgs
    from litgpt.config import Config
    from litgpt.data import DataModule

    windows = Windows(path, steps + 8)

    class Told(DataModule):
        def connect(self, tokenizer: Any = None, batch_size: int = 1, max_seq_length: int | None = None) -> None:
            pass

        def train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(torch.from_numpy(windows.rows), batch_size=ROWS)  # type: ignore[arg-type]

        def val_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(torch.from_numpy(windows.rows[:ROWS]), batch_size=ROWS)  # type: ignore[arg-type]

    class Counted(torch.optim.AdamW):
        def step(self, closure: Any = None) -> Any:
            done = super().step(closure)
            ticks.step(float(last[-1]))
            return done

    last: list[Any] = [0.0]
    measured = pretrain.chunked_cross_entropy

    def kept(*args: Any, **rest: Any) -> Any:
        last[-1] = measured(*args, **rest)
        return last[-1]

    pretrain.chunked_cross_entropy = kept
    pretrain.save_checkpoint = lambda *args, **rest: None  # what is saved at the end is not measured
    pretrain.instantiate_torch_optimizer = lambda optimizer, parameters, **rest: Counted(
        parameters, lr=RATE, betas=BETAS, weight_decay=0.1
    )
    if not compiled:
        torch.compile = lambda model, *args, **rest: model  # type: ignore[assignment]
    config = Config(
        name="small", block_size=TIME, vocab_size=VOCABULARY, padded_vocab_size=VOCABULARY, n_layer=DEPTH, n_head=HEADS, n_embd=WIDTH,
        intermediate_size=HIDDEN, rotary_percentage=1.0, parallel_residual=False, bias=False, norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
    )  # fmt: skip
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as place:
        train = TrainArgs(
            save_interval=None, log_interval=1, global_batch_size=ROWS, micro_batch_size=ROWS, max_tokens=steps * ROWS * TIME,
            max_norm=1.0, lr_warmup_steps=max(1, round(0.1 * steps)), min_lr=0.0,
        )  # fmt: skip
        pretrain.setup(
            "small", config, Path(place), precision="bf16-mixed", data=Told(), train=train, devices=1, num_nodes=1, logger_name="csv",
            eval=EvalArgs(interval=10**6, max_iters=1, initial_validation=False, final_validation=False),
        )  # fmt: skip


def contestant(who: str, path: str, steps: int, threads: int) -> dict[str, Any]:
    """What one of them told, in this process."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    ticks = Ticks(threads)
    if who.startswith("groundup"):
        words = who.split()
        ours(path, steps // PARTS.get(words[-1], 1), ticks, words[1], words[2:])
    elif who == "hf":
        hf(path, steps, ticks, threads)
    else:
        litgpt(path, steps, ticks, threads, who == "litgpt compiled")
    return ticks.told()


PARTS = {"third": 3, "quarter": 4}  # of the steps
CONTESTANTS = (
    "groundup adamw",
    "groundup adamw compiled",
    "groundup adamw compiled bf16_weights",
    "hf",
    "groundup muon",
    "groundup muon in a third",
    "groundup muon in a quarter",
    "litgpt",
    "litgpt compiled",
)


def tokens_of(text: Path, place: Path) -> Path:
    """The text's tokens by a BPE that is learnt from it."""
    from groundup.tokenizer import Tokenizer

    told = text.read_text(encoding="utf-8")
    ids = Tokenizer.train([told], VOCABULARY).encode(told)
    np.save(place / "tokens.npy", ids.astype(np.uint16))
    return place / "tokens.npy"


def main() -> None:
    """Print and keep a line for each run."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("text", type=Path)
    asked.add_argument("--peers-python", default=sys.executable)
    asked.add_argument("--only", default="", help="contestants, separated by commas")
    asked.add_argument("--steps", type=int, default=12)
    asked.add_argument("--rounds", type=int, default=1)
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--one", help=argparse.SUPPRESS)
    words = asked.parse_args()
    if words.one:
        print("\n" + json.dumps(contestant(words.one, str(words.text), words.steps, words.threads)))
        return
    hardware.wait_gently()
    chosen = [name.strip() for name in words.only.split(",")] if words.only else CONTESTANTS
    with tempfile.TemporaryDirectory() as place:
        tokens = tokens_of(words.text, Path(place))
        for turn in range(words.rounds):
            for who in chosen:
                print(json.dumps(kept(who, turn, tokens, words)), flush=True)


def kept(who: str, turn: int, tokens: Path, words: argparse.Namespace) -> dict[str, Any]:
    """One run in a process of its own, added to the results."""
    python = sys.executable if who.startswith("groundup") else words.peers_python
    command = [python, "-m", "bench.pretrain_peers", str(tokens), "--one", who]
    command += ["--steps", str(words.steps), "--threads", str(words.threads)]
    around = os.environ | {"OMP_NUM_THREADS": str(words.threads), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, env=around, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{who} failed:\n{done.stderr[-3000:]}")
    told = {"who": who, "turn": turn, "steps": words.steps, "threads": words.threads} | json.loads(
        done.stdout.splitlines()[-1]
    )
    told |= {
        "clock": "processor" if words.threads == 1 else "wall",
        "load": round(os.getloadavg()[0], 1),
        "cpu": hardware.look().cpu,
    }
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")
    return told


if __name__ == "__main__":
    main()
