"""Checkpoints are written while training goes on: the state is copied, and a thread hashes and writes the copy.

At most one is being written. Whoever wants to save again waits for it, and so does whoever is about to do something that
might fail. What the disk refused is raised by the next step as a sentence; the checkpoints before it are as they were.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from groundup.run.files import disk_problem


class Writing:
    """The one write that may be in flight, and the copy that it is made from (kept for the next one)."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.copy: dict[str, Tensor] = {}
        self.thread = ThreadPoolExecutor(1, "checkpoint")
        self.flight: Future[None] | None = None

    @torch.no_grad()
    def start(self, state: dict[str, Tensor], write: Callable[[dict[str, Tensor]], None]) -> None:
        """Copy the state once the last write is done, and let `write(copy)` have its time in the background."""
        self.wait()
        for name, tensor in state.items():
            if name not in self.copy:
                self.copy[name] = torch.empty_like(tensor, device="cpu", memory_format=torch.contiguous_format)
            self.copy[name].copy_(tensor)
        self.flight = self.thread.submit(write, self.copy)

    @property
    def busy(self) -> bool:
        """Whether one is being written."""
        return self.flight is not None and not self.flight.done()

    def check(self) -> None:
        """Raise what went wrong in a write that has ended; never waits."""
        if not self.busy:
            self.wait()

    def wait(self) -> None:
        """Until the checkpoint is on the disk, or raise why it is not."""
        flight, self.flight = self.flight, None
        try:
            if flight is not None:
                flight.result()
        except Exception as error:
            raise disk_problem(error, self.folder) or error from error

    def rest(self) -> None:
        """Let a write end, without asking how: the training is over."""
        self.thread.shutdown()
