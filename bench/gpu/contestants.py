"""Who races: our own recipe, and the configs of nanoGPT and nanochat said again in our settings, each on one loop.

Read in nanoGPT at 3adf61e (train.py, config/train_gpt2.py) and in nanochat at 92d63d4 (scripts/base_train.py, nanochat/gpt.py,
depth 12). What our parts have no word for stands in `missing`, and is printed with every result.
"""

from dataclasses import dataclass
from typing import Any

from groundup.model.settings import ModelSettings
from groundup.training.settings import TrainSettings


@dataclass(frozen=True)
class Contestant:
    """One config; warm-up is so many steps of its own whole run, whatever part of that there is time for."""

    name: str
    model: dict[str, Any]
    training: dict[str, Any]
    warm_up: tuple[int, int | None] = (0, None)  # steps, of how many (None: of those there are)
    missing: str = ""

    def settings(self, steps: int, **changed: Any) -> TrainSettings:
        """How it trains in so many steps."""
        warm, whole = self.warm_up
        schedule = {**self.training["schedule"], "warmup": min(0.5, warm / (whole or max(1, steps)))}
        how = {**self.training, "schedule": schedule, "validate_every": 0, "log_every": max(1, steps // 20), **changed}
        return TrainSettings.model_validate({**how, "steps": steps})

    def sizes(self, vocabulary: int) -> ModelSettings:
        """The model with a vocabulary rounded up to 64, which matrix products like."""
        return ModelSettings.model_validate({**self.model, "vocabulary": -(-vocabulary // 64) * 64})


GPT2 = {"family": "gpt2", "depth": 12, "width": 768, "heads": 12, "context": 1024}
NANOGPT = Contestant(
    "nanoGPT",
    {**GPT2, "biases": False},
    {
        "rows": 480,  # 12 rows x 40 parts of 1,024 tokens
        "time": 1024,
        "optimizer": {
            "kind": "adamw",
            "rate": 6e-4,
            "beta1": 0.9,
            "beta2": 0.95,
            "eps": 1e-8,
            "decay": 0.1,
            "decay_tables": 0.1,
        },
        "schedule": {"kind": "cosine", "floor": 0.1},
        "clip": 1.0,
        "guard": 0.0,
    },
    (2000, 600_000),
    "its start values (normal, 0.02; ours begin as the identity), and norms without a bias",
)
NANOCHAT = Contestant(
    "nanochat",
    {
        "family": "qwen3",
        "depth": 12,
        "width": 768,
        "heads": 6,
        "kv_heads": 6,
        "head_width": 128,
        "hidden": 3072,
        "context": 2048,
        "tied": False,
        "feedforward": "relu2",
        "logit_cap": 15.0,
        "rope_base": 100_000.0,
        "embedding_norm": True,
        "pattern": ["window", "window", "window", "full"],
        "window": 1024,
    },
    {
        "rows": 256,  # 524,288 tokens
        "time": 2048,
        "optimizer": {"kind": "muon", "rate": 0.02, "table_rate": 0.3, "vector_rate": 0.3, "decay": 0.28},
        "schedule": {"kind": "wsd", "decay": 0.65, "floor": 0.05},
        "clip": 0.0,
        "guard": 0.0,
    },
    (40, None),
    "value embeddings, smear, backout and the two scalars of each layer; a rate of 0.008 for the head alone; decay that is "
    "cautious and fades; momentum that rises and falls; norms without weights; kernels for windows",
)
OURS = Contestant(
    "groundup",
    {
        "family": "qwen3",
        "depth": 12,
        "width": 768,
        "heads": 6,
        "kv_heads": 6,
        "head_width": 128,
        "hidden": 2048,
        "context": 1024,
        "tied": False,
    },
    {"rows": 128, "time": 1024, "optimizer": {}, "schedule": {"kind": "wsd"}},
)
CONTESTANTS = (OURS, NANOGPT, NANOCHAT)
