"""Weights & Biases: the run goes to its server where a key is known, else into a folder that `wandb sync` can send later."""

# pyright: reportMissingImports=false

from groundup.training.trackers.follow import Facts
from groundup.training.trackers.history import History


def begin(facts: Facts) -> History:
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
    return History(run)
