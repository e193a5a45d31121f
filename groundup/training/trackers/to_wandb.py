"""Weights & Biases: the run goes to its server where a key is known, else into a folder that `wandb sync` can send later."""

# pyright: reportMissingImports=false

from typing import Any

from groundup.training.trackers.follow import Facts


class Run:
    """Lines of one run; W&B keeps the first of each step, so what a resumed training tells again changes nothing."""

    def __init__(self, run: Any):
        self.run = run

    def log(self, step: int, values: dict[str, float]) -> None:
        """One row of its history."""
        self.run.log(values, step=step)

    def rewind(self, step: int) -> None:
        """Nothing is to be taken back: the same steps bring the same bits."""

    def close(self) -> None:
        """Wait for what is on its way."""
        self.run.finish()


def begin(facts: Facts) -> Run:
    """The run of this training, or the one it had before it was interrupted; WANDB_MODE and the like are heeded."""
    import wandb

    folder = facts.folder / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        project=facts.project,
        name=facts.name,
        id=facts.run,
        resume="allow",
        dir=folder,
        config=facts.settings,
        mode=None if wandb.login(prompt=False) else "offline",  # without a key it would ask for one
        settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
    )
    return Run(run)
