"""How a model is trained: how long, on how much at once, how fast it learns, when it is saved and looked at."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from groundup.config import Settings

BF16_WEIGHTS = "bf16_weights"  # a precision; see masters.py


class OptimizerSettings(Settings):
    """Who changes the weights. `rate` is for the matrices inside the layers; tables and vectors have their own."""

    kind: Literal["sgd", "rmsprop", "adam", "adamw", "lion", "adafactor", "muon"] = Field(
        default="muon", description="muon: matrices by Muon, the rest by AdamW; the others change all weights alike"
    )
    rate: float | None = Field(
        default=None,
        gt=0,
        description="learning rate of matrices; default 0.1 for sgd, 0.004 for rmsprop, adam and adamw, 0.0015 "
        "for lion, 0.03 for adafactor (a share of the weights' size) and muon",
    )
    table_rate: float | None = Field(
        default=None, gt=0, description="learning rate of embeddings and head; default 0.012 for muon, else `rate`"
    )
    vector_rate: float | None = Field(
        default=None, gt=0, description="learning rate of norms and biases; default 0.012 for muon, else `rate`"
    )
    momentum: float = Field(
        default=0.95, ge=0, lt=1, description="of Muon and SGD: how much of the last direction is kept"
    )
    nesterov: bool = Field(default=False, description="of SGD: whether it looks a step ahead, as Muon always does")
    polynomial: Literal["polar_express", "jordan"] = Field(
        default="polar_express", description="of Muon: what makes singular values one; jordan: as in torch.optim.Muon"
    )
    stretch: Literal["shape", "adamw"] = Field(
        default="shape",
        description="of Muon: how long its steps are; shape: √(rows / columns) where a matrix is tall; adamw: as long as "
        "those of AdamW, whose rates and decays then fit",
    )
    beta1: float = Field(
        default=0.8, ge=0, lt=1, description="of Adam, AdamW and Lion: how slowly the mean of gradients forgets"
    )
    beta2: float = Field(
        default=0.95,
        ge=0,
        lt=1,
        description="of RMSProp, Adam and AdamW: how slowly the mean of squares forgets; of Lion: its mean of gradients",
    )
    eps: float = Field(default=1e-10, gt=0, description="of RMSProp, Adam and AdamW: kept under every division")
    decay: float = Field(
        default=0.0, ge=0, description="of matrices: the share lost in a step, times its rate; or the penalty's weight"
    )
    decay_tables: float = Field(default=0.0, ge=0, description="the same for embeddings and head")
    decay_kind: Literal["decoupled", "l2", "l1"] | None = Field(
        default=None,
        description="decoupled: weights shrink beside their step; l2 and l1: through the gradient of a penalty, after "
        "clipping; default: l2 for sgd, rmsprop and adam, else decoupled",
    )
    state: Literal["f32", "bf16", "8bit", "host"] = Field(
        default="f32",
        description="how moments are kept: f32: as wide as the weights; bf16: half of that, 8bit: a quarter; host: in the "
        "processor's memory while an accelerator computes",
    )

    @property
    def decay_way(self) -> str:
        """The kind of decay that is meant."""
        return self.decay_kind or ("l2" if self.kind in ("sgd", "rmsprop", "adam") else "decoupled")

    @model_validator(mode="after")
    def _check(self) -> "OptimizerSettings":
        pair = self.kind, self.decay_kind
        if pair == ("adam", "decoupled") or pair == ("adamw", "l2"):
            other = "adamw" if self.kind == "adam" else "adam"
            raise ValueError(f"decay_kind: {self.kind} with decay {self.decay_kind} is {other}: say kind {other}")
        if self.decay_kind and not self.decay and not self.decay_tables:
            raise ValueError(
                f"decay_kind: {self.decay_kind} says how weights decay, and none does: set decay or decay_tables"
            )
        if self.nesterov and (self.kind != "sgd" or not self.momentum):
            raise ValueError("nesterov: only sgd with momentum can be told to look ahead; leave it out")
        if self.kind == "adafactor" and self.state in ("bf16", "8bit"):
            raise ValueError(
                f"state: adafactor keeps a row and a column of a matrix; {self.state} saves nothing, say f32"
            )
        if self.kind == "sgd" and not self.momentum and self.state != "f32":
            raise ValueError(f"state: sgd without momentum keeps nothing that could be {self.state}; leave it out")
        for name, kind in (("polynomial", "muon"), ("stretch", "muon")):
            if self.kind != kind and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} is a setting of {kind}, and kind is {self.kind}: leave it out")
        return self


class ScheduleSettings(Settings):
    """How the learning rates rise and fall between the first step and the last; shares are of all steps."""

    kind: Literal["constant", "linear", "cosine", "wsd", "inverse_square_root", "one_cycle", "restarts"] = Field(
        default="wsd",
        description="wsd: warm up, stay, decay over the last share; linear and cosine decay all the way; "
        "inverse_square_root: as 1/√step; one_cycle: in waves up and down; restarts: several cosines",
    )
    warmup: float = Field(default=0.0, ge=0, le=1, description="share of the steps in which rates rise from zero")
    decay: float = Field(
        default=0.7, gt=0, le=1, description="of wsd: the last share of the steps, in which rates fall"
    )
    floor: float = Field(default=0.0, ge=0, le=1, description="the share of its rate that learning ends with")
    cycles: int = Field(default=4, gt=0, le=100, description="of restarts: how often rates fall from all to the floor")
    growth: float = Field(default=1.0, gt=0, description="of restarts: how much longer each fall is than the last")

    @model_validator(mode="after")
    def _check(self) -> "ScheduleSettings":
        if self.kind in ("inverse_square_root", "one_cycle") and not self.warmup:
            usual = (
                "falls as 1/√step from the end of the warm-up on" if self.kind != "one_cycle" else "begins by rising"
            )
            raise ValueError(f"warmup: {self.kind} {usual}; say for which share of the steps, such as 0.1 or 0.3")
        for name, kind in (("decay", "wsd"), ("cycles", "restarts"), ("growth", "restarts")):
            if self.kind != kind and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} is a setting of {kind}, and kind is {self.kind}: leave it out")
        return self


class RegulariserSettings(Settings):
    """What keeps a model from learning its texts by heart, or its weights from straying. All of it is off by default."""

    dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of numbers made zero before the first layer and after each half of every layer; 0.1",
    )
    dropout_attention: float = Field(
        default=0.0, ge=0, lt=1, description="share of what a token sees that is made zero; not by a fused kernel; 0.1"
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of a target that is spread evenly over all tokens; 0.1"
    )
    z_loss: float = Field(
        default=0.0, ge=0, description="weight of log² Σ exp(logits), which keeps logits from drifting away; 0.0001"
    )
    clip_value: float = Field(
        default=0.0, ge=0, description="largest number of a gradient that is let through, after `clip`; 0: any"
    )
    patience: int = Field(
        default=0, ge=0, description="looks at held-out text without a new best after which training ends; 0: never"
    )
    min_delta: float = Field(
        default=0.0, ge=0, description="of patience: nats by which a look must be better than the best to count as one"
    )
    best_kept: bool = Field(
        default=True,
        description="of patience: whether training ends with the weights of the best look (else with the last ones)",
    )
    average: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of a running average of the weights that is kept in a step; 0.999; 0: none",
    )
    average_used: bool = Field(
        default=True,
        description="of average: whether it is what held-out text, samples and the saved model are made with",
    )

    @model_validator(mode="after")
    def _check(self) -> "RegulariserSettings":
        if self.min_delta and not self.patience:
            raise ValueError("min_delta says what counts for patience, which is 0: set patience, or leave it out")
        if not self.best_kept and not self.patience:
            raise ValueError("best_kept says what patience ends with, which is 0: set patience, or leave it out")
        if not self.average_used and not self.average:
            raise ValueError(
                "average_used says what the average is for, and there is none: set average, or leave it out"
            )
        return self


class TrainSettings(Settings):
    """One training."""

    steps: int = Field(default=1000, gt=0, description="changes of the weights")
    rows: int = Field(default=32, gt=0, description="rows of text in one step")
    time: int = Field(default=128, gt=1, description="tokens in one row")
    segments: int = Field(
        default=1,
        gt=0,
        description="of models that carry a state: a row is a chain of so many segments of `time` tokens each; the state "
        "goes from segment to segment, gradients do not",
    )
    overfit: bool = Field(
        default=False,
        description="whether a copy of the model must first show that it can learn one batch by heart; changes no bit of "
        "the training",
    )
    accumulate: int = Field(default=1, gt=0, description="parts into which a step's rows are split to save memory")
    recompute: bool | Literal["attention", "feedforward", "budget"] = Field(
        default=False,
        description="what is computed again for the backward pass instead of kept, for far less memory and the same bits: "
        "layers (true: a third more work), of each its attention or feedforward, or as many layers as `recompute_budget` asks",
    )
    recompute_budget: int = Field(
        default=0, ge=0, description="of recompute: budget: bytes that activations of a part of a step may take"
    )
    logits: Literal["auto", "whole", "chunked"] = Field(
        default="auto",
        description="whole: a loss holds tokens x vocabulary numbers; chunked: a few rows of them at a time; auto: chunked "
        "where they would be more than 33 million",
    )
    activations: Literal["device", "host"] = Field(
        default="device", description="where what the backward pass needs is kept; host: slower, for small accelerators"
    )
    optimizer: OptimizerSettings = Field(default_factory=OptimizerSettings, description="who changes the weights")
    schedule: ScheduleSettings = Field(default_factory=ScheduleSettings, description="how fast, when")
    regularise: RegulariserSettings = Field(
        default_factory=RegulariserSettings, description="dropout, smoothing, averages and the like"
    )
    clip: float = Field(
        default=1.0, ge=0, description="longest gradient, all weights together, that is let through; 0: any"
    )
    precision: Literal["auto", "f32", "bf16", "bf16_weights", "fp16"] = Field(
        default="auto",
        description="of the computation (what learns is kept in f32); auto: bf16 where a probe finds it faster, fp16 (its loss "
        "scaled) on accelerators without bf16; bf16_weights: matrices and their gradients are held in bf16 as well, rounded "
        "from masters in f32: fewer bytes and no casts",
    )
    compile: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="whether torch compiles the layers, which rounds otherwise in the last digit; auto: in trainings of ten "
        "minutes and more, where a probe finds them faster for it",
    )
    mask: Literal["documents", "none"] | None = Field(
        default=None,
        description="hide texts packed into one row from each other; default: none for concatenated pages, else documents",
    )
    packing: Literal["concatenate", "best_fit"] = Field(
        default="concatenate",
        description="of pages: concatenate: windows of one long text; best_fit: whole documents side by side where they fit "
        "(hidden from each other unless mask says none), what is left over of a row is padding",
    )
    checkpoint_every: int = Field(default=0, ge=0, description="steps between checkpoints; 0: only by time")
    checkpoint_seconds: float = Field(default=10.0, gt=0, description="longest time that a kill can lose")
    keep: int = Field(default=2, gt=0, description="checkpoints kept: the newest ones, as long as the training lasts")
    keep_best: bool = Field(
        default=False, description="whether the checkpoint with the lowest validation stays, also after the training"
    )
    keep_every: int = Field(
        default=0,
        ge=0,
        description="steps between checkpoints that stay, also after the training: to fork from and to replay; 0: none",
    )
    skip: list[int | Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list, description="steps whose batches are not learnt from, or [first, last] of such steps"
    )
    guard: float = Field(
        default=6.0,
        ge=0,
        description="how many standard deviations above its running mean a loss or a gradient's length may be before its "
        "step is left out; 0: only what is not finite is left out",
    )
    watch: list[Literal["gradients", "updates", "activations", "entropy", "noise"]] = Field(
        default_factory=list,
        description="what of each layer is told: length of its gradient, of its update as a share of its weights, size of "
        "its activations, entropy of its attention; and the gradient noise scale of all",
    )
    watch_every: int = Field(default=100, gt=0, description="steps between two such looks")
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

    def stays(self, step: int) -> bool:
        """Whether the checkpoint of this step is kept for good."""
        return bool(self.keep_every) and step % self.keep_every == 0

    @model_validator(mode="after")
    def _check(self) -> "TrainSettings":
        if self.rows % self.accumulate:
            raise ValueError(f"accumulate: {self.accumulate} parts do not divide {self.rows} rows; choose a divisor")
        if self.regularise.patience and not self.validate_every:
            raise ValueError("regularise.patience counts looks at held-out text: say how often in validate_every")
        if (self.recompute == "budget") != bool(self.recompute_budget):
            raise ValueError(
                "recompute: budget and recompute_budget (in bytes) are said together: give both, or neither"
            )
        return self
