"""Commands for what was made: ask a model, talk with it, put it behind an address."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from groundup.commands.lens import lens
from groundup.errors import Problem

if TYPE_CHECKING:
    from groundup.generation.language_model import Item, LanguageModel

PANEL = "Ask and serve"
TEMPERATURE = typer.Option(0.8, min=0.0, help="0 takes the likeliest token; higher is more varied.")
TOP_K = typer.Option(0, min=0, help="Choose among so many tokens; 0: all.")
TOP_P = typer.Option(1.0, min=0.0, max=1.0, help="Choose among the likeliest tokens that hold this much of the chance.")
MIN_P = typer.Option(
    0.0, "--min-p", min=0.0, max=1.0, help="Leave out tokens below this share of the likeliest one's chance."
)
TYPICAL = typer.Option(
    1.0, "--typical", min=0.0, max=1.0, help="Choose among tokens about as surprising as is usual, that hold this much."
)
REPETITION = typer.Option(1.0, "--repetition-penalty", help="Above 1: what the text holds already becomes less likely.")
PRESENCE = typer.Option(0.0, "--presence-penalty", help="Taken off the logits of tokens that were made already.")
FREQUENCY = typer.Option(0.0, "--frequency-penalty", help="Taken off for each time that they were made.")
STOP = typer.Option([], "--stop", help="End before this text; may be given several times.")
REGEX = typer.Option(None, "--regex", help="Hold the text to a regular expression, which it matches as a whole.")
JSON_SCHEMA = typer.Option(
    None, "--json-schema", metavar="FILE", help="Hold the text to JSON that fits the schema in this file."
)
CHOICES = typer.Option(None, "--choices", metavar="A|B|…", help="Hold the text to one of these.")
SEED = typer.Option(0, min=0, help="Equal seeds give equal texts.")
PRECISION = typer.Option(None, metavar="f32|bf16|f16|int8|int4|nf4", help="Compute in this; default: as stored.")
DRAFT = typer.Option(
    None,
    metavar="lookup|self|skip|heads|MODEL",
    help="Draft several tokens and let the model check them at once: by looking up what followed the same words before, by "
    "its first layers (self, self:3), by every second layer, by its own further heads, or by a smaller model of the same "
    "tokenizer. What is written follows the same chances; how many drafted tokens stayed is told at the end.",
)
DRAFT_LENGTH = typer.Option(None, min=1, max=64, help="Tokens to draft at a time; default: as many as pay.")
DECODE = typer.Option(
    "auto", metavar="auto|native|torch", help="Write tokens with compiled code: where it can be, always, never."
)
MODEL = typer.Argument(..., metavar="MODEL", help="A model's folder, a GGUF file, or the folder of a recipe.")


def generate(
    model: str = MODEL,
    prompt: str = typer.Argument(..., help="How the text begins."),
    max_tokens: int = typer.Option(200, "--max-tokens", min=1, help="At most so many tokens."),
    temperature: float = TEMPERATURE,
    top_k: int = TOP_K,
    top_p: float = TOP_P,
    min_p: float = MIN_P,
    typical: float = TYPICAL,
    repetition_penalty: float = REPETITION,
    presence_penalty: float = PRESENCE,
    frequency_penalty: float = FREQUENCY,
    stop: list[str] = STOP,
    min_tokens: int = typer.Option(0, "--min-tokens", min=0, help="No end before so many tokens."),
    ignore_eos: bool = typer.Option(False, "--ignore-eos", help="Go on where the model would end."),
    regex: str = REGEX,
    json_schema: Path = JSON_SCHEMA,
    choices: str = CHOICES,
    beams: int = typer.Option(
        1, "--beams", min=1, help="Search for the likeliest text with so many at once; nothing is drawn."
    ),
    n: int = typer.Option(1, "--n", min=1, max=1000, help="So many texts, with seeds that follow each other."),
    logprobs: int = typer.Option(
        None, "--logprobs", min=0, max=20, help="Tell the log-probability (nats) of each token, and of so many others."
    ),
    seed: int = SEED,
    precision: str = PRECISION,
    draft: str = DRAFT,
    draft_length: int = DRAFT_LENGTH,
    decode: str = DECODE,
) -> None:
    """Let a model go on from a beginning.

    Examples:  groundup generate runs/tour/base "Once upon a time" --seed 3
               groundup generate runs/tour/base "7 + 5 = " --regex "[0-9]{1,3}" --logprobs 3
               groundup generate runs/tour/base "Once upon a time" --draft lookup
    """
    form = form_of(regex, json_schema, choices)
    lm = load(model, precision, decode)
    ahead = speculation(lm, draft, draft_length)
    if beams > 1:
        asked = {"stop": stop, "ignore_eos": ignore_eos, **form}
        for told, usual, flag in (
            (n, 1, "--n"),
            (logprobs, None, "--logprobs"),
            (min_tokens, 0, "--min-tokens"),
            (draft, None, "--draft"),
        ):
            if told != usual:
                raise Problem(
                    f"{flag} cannot be asked for together with --beams: a search finds one text, the likeliest"
                )
        typer.echo(prompt + lm.generate(prompt, max_tokens, beams=beams, **asked))
        return
    asked = {
        "max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
        "typical_p": typical, "repetition_penalty": repetition_penalty, "presence_penalty": presence_penalty,
        "frequency_penalty": frequency_penalty, "stop": stop, "min_tokens": min_tokens, "ignore_eos": ignore_eos,
        "top": logprobs or 0, **form,
    }  # fmt: skip
    for number in range(n):
        typer.echo(prompt, nl=False)
        pieces = []
        for piece in lm.stream(prompt, seed=seed + number, draft=ahead, **asked):
            typer.echo(piece.text, nl=False)
            pieces.append(piece)
        typer.echo()
        if logprobs is not None:
            _tell_logprobs(lm, pieces)
    tell(ahead)


def _tell_logprobs(lm: "LanguageModel", pieces: list["Item"]) -> None:
    """A line for each token: its bytes, its log-probability, and the likeliest ones with theirs."""

    def name(token: int) -> str:
        return repr(lm.tokenizer.token_bytes(token).decode(errors="replace"))

    for piece in pieces:
        others = "  ".join(f"{name(token)} {logprob:.3f}" for token, logprob in piece.top)
        typer.echo(f"{piece.logprob:9.3f}  {name(piece.id)}" + (f"   of  {others}" if others else ""))


def chat(
    model: str = MODEL,
    max_tokens: int = typer.Option(200, "--max-tokens", min=1, help="At most so many tokens an answer."),
    temperature: float = TEMPERATURE,
    top_k: int = TOP_K,
    top_p: float = TOP_P,
    min_p: float = MIN_P,
    typical: float = TYPICAL,
    repetition_penalty: float = REPETITION,
    presence_penalty: float = PRESENCE,
    frequency_penalty: float = FREQUENCY,
    stop: list[str] = STOP,
    regex: str = REGEX,
    json_schema: Path = JSON_SCHEMA,
    choices: str = CHOICES,
    seed: int = SEED,
    precision: str = PRECISION,
    draft: str = DRAFT,
    draft_length: int = DRAFT_LENGTH,
    decode: str = DECODE,
) -> None:
    """Talk with a model here in the terminal; an empty line or Ctrl-D ends it.

    Example:  groundup chat runs/tour/aligned --temperature 0.5
    """
    form = form_of(regex, json_schema, choices)
    lm = load(model, precision, decode)
    ahead = speculation(lm, draft, draft_length)
    asked = {
        "max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
        "typical_p": typical, "repetition_penalty": repetition_penalty, "presence_penalty": presence_penalty,
        "frequency_penalty": frequency_penalty, "stop": stop, "seed": seed, **form,
    }  # fmt: skip
    messages = []
    while line := _ask():
        messages.append({"role": "user", "content": line})
        answer = lm.chat(messages, draft=ahead, **asked)
        messages.append({"role": "assistant", "content": answer})
        typer.echo(answer)
    tell(ahead)


def form_of(regex: str | None, json_schema: Path | None, choices: str | None) -> dict[str, Any]:
    """The form that the flags ask for, as `LanguageModel.stream` takes it."""
    given = [
        flag for flag, value in (("--regex", regex), ("--json-schema", json_schema), ("--choices", choices)) if value
    ]
    if len(given) > 1:
        raise Problem(f"{' and '.join(given)} were given: a text can be held to one form")
    if regex:
        return {"regex": regex}
    if choices:
        return {"choices": choices.split("|")}
    if json_schema is None:
        return {}
    try:
        return {"json_schema": json.loads(json_schema.read_text(encoding="utf-8"))}
    except OSError as error:
        raise Problem(f"{json_schema} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise Problem(f"{json_schema} is not a JSON schema, for it is not JSON: {error}") from None


def serve(
    models: list[str] = typer.Argument(..., metavar="[NAME=]MODEL…", help="Folders of models, or of a whole recipe."),
    host: str = typer.Option("127.0.0.1", help="The address to listen at; the default is this machine alone."),
    port: int = typer.Option(8000, min=0, max=65535, help="The port to listen at; 0: any that is free."),
    key: str = typer.Option(
        None, envvar="GROUNDUP_API_KEY", help="Clients must show this key; needed where others can reach the server."
    ),
    keys: Path = typer.Option(
        None,
        envvar="GROUNDUP_API_KEYS",
        metavar="FILE",
        help="A key for each client, one a line: NAME KEY, or NAME sha256:DIGEST, then requests=N, tokens=N, admin.",
    ),
    admin_key: str = typer.Option(
        None,
        envvar="GROUNDUP_ADMIN_KEY",
        help="A key for POST /v1/models/load, which reads a model again. SIGHUP needs none.",
    ),
    requests: int = typer.Option(None, "--requests-a-minute", min=1, help="For each key that says nothing else."),
    tokens: int = typer.Option(
        None, "--tokens-a-minute", min=1, help="Read and made, for each key that says nothing else."
    ),
    open_metrics: bool = typer.Option(False, "--open-metrics", help="Answer /metrics without a key."),
    log: str = typer.Option("errors", metavar="errors|text|json", help="What goes to stderr; never prompts or keys."),
    filter_words: Path = typer.Option(
        None, metavar="FILE", help="Words that answers may not have, one a line; bad* is a beginning."
    ),
    filter_private: bool = typer.Option(
        False, "--filter-private", help="Black out e-mail addresses, telephone and card numbers."
    ),
    filter_model: Path = typer.Option(
        None, metavar="MODEL", help="A classifier that ends answers which it puts into a class."
    ),
    filter_class: int = typer.Option(1, min=0, help="The class that --filter-model ends."),
    filter_sure: float = typer.Option(0.5, min=0.0, max=1.0, help="How sure --filter-model must be."),
    filter_stop: bool = typer.Option(
        False, "--filter-stop", help="End an answer (content_filter) instead of writing [word] or [email]."
    ),
    slots: int = typer.Option(16, min=1, max=256, help="Texts that each model writes at once."),
    waiting: int = typer.Option(
        64, min=0, max=4096, help="Texts of each model that may wait for a slot; the next gets a 429."
    ),
    drain: float = typer.Option(30.0, min=0.0, help="Seconds that answers get to end after SIGTERM or Ctrl-C."),
    precision: str = PRECISION,
    draft: str = DRAFT,
    draft_length: int = DRAFT_LENGTH,
    decode: str = DECODE,
    key_file: Path = typer.Option(
        None, envvar="GROUNDUP_API_KEY_FILE", metavar="FILE", help="Read the key from here, as containers get it."
    ),
) -> None:
    """Serve models: a chat page, and an API that OpenAI's clients can talk to.

    Stays in the foreground until Ctrl-C, then ends what it has begun. The first model is the default one.

    Examples:  groundup serve runs/tour
               groundup serve runs/tour/aligned first=runs/tour/base --port 8080
               groundup serve runs/tour --host 0.0.0.0 --keys keys.txt --filter-private --log json
    """
    from groundup import hardware

    hardware.use_cache_folder()
    found: dict[str, str] = {}
    for word in models:
        found |= {name: path for name, path in models_at(word).items() if name not in found}
    from groundup.serving.limits import Limits
    from groundup.serving.run import Door, Pace, Wanted
    from groundup.serving.run import serve as listen

    door = Door(key or (key_in(key_file) if key_file else None), keys, admin_key or None, open_metrics, log)
    limits = Limits(slots, waiting, requests, tokens, drain_seconds=drain)
    wanted = Wanted(filter_words, filter_private, filter_model, filter_class, filter_sure, filter_stop)
    pace = Pace(decode, None if draft is None else drafting(draft), draft_length)
    listen(found, host, port, door, limits, precision, wanted, pace)


def key_in(path: Path) -> str:
    """The key that is all of a file's text."""
    from groundup.errors import Problem

    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"the key cannot be read from {path} ({error}): expected a file whose text is the key") from None
    if not key or "\n" in key:
        raise Problem(f"{path} should hold the key and nothing else, on one line")
    return key


def models_at(word: str) -> dict[str, str]:
    """Name -> path of the models that a word means: one, or all that a recipe's folder holds, its `model` first."""
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


def load(model: str, precision: str | None = None, decode: str = "auto"):
    """The language model that a word means."""
    from groundup import hardware

    hardware.use_cache_folder()
    path = next(iter(models_at(model).values()))
    import groundup

    return groundup.load(path, precision=precision, decode=decode)


def speculation(lm, draft: str | None, length: int | None):
    """What drafts for this model, by the word on the command line; None without one."""
    return None if draft is None else lm.speculation(drafting(draft), length)


def drafting(word: str) -> str:
    """The name of a drafter as it is, and a model by the path where it lies."""
    from groundup.generation.speculation.drafters import is_named

    return word if is_named(word) or not Path(word).expanduser().exists() else next(iter(models_at(word).values()))


def tell(ahead) -> None:
    """How many drafted tokens stayed, on stderr: the text alone goes to stdout."""
    if ahead is not None:
        typer.echo(f"draft: {ahead.tally}", err=True)


def _ask() -> str:
    try:
        return input("> ").strip()
    except EOFError:
        return ""


def add(app: typer.Typer) -> None:
    """Put these commands into the table of contents."""
    for function in (generate, chat, serve, lens):
        app.command(rich_help_panel=PANEL)(function)
