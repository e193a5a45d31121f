"""What a child process is asked to do: a function by its name, and what stops a document that would stop the others.

Everything here fits into JSON, since a child is told it through a pipe.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from pydantic import Field

from groundup.config import Settings


class Limits(Settings):
    """What one document may cost; one that asks for more is set aside as poison, and the others go on."""

    seconds: float = Field(30.0, gt=0, description="processor seconds that one document may take")
    megabytes: int = Field(1024, ge=64, description="MiB of memory that one document may take")


@dataclass(frozen=True)
class Job:
    """`function` ("module:name") called with `arguments` makes what is applied to each batch of documents."""

    function: str
    arguments: dict[str, Any] = field(default_factory=dict)
    seconds: float = 30.0
    megabytes: int = 1024

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def make(self) -> Callable[[Any], Any]:
        """The function for the batches; what it needs is loaded now."""
        module, name = self.function.split(":")
        return getattr(import_module(module), name)(**self.arguments)
