"""The folder of a container: a model's files and everything that an engine needs to build, start, watch and multiply it.

    groundup export runs/tour --format container --into runs/container

What is written depends on the model's name and size and on the server's limits, so that the seconds that a cluster waits are
those that the server takes to end its answers.
"""

import math
import re
import shutil
import sys
from pathlib import Path

import groundup
from groundup.errors import Problem
from groundup.serving.container import program
from groundup.serving.limits import Limits

HERE = Path(__file__).parent
FILES = ("Dockerfile", "dockerignore", "compose.yaml", "prometheus.yaml", "kubernetes.yaml", "README.md")
USER, PORT = 10001, 8000
LEAVE_SECONDS = 5  # that a cluster takes to send nobody here any more
CLOSE_SECONDS = 5  # that connections take to close once all is answered
GIBIBYTE = 1 << 30
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,40}[a-z0-9])?")


def write(name: str, model: Path, into: Path, limits: Limits | None = None) -> None:
    """Write the folder for one model, a folder or a GGUF file; `into` is new or empty."""
    limits, name = limits or Limits(), slug(name)
    into.mkdir(parents=True, exist_ok=True)
    copied = _copy(model, into / "models" / (name if model.is_dir() else f"{name}.gguf"))
    wheel = program.write_wheel(into)
    (into / "requirements.txt").write_text("\n".join(program.requirements()) + "\n", encoding="utf-8")
    (into / "constraints.txt").write_text("\n".join(program.constraints()) + "\n", encoding="utf-8")
    told = facts(name, copied, wheel, limits)
    for file, text in rendered(told).items():
        (into / (".dockerignore" if file == "dockerignore" else file)).write_text(text, encoding="utf-8")


def facts(name: str, model: Path, wheel: str, limits: Limits) -> dict[str, object]:
    """What the templates are told."""
    weights = sum(path.stat().st_size for path in ([model] if model.is_file() else model.iterdir()))
    memory = 1 + math.ceil(2 * weights / GIBIBYTE)  # the program, the weights, and as much again for caches
    return {
        "name": name,
        "model": f"/app/models/{model.name}",
        "wheel": wheel,
        "version": groundup.__version__,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "user": USER,
        "port": PORT,
        "memory": memory,
        "drain": int(limits.drain_seconds),
        "leave": LEAVE_SECONDS,
        "grace": int(limits.drain_seconds) + LEAVE_SECONDS + CLOSE_SECONDS,
        "waiting": max(1, limits.slots // 4),
        "stale": int(limits.stale_seconds),
    }


def rendered(told: dict[str, object]) -> dict[str, str]:
    """Each template's text by the name of its file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(HERE), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    return {file: templates.get_template(f"{file}.jinja").render(told) for file in FILES}


def slug(name: str) -> str:
    """The model's name as images, files and clusters may be called."""
    found = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")
    if not NAME.fullmatch(found):
        raise Problem(
            f"{name} cannot be the name of a container: expected letters, digits, dots and dashes, as in NAME=MODEL"
        )
    return found


def _copy(model: Path, into: Path) -> Path:
    """The model's files, readable by everybody, for the container's user is nobody that this machine knows."""
    into.parent.mkdir(parents=True)
    if model.is_file():
        shutil.copyfile(model, into)
    else:
        into.mkdir()
        for path in sorted(model.iterdir()):
            if path.is_file():
                shutil.copyfile(path, into / path.name)
    for path in [into] if into.is_file() else into.iterdir():
        path.chmod(0o644)
    return into
