"""Checkpoints are written while training goes on: the state is copied, and a thread hashes and writes the copy.

At most one is being written. Whoever wants to save again waits for it, and so does whoever is about to do something that
might fail. What the disk refused is raised by the next step as a sentence; the checkpoints before it are as they were.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from groundup.run.files import disk_problem


class Writing:
    """The one write that may be in flight, and the copy that it is made from (kept for the next one)."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.copy: dict[str, Tensor] = {}
        self.thread: threading.Thread | None = None
        self.error: BaseException | None = None

    @torch.no_grad()
    def start(self, state: dict[str, Tensor], write: Callable[[dict[str, Tensor]], None]) -> None:
        """Copy the state once the last write is done, and let `write(copy)` have its time in the background."""
        self.wait()
        for name, tensor in state.items():
            kept = self.copy.get(name)
            if kept is None or kept.shape != tensor.shape or kept.dtype != tensor.dtype:
                kept = self.copy[name] = torch.empty_like(tensor, device="cpu", memory_format=torch.contiguous_format)
            kept.copy_(tensor)
        for name in self.copy.keys() - state.keys():
            del self.copy[name]
        self.thread = threading.Thread(target=self._run, args=(write,), name="checkpoint")
        self.thread.start()

    @property
    def busy(self) -> bool:
        """Whether one is being written."""
        return self.thread is not None and self.thread.is_alive()

    def check(self) -> None:
        """Raise what went wrong in a write that has ended; never waits."""
        if self.thread is not None and not self.thread.is_alive():
            self.wait()

    def wait(self) -> None:
        """Until the checkpoint is on the disk, or raise why it is not."""
        self.rest()
        if error := self.error:
            self.error = None
            raise disk_problem(error, self.folder) or error

    def rest(self) -> None:
        """Let a write end, without asking how: for a training that is over for another reason."""
        if self.thread is not None:
            self.thread.join()
            self.thread = None

    def _run(self, write: Callable[[dict[str, Tensor]], None]) -> None:
        try:
            write(self.copy)
        except BaseException as error:
            self.error = error
