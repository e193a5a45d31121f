"""How a model is trained: how long, on how much at once, how fast it learns, when it is saved and looked at."""

from typing import Literal

from pydantic import Field, model_validator

from groundup.config import Settings


class OptimizerSettings(Settings):
    """Who changes the weights. `rate` is for the matrices inside the layers; tables and vectors have their own."""

    kind: Literal["adamw", "muon"] = Field(
        default="muon", description="muon: matrices by Muon, the rest by AdamW; or all AdamW"
    )
    rate: float | None = Field(
        default=None, gt=0, description="learning rate of matrices; default 0.03 for muon, 0.004 for adamw"
    )
    table_rate: float | None = Field(
        default=None, gt=0, description="learning rate of embeddings and head; default 0.012 for muon, `rate` for adamw"
    )
    vector_rate: float | None = Field(
        default=None, gt=0, description="learning rate of norms and biases; default 0.012 for muon, `rate` for adamw"
    )
    momentum: float = Field(default=0.95, ge=0, lt=1, description="of Muon: how much of the last direction is kept")
    beta1: float = Field(default=0.8, ge=0, lt=1, description="of AdamW: how slowly its mean of gradients forgets")
    beta2: float = Field(default=0.95, ge=0, lt=1, description="of AdamW: how slowly its mean of squares forgets")
    eps: float = Field(default=1e-10, gt=0, description="of AdamW: kept under every division")
    decay: float = Field(default=0.0, ge=0, description="share of a matrix's weights lost in a step, times its rate")
    decay_tables: float = Field(default=0.0, ge=0, description="the same for embeddings and head")


class ScheduleSettings(Settings):
    """How the learning rates rise and fall between the first step and the last; shares are of all steps."""

    kind: Literal["constant", "linear", "cosine", "wsd"] = Field(
        default="wsd", description="wsd: warm up, stay, decay over the last share; linear and cosine decay all the way"
    )
    warmup: float = Field(default=0.0, ge=0, le=1, description="share of the steps in which rates rise from zero")
    decay: float = Field(
        default=0.7, gt=0, le=1, description="of wsd: the last share of the steps, in which rates fall"
    )
    floor: float = Field(default=0.0, ge=0, le=1, description="the share of its rate that learning ends with")


class TrainSettings(Settings):
    """One training."""

    steps: int = Field(default=1000, gt=0, description="changes of the weights")
    rows: int = Field(default=32, gt=0, description="rows of text in one step")
    time: int = Field(default=128, gt=1, description="tokens in one row")
    accumulate: int = Field(default=1, gt=0, description="parts into which a step's rows are split to save memory")
    recompute: bool = Field(
        default=False,
        description="whether layers are computed again for the backward pass instead of kept: a third more work, far less "
        "memory, the same bits",
    )
    optimizer: OptimizerSettings = Field(default_factory=OptimizerSettings, description="who changes the weights")
    schedule: ScheduleSettings = Field(default_factory=ScheduleSettings, description="how fast, when")
    clip: float = Field(
        default=1.0, ge=0, description="longest gradient, all weights together, that is let through; 0: any"
    )
    precision: Literal["auto", "f32", "bf16"] = Field(
        default="auto",
        description="of the computation (weights are kept in f32); auto: bf16 where a probe finds it faster",
    )
    mask: Literal["documents", "none"] | None = Field(
        default=None,
        description="hide texts packed into one row from each other; default: none for pages, else documents",
    )
    checkpoint_every: int = Field(default=0, ge=0, description="steps between checkpoints; 0: only by time")
    checkpoint_seconds: float = Field(default=10.0, gt=0, description="longest time that a kill can lose")
    keep: int = Field(default=2, gt=0, description="checkpoints kept")
    validate_every: int = Field(default=0, ge=0, description="steps between looks at held-out text; 0: only at the end")
    validate_steps: int = Field(default=8, gt=0, description="batches of held-out text in one look")
    samples_at: list[int] = Field(default_factory=list, description="steps after which samples are written")
    log_every: int = Field(default=10, gt=0, description="steps between lines of metrics")
    deterministic: bool = Field(
        default=False,
        description="nothing of a machine's size or mood in the result: one thread on processors, f32 unless `precision` says bf16, "
        "and on CUDA only kernels that add up in one order; slower (docs/determinism.md)",
    )
    seed: int | None = Field(default=None, ge=0, description="of data order and start weights; default: the stage's")

    @model_validator(mode="after")
    def _check(self) -> "TrainSettings":
        if self.rows % self.accumulate:
            raise ValueError(f"accumulate: {self.accumulate} parts do not divide {self.rows} rows; choose a divisor")
        return self
