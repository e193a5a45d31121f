"""The routes: a request comes in through the guard, becomes an order, and its pieces go out as JSON or as a stream.

`build` takes models that are loaded and returns the application; whoever runs it starts the house's workers.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

import groundup
from groundup.generation.language_model import LanguageModel
from groundup.serving import embeddings, facts, protocol, searching
from groundup.serving.answers import ChatForm, CompletionForm, Form
from groundup.serving.filters import Filters
from groundup.serving.guard import Guard
from groundup.serving.house import House, Order
from groundup.serving.keys import Keys
from groundup.serving.leaving import left, unless_gone
from groundup.serving.limits import Limits
from groundup.serving.protocol import ChatAsked, CompletionAsked, DetokenizeAsked, TokenizeAsked
from groundup.serving.refusal import Refusal, given_up

SUGGESTIONS = ["Who are you?", "Tell me a story.", "What is 7 + 5?", "Write a letter to a friend."]


def build(
    models: dict[str, LanguageModel],
    limits: Limits | None = None,
    keys: Keys | None = None,
    suggestions: list[str] | None = None,
    filters: Filters | None = None,
    load: Callable[[str], LanguageModel] | None = None,
    open_metrics: bool = False,
) -> FastAPI:
    """The application around these models, the first one the default; its `state.house` has the workers."""
    house = House(models, limits or Limits(), keys, filters, load)
    api = FastAPI(title="groundup", version=groundup.__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    api.state.house = house
    api.add_middleware(Guard, house=house, open_metrics=open_metrics)
    api.add_exception_handler(HTTPException, _not_here)
    _add_answers(api, house)
    _add_tokens(api, house)
    embeddings.add(api, house)
    facts.add_facts(api, house, suggestions or SUGGESTIONS)
    facts.add_page(api)
    return api


async def _not_here(request: Request, error: Exception) -> Response:
    """Unknown paths and methods, in the words of the API."""
    assert isinstance(error, HTTPException)  # only for those it is registered
    raise Refusal(error.status_code, "there is nothing at this address, or not with this method", "not_found")


def _add_answers(api: FastAPI, house: House) -> None:
    """The routes that make a model write."""

    @api.post("/v1/chat/completions", openapi_extra=protocol.schema(ChatAsked))
    async def chat(request: Request) -> Response:
        """The next turn of a conversation."""
        asked = protocol.read(ChatAsked, await request.body())
        model = house.model(asked.model)
        searching.check(asked, model.lm.model.settings.vocabulary)
        order = house.order(model, asked, asked.made, request.scope["visit"])
        try:
            ids = await asyncio.to_thread(model.conversation, asked.messages, asked.offered)
            held = await asyncio.to_thread(model.forms.asked, asked)
            order.begin([ids], asked.limit, asked.top, tells_end=False, lead=model.lead, form=held)
            return await _answer(request, order, ChatForm(order, model.forms.tool_form(asked)))
        except BaseException:
            order.close()
            raise

    @api.post("/v1/completions", openapi_extra=protocol.schema(CompletionAsked))
    async def complete(request: Request) -> Response:
        """What goes on after one prompt or several."""
        asked = protocol.read(CompletionAsked, await request.body())
        model, prompts = house.model(asked.model), asked.prompts
        searching.check(asked, model.lm.model.settings.vocabulary)
        order = house.order(model, asked, len(prompts) * asked.made, request.scope["visit"])
        try:
            ids = await asyncio.to_thread(lambda: [model.text(prompt) for prompt in prompts])
            held = await asyncio.to_thread(model.forms.asked, asked)
            form = CompletionForm(order)
            if asked.echo:
                await _echo(request, order, form, prompts, ids)
            order.begin(ids, asked.limit, asked.top, tells_end=True, form=held)
            return await _answer(request, order, form)
        except BaseException:
            order.close()
            raise


def _add_tokens(api: FastAPI, house: House) -> None:
    """Texts as ids and back."""

    @api.post("/tokenize", openapi_extra=protocol.schema(TokenizeAsked))
    async def tokenize(request: Request) -> Response:
        """A text, or a conversation with its control tokens, as ids."""
        asked = protocol.read(TokenizeAsked, await request.body())
        model = house.model(asked.model)
        if (asked.prompt is None) == (asked.messages is None):
            raise Refusal(400, "give either a prompt or messages", "invalid_value", "prompt")
        if asked.messages:
            ids = await asyncio.to_thread(model.conversation, asked.messages)
        else:
            ids = (await asyncio.to_thread(model.lm.tokenizer.encode, asked.prompt or "")).tolist()
        names = [model.bytes_of(token).decode(errors="replace") for token in ids]
        told = {"count": len(ids), "max_model_len": model.lm.context, "tokens": ids, "token_strs": names}
        if asked.trees:
            told["trees"] = await asyncio.to_thread(lambda: model.trees.of(ids))
        return JSONResponse(told)

    @api.post("/detokenize", openapi_extra=protocol.schema(DetokenizeAsked))
    async def detokenize(request: Request) -> Response:
        """The text of ids; a control token is written by its name."""
        asked = protocol.read(DetokenizeAsked, await request.body())
        model = house.model(asked.model)
        if max(asked.tokens, default=0) >= model.lm.model.settings.vocabulary:
            raise Refusal(400, "there are token ids that this model does not know", "invalid_value", "tokens")
        return JSONResponse({"prompt": await asyncio.to_thread(model.written, asked.tokens)})


async def _echo(request: Request, order: Order, form: CompletionForm, prompts: list, ids: list[list[int]]) -> None:
    """Let each text begin with its prompt, and the log-probabilities with the prompt's."""
    each, form.echoes = order.count // len(ids), []
    for prompt, tokens in zip(prompts, ids, strict=True):
        text = prompt if isinstance(prompt, str) else order.model.plain(tokens)
        scored = []
        if form.top is not None:
            scored = await unless_gone(request, order.model.score(tokens, form.top))
        form.echoes += [(text, scored)] * each


async def _answer(request: Request, order: Order, form: Form) -> Response:
    """All at once, or a stream that closes the order when it ends or its reader leaves."""
    if order.asked.stream:
        return EventStream(_events(order, form), order)
    try:
        return JSONResponse(await unless_gone(request, _whole(order, form)))
    finally:
        order.close()


async def _whole(order: Order, form: Form) -> dict[str, Any]:
    texts, tokens, finishes = [""] * order.count, [[] for _ in range(order.count)], [""] * order.count
    async for piece in order.pieces():
        if piece is None:
            continue
        if piece.finish == "error":
            raise given_up()
        texts[piece.choice] += piece.text
        tokens[piece.choice] += piece.tokens
        finishes[piece.choice] = piece.finish or ""
    return form.whole(texts, tokens, finishes, searching.chosen(order.asked, tokens))


async def _events(order: Order, form: Form) -> AsyncIterator[str]:
    """The lines of a stream of server-sent events."""
    for chunk in form.opening():
        yield _event(chunk)
    async for piece in order.pieces(order.model.limits.ping_seconds):
        if piece is None:
            yield ": still here\n\n"
            continue
        if piece.finish == "error":
            yield _event(given_up().body())
            return
        for chunk in form.chunks(piece):
            yield _event(chunk)
    if order.asked.usage_streamed:
        yield _event(form.usage_chunk())
    yield "data: [DONE]\n\n"


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(',', ':'))}\n\n"


class EventStream(Response):
    """Writes until the end, or until the client leaves; either way the order is closed at once."""

    def __init__(self, events: AsyncIterator[str], order: Order):
        self.events, self.order, self.background, self.status_code = events, order, None, 200
        self.init_headers({"content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no"})

    async def __call__(self, scope, receive, send) -> None:
        writing = asyncio.ensure_future(self._write(send))
        leaving = asyncio.ensure_future(left(receive))
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.order.close()
            leaving.cancel()
            if not writing.done():
                writing.cancel()
            await asyncio.gather(leaving, writing, return_exceptions=True)
        if not writing.cancelled() and (error := writing.exception()):
            raise error

    async def _write(self, send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for event in self.events:
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
