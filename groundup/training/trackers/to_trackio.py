"""Trackio: metrics in a database of this machine, shown by `trackio show`, or on a Space where TRACKIO_SPACE_ID says so."""

# pyright: reportMissingImports=false

from typing import Any

from groundup.training.trackers.follow import Facts


class Run:
    """Lines of one run."""

    def __init__(self, run: Any):
        self.run = run

    def log(self, step: int, values: dict[str, float]) -> None:
        """One row of its history; `step` is a name that trackio keeps for itself."""
        self.run.log(values, step=step)

    def rewind(self, step: int) -> None:
        """Nothing is to be taken back: the same steps bring the same bits."""

    def close(self) -> None:
        """Wait for what is on its way."""
        self.run.finish()


def begin(facts: Facts) -> Run:
    """The run of this training, or the one it had before it was interrupted."""
    import trackio

    return Run(
        trackio.init(
            project=facts.project,
            name=f"{facts.name}-{facts.run[:8]}",
            config=facts.settings,
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
    )
