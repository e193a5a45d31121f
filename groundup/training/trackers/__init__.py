"""Where else the lines of metrics.jsonl may go: one file for each tracker, each behind a thread of its own.

A tracker's file has `begin(facts)`, which returns something with `log`, `rewind` and `close`; `following` ties those that
the settings name to the hooks of a training.
"""

from groundup.training.trackers.follow import Facts, Tracker, following

TRACKERS = {  # a name in `trackers` -> the module that speaks to it
    "tensorboard": "groundup.training.trackers.to_tensorboard",
    "wandb": "groundup.training.trackers.to_wandb",
    "mlflow": "groundup.training.trackers.to_mlflow",
    "trackio": "groundup.training.trackers.to_trackio",
}

__all__ = ["TRACKERS", "Facts", "Tracker", "following"]
