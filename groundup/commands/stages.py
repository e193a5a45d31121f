"""Each stage by hand: `groundup train data=… model.depth=6 --into DIR`, its settings listed by `--help`."""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand

from groundup.commands import tokenizers

if TYPE_CHECKING:
    from pydantic import BaseModel

PANEL = "One stage at a time"
TOLD = {  # kind -> (what happens, the setting that bare words stand for, example)
    "invent": ("Invent a small internet with a town in it.", "", "groundup invent megabytes=12 --into runs/town"),
    "collect": (
        "Collect pages from a list of URLs, politely, as web archives.",
        "urls",
        "groundup collect pages.txt contact=you@example.org --into runs/pages",
    ),
    "corpus": (
        "Read raw pages; extract, clean, deduplicate, redact.",
        "files",
        "groundup corpus notes/ pages.warc --into runs/corpus",
    ),
    "synthesize": (
        "Make instructions, questions and rewritten texts with a model, or from templates.",
        "",
        "groundup synthesize kind=rewrite corpus=runs/corpus model.folder=runs/chat --into runs/rewritten",
    ),
    "classifier": (
        "Learn a filter from examples: good and bad texts, toxic ones, languages.",
        "labelled",
        "groundup classifier texts.jsonl --into runs/topics\n"
        "          groundup classifier positive=[books/] negative=[pages/] --into runs/quality",
    ),
    "perplexity": (
        "Learn how a language's letters follow each other, to find texts that are none of it.",
        "texts",
        "groundup perplexity books/ --into runs/letters-of-books",
    ),
    "tokenizer": (
        "Learn a byte-level BPE from a corpus.",
        "corpus",
        "groundup tokenizer runs/corpus size=4096 --into runs/tokenizer",
    ),
    "tokens": (
        "Turn a corpus into shards of tokens.",
        "",
        "groundup tokens corpus=runs/corpus tokenizer=runs/tokenizer --into runs/tokens",
    ),
    "letters": (
        "Turn one text into characters, its end held out.",
        "",
        "groundup letters text=book.txt --into runs/letters",
    ),
    "exercises": (
        "Make tasks with known answers: dates to rewrite, paragraphs to sort.",
        "",
        "groundup exercises rewritings=8000 --into runs/exercises",
    ),
    "train": (
        "Train a model: on pages, on answers, on preferences.",
        "",
        "groundup train data=runs/tokens model.depth=6 training.steps=500 --into runs/base",
    ),
    "shootout": (
        "Let families and position schemes learn the same with the same compute.",
        "data",
        "groundup shootout runs/tokens steps=200 --into runs/shootout",
    ),
    "measure": (
        "Count what models guess right of text that was held out.",
        "",
        "groundup measure models.bert=runs/bert data.pages=runs/tokens objective.kind=masked --into runs/measure",
    ),
    "score": (
        "Measure a model on all text that was held out.",
        "",
        "groundup score data=runs/letters model=runs/model --into runs/score",
    ),
    "evaluate": (
        "Ask models the same questions and score them.",
        "",
        "groundup evaluate models.base=runs/base questions=runs/town/questions --into runs/scores",
    ),
    "prune": (
        "Take out what matters least: small weights, whole heads, two of every four.",
        "model",
        "groundup prune runs/base --kind heads --share 0.25 data=runs/tokens --into runs/fewer",
    ),
    "quantize": (
        "Write a model in fewer bits, in one kind or several, and measure the price of each.",
        "model",
        "groundup quantize runs/base kind='[int8, int4, gptq, nf4]' data=runs/tokens --into runs/small",
    ),
    "export": (
        "Write a model for transformers, llama.cpp, ONNX, or as a container.",
        "model",
        "groundup export runs/base --format gguf --type q8_0 --into base.gguf",
    ),
    "report": ("Tell the story of a run on one page.", "", "groundup report … --into runs/report"),
}
PROFILED = 5  # steps
CLIP = 80  # characters of a default that the list of settings shows
ARTIFACTS = {"gguf": "model.gguf", "hf": "hf", "onnx": "model.onnx"}
CONTAINER = "container"  # not a file that a stage makes: the program itself lies in it


class StageCommand(TyperCommand):
    """A command whose help also lists the settings of its kind of stage, with defaults and meaning."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from rich.console import Console
        from rich.table import Table

        from groundup.stages import load

        super().format_help(ctx, formatter)
        table = Table(title="Settings, as NAME=VALUE", title_justify="left", box=None, padding=(0, 2, 0, 1))
        for head in ("name", "default", "meaning"):
            table.add_column(head, overflow="fold")
        for name, default, meaning in settings_of(load(str(self.name)).Settings):
            table.add_row(name, default, meaning)
        Console(markup=False, highlight=False).print(table)


class TokenizerCommand(StageCommand):
    """The stage that learns a tokenizer, or one of the commands about tokenizers in files if the first word is its name."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        other = tokenizers.named(args[0]) if args else None
        if other is None:
            return super().make_context(info_name, args, parent, **extra)
        return other.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)


def settings_of(model: "type[BaseModel]", above: str = "") -> Iterator[tuple[str, str, str]]:
    """(dotted name, default, meaning) of every setting of a kind, nested ones in their place."""
    from groundup.config.build import _models

    for name, field in model.model_fields.items():
        inner = list(_models(field.annotation))
        for owner in inner:
            yield from settings_of(owner, f"{above}{name}.")
        if not inner:
            default = "required" if field.is_required() else _shown(field.get_default(call_default_factory=True))
            yield f"{above}{name}", default, f"{field.description or ''}{_choices(field.annotation)}"


def _shown(value: Any) -> str:
    words = {None: "none", True: "true", False: "false"}
    told = words.get(value, str(value)) if isinstance(value, bool | None) else str(value)
    first, _, more = told.partition("\n")
    return (f"{first[:CLIP]} …" if more or len(first) > CLIP else first) or "empty"


def _choices(annotation: Any) -> str:
    """The words that a setting, or each of its list, may be; nothing where any may."""
    if get_origin(annotation) is Literal:
        return f" ({', '.join(map(str, get_args(annotation)))})"
    return next((told for inner in get_args(annotation) if (told := _choices(inner))), "")


def fork_one(words: list[str], into: Path, seed: int | None, wait: bool, start: str) -> Path:
    """Train on from a checkpoint of another training, whose settings hold where the words say nothing else."""
    from groundup import config
    from groundup.recipe import make_stage
    from groundup.recipe.started import forked

    settings, before = forked(start)
    said = config.merge(settings, config.overrides(named("train", words)))
    return make_stage("train", said, into, before if seed is None else seed, wait=wait)


def make_one(kind: str, words: list[str], into: Path, seed: int, wait: bool) -> Path:
    """Make one stage from the words of the command line."""
    from groundup import config
    from groundup.recipe import make_stage

    return make_stage(kind, config.overrides(named(kind, words)), into, seed, wait=wait)


def named(kind: str, words: list[str]) -> list[str]:
    """Bare words are the value of the one setting that a kind is about; what says NAME=VALUE stays."""
    from groundup.errors import Problem
    from groundup.stages import load

    bare = [
        word for word in words if "=" not in word or (os.path.exists(word) and not word.split("=")[0].isidentifier())
    ]
    if not bare:
        return words
    setting = TOLD[kind][1]
    if not setting:
        raise Problem(f"cannot read {bare[0]!r}: expected NAME=VALUE, see groundup {kind} --help")
    many = "list" in str(load(kind).Settings.model_fields[setting].annotation)
    if len(bare) > 1 and not many:
        raise Problem(f"groundup {kind} takes one {setting} and got {len(bare)}: {', '.join(bare)}")
    quoted = [f"'{word.replace(chr(39), chr(39) * 2)}'" for word in bare]
    value = f"[{', '.join(quoted)}]" if many else quoted[0]
    return [f"{setting}={value}", *(word for word in words if word not in bare)]


def export_one(words: list[str], into: Path, form: str, type_: str) -> str:
    """Write one format to `into` itself: a file, or a folder as Hugging Face's. What is to be said of it comes back."""
    from groundup.errors import Problem, did_you_mean

    if form not in (*ARTIFACTS, CONTAINER):
        raise Problem(f"--format {form} is not known; {did_you_mean(form, (*ARTIFACTS, CONTAINER))}")
    folder = form in ("hf", CONTAINER)
    if into.is_dir() and (not folder or any(into.iterdir())):
        raise Problem(f"{into} is a folder that is in use: name a new {'folder' if folder else 'file'} with --into")
    if form == CONTAINER:
        return _container(words, into, type_)
    into.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".groundup-export-", dir=into.parent))
    try:
        words = [*words, f"formats=[{form}]", *([f"type={type_}"] if type_ else [])]
        made = make_one("export", words, beside / into.name, 1, False)
        if into.is_dir():
            into.rmdir()
        os.replace(made / ARTIFACTS[form], into)
        check = json.loads((made / "check.json").read_text())[form]
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return f"made {into}{_in_other_types(check.get('in_other_types', {}))}"


def _container(words: list[str], into: Path, type_: str) -> str:
    """The folder that an engine makes a container of, in one step: a model's files go in as they are."""
    from groundup.commands.models import models_at
    from groundup.errors import Problem
    from groundup.serving.container import writing

    if len(words) != 1 or type_:
        raise Problem(
            "--format container takes one model, as it is to be served: [NAME=]MODEL and --into, nothing else"
        )
    name, model = next(iter(models_at(words[0].removeprefix("model=")).items()))
    writing.slug(name)
    into.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".groundup-export-", dir=into.parent))
    try:
        writing.write(name, Path(model), beside / into.name)
        if into.is_dir():
            into.rmdir()
        os.replace(beside / into.name, into)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return f"made {into}: its README.md says how it is built and started"


def _in_other_types(otherwise: dict[str, str]) -> str:
    """Which matrices of a GGUF file are not of the type that was asked for, counted by the type they have."""
    counts = [f"{count} in {kind}" for kind, count in sorted(Counter(otherwise.values()).items())]
    return (
        f" ({', '.join(counts)} instead: {', '.join(list(otherwise)[:3])}{', …' if len(otherwise) > 3 else ''})"
        if counts
        else ""
    )


def _command(kind: str):
    about, setting, example = TOLD[kind]
    bare = typer.Argument(None, metavar=f"[{setting.upper()}…] [NAME=VALUE]…" if setting else "NAME=VALUE…")

    def command(
        words: list[str] = bare,
        into: Path = typer.Option(..., "--into", metavar="DIR", help="Where to make it."),
        seed: int = typer.Option(1, "--seed", min=0, help="Of all that is random."),
        wait: bool = typer.Option(False, "--wait", help="Wait while another process makes the same folder."),
    ) -> None:
        typer.echo(f"made {make_one(kind, words or [], into, seed, wait)}")

    def export(
        words: list[str] = bare,
        into: Path = typer.Option(..., "--into", metavar="PATH", help="With --format: the file or folder itself."),
        form: str = typer.Option("", "--format", metavar="gguf|hf|onnx|container", help="Write this format alone."),
        type_: str = typer.Option(
            "", "--type", metavar="f32|f16|bf16|q8_0|q6_k|q4_k|q4_0", help="Of the matrices in a GGUF file."
        ),
    ) -> None:
        words = words or []
        if form:
            typer.echo(export_one(words, into, form, type_))
        else:
            typer.echo(f"made {make_one(kind, [*words, *([f'type={type_}'] if type_ else [])], into, 1, False)}")

    def train(
        words: list[str] = bare,
        into: Path = typer.Option(..., "--into", metavar="DIR", help="Where to make it."),
        seed: int | None = typer.Option(None, "--seed", min=0, help="Of all that is random.", show_default="1"),
        wait: bool = typer.Option(False, "--wait", help="Wait while another process makes the same folder."),
        start: str = typer.Option(
            "", "--from", metavar="RUN@STEP", help="Go on from this checkpoint, with its settings but for those given."
        ),
        profile: bool = typer.Option(
            False, "--profile", help=f"Take the time of {PROFILED} steps and write a trace (profile=N: of N steps)."
        ),
    ) -> None:
        words = [*(words or []), *([f"profile={PROFILED}"] if profile else [])]
        if start:
            typer.echo(f"made {fork_one(words, into, seed, wait, start)}")
        else:
            typer.echo(f"made {make_one(kind, words, into, 1 if seed is None else seed, wait)}")

    def prune(
        words: list[str] = bare,
        into: Path = typer.Option(..., "--into", metavar="DIR", help="Where to make it."),
        kind: str = typer.Option("", "--kind", metavar="magnitude|heads|2:4|…", help="The same as kind=…"),
        share: str = typer.Option("", "--share", metavar="0.3", help="The same as share=…"),
    ) -> None:
        said = {"kind": kind, "share": share}
        words = [*(words or []), *(f"{name}={value}" for name, value in said.items() if value)]
        from groundup.evaluation.report import of_price

        made = make_one("prune", words, into, 1, False)
        typer.echo(of_price.table(of_price.gathered_pruned(made)))
        typer.echo(f"made {made}")

    def quantize(
        words: list[str] = bare,
        into: Path = typer.Option(..., "--into", metavar="DIR", help="Where to make it."),
        kind: str = typer.Option("", "--kind", metavar="int8|int4|gptq|awq|nf4|…", help="The same as kind=…"),
    ) -> None:
        from groundup.evaluation.report import of_price

        made = make_one("quantize", [*(words or []), *([f"kind={kind}"] if kind else [])], into, 1, False)
        typer.echo(of_price.table(of_price.gathered(made)))
        typer.echo(f"made {made}")

    chosen = {"export": export, "train": train, "prune": prune, "quantize": quantize}.get(kind, command)
    plainly = example.replace("[", "\\[")  # a list in brackets is no markup
    chosen.__doc__ = f"{about}\n\nExample:  {plainly}"
    return chosen


def stages() -> None:
    """List the kinds of stage a recipe is made of.

    Example:  groundup stages
    """
    for kind, (about, _, _) in TOLD.items():
        typer.echo(f"{kind:<10} {about}  (settings: groundup {kind} --help)")


def add(app: typer.Typer) -> None:
    """Put a command for every kind of stage into the table of contents."""
    app.command(rich_help_panel="The whole way")(stages)
    for kind in TOLD:
        cls, more = (TokenizerCommand, tokenizers.MORE) if kind == "tokenizer" else (StageCommand, None)
        app.command(kind, cls=cls, epilog=more, rich_help_panel=PANEL)(_command(kind))
