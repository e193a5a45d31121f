"""What a client may ask for: OpenAI's requests as settings with limits, read from bytes before anything else is done.

Unknown fields are ignored, as clients send more than any server knows. Whatever is wrong is one Refusal that names the field.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from groundup.serving.refusal import Refusal

MOST_MESSAGES, MOST_PARTS = 512, 64
MOST_PROMPTS, MOST_CHOICES = 32, 8
MOST_TOKENS = 1 << 17
MOST_TOP = 20
MOST_STOPS = 8
COMPLETION_TOKENS = 16  # when nothing is said, as with OpenAI

Stop = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Id = Annotated[int, Field(ge=0, lt=1 << 31)]


class Part(BaseModel):
    """One part of a message's content; text is the only kind that these models read."""

    model_config = ConfigDict(strict=True, extra="ignore")
    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(strict=True, extra="ignore")
    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[Part], Field(max_length=MOST_PARTS)]

    def plain(self) -> dict[str, str]:
        """The message as the chat template takes it."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class StreamOptions(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")
    include_usage: bool | None = None


class Asked(BaseModel):
    """What both kinds of request have in common; null means what is left out means."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, frozen=True)
    model: str | None = Field(None, max_length=256, description="a name of /v1/models; the first one if left out")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1, le=1 << 30, description="choose among so many tokens; 0 or -1: all")
    min_p: float | None = Field(None, ge=0, le=1)
    seed: int | None = Field(None, ge=-(1 << 63), lt=1 << 64)
    n: int | None = Field(None, ge=1, le=MOST_CHOICES)
    stop: Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None = None

    @property
    def stops(self) -> list[str]:
        """The stop strings as a list."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())

    @property
    def usage_streamed(self) -> bool:
        """Whether a stream is to end with the count of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)


class ChatAsked(Asked):
    """POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MOST_TOP)

    @property
    def limit(self) -> int | None:
        """How many tokens at most; None: as many as there is room for."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def top(self) -> int | None:
        """How many alternatives to tell with each token; None: no log-probabilities at all."""
        return (self.top_logprobs or 0) if self.logprobs else None


class CompletionAsked(Asked):
    """POST /v1/completions."""

    prompt: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MOST_PROMPTS)]
        | Annotated[list[Id], Field(min_length=1)]
        | Annotated[list[Annotated[list[Id], Field(min_length=1)]], Field(min_length=1, max_length=MOST_PROMPTS)]
    )
    max_tokens: int | None = Field(None, ge=0, le=MOST_TOKENS)
    logprobs: int | None = Field(None, ge=0, le=MOST_TOP)
    echo: bool | None = None

    @property
    def limit(self) -> int:
        """How many tokens at most."""
        return COMPLETION_TOKENS if self.max_tokens is None else self.max_tokens

    @property
    def top(self) -> int | None:
        """How many alternatives to tell with each token; None: no log-probabilities at all."""
        return self.logprobs

    @property
    def prompts(self) -> list[str | list[int]]:
        """Each text, or the ids of each."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if isinstance(self.prompt[0], int):
            return [self.prompt]  # type: ignore[list-item]
        return list(self.prompt)  # type: ignore[arg-type]


class TokenizeAsked(BaseModel):
    """POST /tokenize: a text, or messages."""

    model_config = ConfigDict(strict=True, extra="ignore")
    model: str | None = Field(None, max_length=256)
    prompt: str | None = None
    messages: list[Message] | None = Field(None, min_length=1, max_length=MOST_MESSAGES)
    trees: bool | None = Field(None, description="tell what each token is made of, too")


Kind = TypeVar("Kind", bound=BaseModel)


def read(kind: type[Kind], body: bytes) -> Kind:
    """A request out of its bytes. The reader of JSON refuses NaN, deep nesting and lone surrogates by itself."""
    try:
        told = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {error}", "invalid_json") from None
    if not isinstance(told, dict):
        raise Refusal(400, "the body is JSON, but not an object with fields", "invalid_json")
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        raise _wrong(error) from None


def _wrong(error: ValidationError) -> Refusal:
    """The first complaint as a sentence; the client's own values are not repeated."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    steps = [str(step) for step in first["loc"] if isinstance(step, int) or str(step).isidentifier()]
    variants = ("str", "Part", "constrained")
    field = ".".join(step for step in steps if step not in variants)[:120]
    return Refusal(400, f"{field}: {first['msg'][0].lower()}{first['msg'][1:]}", "invalid_value", field or None)


def schema(kind: type[BaseModel]) -> dict[str, Any]:
    """For the description of the API: what a route's body may hold."""
    told = kind.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": told}}}}
