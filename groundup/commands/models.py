"""Commands for what was made: ask a model, talk with it, put it behind an address."""

import re
from pathlib import Path

import typer

from groundup.commands.lens import lens

PANEL = "Ask and serve"
TEMPERATURE = typer.Option(0.8, min=0.0, help="0 takes the likeliest token; higher is more varied.")
TOP_K = typer.Option(0, min=0, help="Choose among so many tokens; 0: all.")
TOP_P = typer.Option(1.0, min=0.0, max=1.0, help="Choose among the likeliest tokens that hold this much of the chance.")
SEED = typer.Option(0, min=0, help="Equal seeds give equal texts.")
PRECISION = typer.Option(None, metavar="f32|bf16|f16|int8", help="Compute in this; default: as stored.")
MODEL = typer.Argument(..., metavar="MODEL", help="A model's folder, a GGUF file, or the folder of a recipe.")


def generate(
    model: str = MODEL,
    prompt: str = typer.Argument(..., help="How the text begins."),
    max_tokens: int = typer.Option(200, "--max-tokens", min=1, help="At most so many tokens."),
    temperature: float = TEMPERATURE,
    top_k: int = TOP_K,
    top_p: float = TOP_P,
    seed: int = SEED,
    precision: str = PRECISION,
) -> None:
    """Let a model go on from a beginning.

    Example:  groundup generate runs/tour/base "Once upon a time" --seed 3
    """
    lm = load(model, precision)
    asked = {"max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    typer.echo(prompt, nl=False)
    for piece in lm.stream(prompt, **asked):
        typer.echo(piece.text, nl=False)
    typer.echo()


def chat(
    model: str = MODEL,
    max_tokens: int = typer.Option(200, "--max-tokens", min=1, help="At most so many tokens an answer."),
    temperature: float = TEMPERATURE,
    top_k: int = TOP_K,
    top_p: float = TOP_P,
    seed: int = SEED,
    precision: str = PRECISION,
) -> None:
    """Talk with a model here in the terminal; an empty line or Ctrl-D ends it.

    Example:  groundup chat runs/tour/aligned --temperature 0.5
    """
    lm = load(model, precision)
    asked = {"max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    messages = []
    while line := _ask():
        messages.append({"role": "user", "content": line})
        answer = lm.chat(messages, **asked)
        messages.append({"role": "assistant", "content": answer})
        typer.echo(answer)


def serve(
    models: list[str] = typer.Argument(..., metavar="[NAME=]MODEL…", help="Folders of models, or of a whole recipe."),
    host: str = typer.Option("127.0.0.1", help="The address to listen at; the default is this machine alone."),
    port: int = typer.Option(8000, min=0, max=65535, help="The port to listen at; 0: any that is free."),
    key: str = typer.Option(
        None, envvar="GROUNDUP_API_KEY", help="Clients must show this key; needed where others can reach the server."
    ),
    slots: int = typer.Option(16, min=1, max=256, help="Texts that each model writes at once."),
    precision: str = PRECISION,
) -> None:
    """Serve models: a chat page, and an API that OpenAI's clients can talk to.

    Stays in the foreground until Ctrl-C, then ends what it has begun. The first model is the default one.

    Examples:  groundup serve runs/tour
               groundup serve runs/tour/aligned first=runs/tour/base --port 8080
    """
    from groundup import hardware

    hardware.use_cache_folder()
    found: dict[str, str] = {}
    for word in models:
        found |= {name: path for name, path in models_at(word).items() if name not in found}
    from groundup.serving.limits import Limits
    from groundup.serving.run import serve as listen

    listen(found, host, port, key, Limits(slots=slots), precision)


def models_at(word: str) -> dict[str, str]:
    """Name -> path of the models that a word means: one, or all that a recipe's folder holds, its `model` first."""
    from groundup.errors import Problem

    name, equals, rest = word.partition("=")
    if equals and not Path(word).exists():
        return {name: next(iter(models_at(rest).values()))}
    path = Path(word).expanduser()
    if not path.exists():
        raise Problem(f"there is nothing at {path}: expected a model's folder or a GGUF file")
    if path.is_file() or (path / "config.json").is_file():
        return {_name(path): str(path)}
    if (path / "model" / "config.json").is_file() and not (path / "model").is_symlink():
        return {_name(path): str(path / "model")}
    homes = [
        each for each in sorted(path.iterdir()) if each.is_symlink() and (each / "model" / "config.json").is_file()
    ]
    if not homes:
        raise Problem(f"{path} holds no model: expected a folder with config.json, or one that `groundup make` made")
    first = (path / "model").resolve()
    homes.sort(key=lambda each: ((each / "model").resolve() != first, (each / "manifest.json").stat().st_mtime_ns))
    return {each.name: str(each / "model") for each in homes}


def _name(path: Path) -> str:
    """A model is called after its file, or after its stage: runs/tour/base-0123456789ab/model is base."""
    real = path.resolve()
    if real.is_file():
        return real.stem
    return re.sub(r"-[0-9a-f]{12}$", "", real.parent.name if real.name == "model" else real.name)


def load(model: str, precision: str | None = None):
    """The language model that a word means."""
    from groundup import hardware

    hardware.use_cache_folder()
    path = next(iter(models_at(model).values()))
    import groundup

    return groundup.load(path, precision=precision)


def _ask() -> str:
    try:
        return input("> ").strip()
    except EOFError:
        return ""


def add(app: typer.Typer) -> None:
    """Put these commands into the table of contents."""
    for function in (generate, chat, serve, lens):
        app.command(rich_help_panel=PANEL)(function)
