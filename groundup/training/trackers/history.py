"""A run of a client that keeps a history of rows, one for each step: what W&B's and Trackio's runs have in common."""

from typing import Any


class History:
    """Lines of one run. Who keeps the first row of a step loses nothing when a resumed training tells it again."""

    def __init__(self, run: Any):
        self.run = run

    def log(self, step: int, values: dict[str, float]) -> None:
        """One row; `step` stands beside the values, since some clients keep that name for themselves."""
        self.run.log(values, step=step)

    def rewind(self, step: int) -> None:
        """Nothing is to be taken back: the same steps bring the same bits."""

    def close(self) -> None:
        """Wait for what is on its way."""
        self.run.finish()
