"""What a client may ask for: OpenAI's requests as settings with limits, read from bytes before anything else is done.

Unknown fields are ignored, as clients send more than any server knows. Whatever is wrong is one Refusal that names the field.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError, from_json

from groundup.serving.refusal import Refusal

MOST_MESSAGES, MOST_PARTS = 512, 64
MOST_PROMPTS, MOST_CHOICES, MOST_BEAMS = 32, 8, 16
MOST_TOKENS = 1 << 17
MOST_TOP = 20
MOST_STOPS = 8
MOST_BIASES = 300
MOST_TOOLS, MOST_CALLS, MOST_NAME = 64, 64, 64
MOST_PATTERN, MOST_GUIDED_CHOICES = 8192, 1024
COMPLETION_TOKENS = 16  # when nothing is said, as with OpenAI

Stop = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Id = Annotated[int, Field(ge=0, lt=1 << 31)]
TokenName = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,8})$")]


class Part(BaseModel):
    """One part of a message's content; text is the only kind that these models read."""

    model_config = ConfigDict(strict=True, extra="ignore")
    type: Literal["text"]
    text: str


class FunctionCalled(BaseModel):
    """What an assistant called: a name, and arguments as JSON."""

    model_config = ConfigDict(strict=True, extra="ignore")
    name: str = Field(max_length=MOST_NAME)
    arguments: str


class Call(BaseModel):
    """One call in a message of the assistant."""

    model_config = ConfigDict(strict=True, extra="ignore")
    id: str | None = Field(None, max_length=256)
    type: Literal["function"] = "function"
    function: FunctionCalled


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(strict=True, extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[Part], Field(max_length=MOST_PARTS)] | None = None
    tool_calls: list[Call] | None = Field(None, max_length=MOST_CALLS)
    tool_call_id: str | None = Field(None, max_length=256)

    @model_validator(mode="after")
    def _says_something(self) -> "Message":
        if self.content is None and not self.tool_calls:
            raise PydanticCustomError("empty", "a message needs content, or tool_calls of the assistant")
        if self.tool_calls and self.role != "assistant":
            raise PydanticCustomError("caller", "only the assistant calls tools")
        return self

    def plain(self) -> dict[str, Any]:
        """The message as the chat template takes it."""
        content = self.content or ""
        text = content if isinstance(content, str) else "".join(part.text for part in content)
        told = {"role": "system" if self.role == "developer" else self.role, "content": text}
        if self.tool_calls:
            return {**told, "tool_calls": [call.model_dump(include={"type", "function"}) for call in self.tool_calls]}
        return told

    @property
    def characters(self) -> int:
        """How much text it holds."""
        calls = [call.function for call in self.tool_calls or ()]
        return len(self.plain()["content"]) + sum(len(call.name) + len(call.arguments) for call in calls)


class StreamOptions(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")
    include_usage: bool | None = None


class SchemaTold(BaseModel):
    """A JSON schema with a name."""

    model_config = ConfigDict(strict=True, extra="ignore")
    name: str | None = Field(None, max_length=MOST_NAME)
    told: dict[str, Any] | bool | None = Field(None, alias="schema")


class ResponseFormat(BaseModel):
    """What the answer is to be: text, any JSON object, or JSON that fits a schema."""

    model_config = ConfigDict(strict=True, extra="ignore")
    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaTold | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> "ResponseFormat":
        if self.type == "json_schema" and (self.json_schema is None or self.json_schema.told is None):
            raise PydanticCustomError("schema", "the type json_schema needs json_schema.schema")
        return self


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=MOST_PATTERN)]
Choices = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=MOST_PATTERN)]],
    Field(min_length=1, max_length=MOST_GUIDED_CHOICES),
]


class StructuredOutputs(BaseModel):
    """The same in vLLM's words."""

    model_config = ConfigDict(strict=True, extra="ignore")
    regex: Pattern | None = None
    told: dict[str, Any] | bool | str | None = Field(None, alias="json")
    choice: Choices | None = None
    json_object: bool | None = None


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
    typical_p: float | None = Field(None, gt=0, le=1)
    repetition_penalty: float | None = Field(
        None, gt=0, le=10, description="above 1: what was said becomes less likely"
    )
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[TokenName, Annotated[float, Field(ge=-100, le=100)]] | None = Field(None, max_length=MOST_BIASES)
    min_tokens: int | None = Field(None, ge=0, le=MOST_TOKENS)
    ignore_eos: bool | None = None
    best_of: int | None = Field(
        None, ge=1, le=MOST_BEAMS, description="so many answers are made, and the `n` likeliest of them are told"
    )
    use_beam_search: bool | None = Field(
        None, description="search for the likeliest answers with `best_of` (or `n`) beams instead of drawing"
    )
    length_penalty: float | None = Field(
        None, ge=-5, le=5, description="of a search: a beam's log-probability is divided by its length to this power"
    )
    response_format: ResponseFormat | None = None
    guided_regex: Pattern | None = None
    guided_json: dict[str, Any] | bool | Pattern | None = None
    guided_choice: Choices | None = None
    structured_outputs: StructuredOutputs | None = None

    @property
    def biases(self) -> tuple[tuple[int, float], ...]:
        """The bias of each token."""
        return tuple((int(token), bias) for token, bias in (self.logit_bias or {}).items())

    @property
    def stops(self) -> list[str]:
        """The stop strings as a list."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())

    @property
    def told(self) -> int:
        """How many answers to each prompt the client gets."""
        return self.n or 1

    @property
    def made(self) -> int:
        """How many are made to choose these from."""
        return self.best_of or self.told

    @property
    def usage_streamed(self) -> bool:
        """Whether a stream is to end with the count of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)


class FunctionTold(BaseModel):
    """A function that can be called."""

    model_config = ConfigDict(strict=True, extra="ignore")
    name: str = Field(pattern=r"^[a-zA-Z0-9_.-]+$", max_length=MOST_NAME)
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(BaseModel):
    """A tool; functions are the only kind."""

    model_config = ConfigDict(strict=True, extra="ignore")
    type: Literal["function"]
    function: FunctionTold


class FunctionNamed(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")
    name: str = Field(max_length=MOST_NAME)


class ToolNamed(BaseModel):
    """The one tool that must be called."""

    model_config = ConfigDict(strict=True, extra="ignore")
    type: Literal["function"]
    function: FunctionNamed


class ChatAsked(Asked):
    """POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MOST_TOP)
    tools: list[Tool] | None = Field(None, max_length=MOST_TOOLS)
    tool_choice: Literal["none", "auto", "required"] | ToolNamed | None = None
    parallel_tool_calls: bool | None = None

    @property
    def offered(self) -> list[dict[str, Any]]:
        """The tools that the model is told of: none of them if it may not call any."""
        told = [] if self.tool_choice == "none" else self.tools or []
        return [tool.model_dump(exclude_none=True) for tool in told]

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


class DetokenizeAsked(BaseModel):
    """POST /detokenize."""

    model_config = ConfigDict(strict=True, extra="ignore")
    model: str | None = Field(None, max_length=256)
    tokens: list[Id] = Field(max_length=MOST_TOKENS)


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
    variants = ("str", "Part", "constrained", "ToolNamed", "bool", "none")
    field = ".".join(step for step in steps if step not in variants)[:120]
    return Refusal(400, f"{field}: {first['msg'][0].lower()}{first['msg'][1:]}", "invalid_value", field or None)


def schema(kind: type[BaseModel]) -> dict[str, Any]:
    """For the description of the API: what a route's body may hold."""
    told = kind.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": told}}}}
