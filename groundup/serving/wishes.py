"""What a request wishes of the answer, as the engine takes it: how tokens are chosen, and the form that they must have.

Forms that were asked for of late are kept, for clients ask for the same one again and again.
"""

import json
import threading
from collections import OrderedDict
from typing import Any

from pydantic_core import from_json

from groundup.errors import Problem
from groundup.generation.constrained import calls, forms
from groundup.generation.constrained.masks import Masks
from groundup.generation.language_model import LanguageModel
from groundup.generation.sample import Sampling
from groundup.serving.protocol import Asked, ChatAsked, ToolNamed
from groundup.serving.refusal import Refusal
from groundup.tokenizer.templates import ToolForm
from groundup.tokenizer.tools import form_of

KEPT = 16  # forms


def sampling_of(asked: Asked, seed: int) -> Sampling:
    """How the answer's tokens are chosen; what is left out changes nothing."""
    return Sampling(
        temperature=1.0 if asked.temperature is None else asked.temperature,
        top_k=max(asked.top_k or 0, 0),
        top_p=asked.top_p or 1.0,
        min_p=asked.min_p or 0.0,
        seed=seed,
        typical_p=asked.typical_p or 1.0,
        repetition_penalty=asked.repetition_penalty or 1.0,
        presence_penalty=asked.presence_penalty or 0.0,
        frequency_penalty=asked.frequency_penalty or 0.0,
        logit_bias=asked.biases,
    )


class Forms:
    """The forms that are asked of one model."""

    def __init__(self, lm: LanguageModel, template: str | None, lead: str):
        """lead: what an answer in a conversation begins with that is not part of what is said."""
        self.lm, self.template, self.lead = lm, template, lead
        self.kept: OrderedDict[str, Masks] = OrderedDict()
        self.lock = threading.Lock()

    def asked(self, asked: Asked) -> Masks | None:
        """The form that a request wishes for; a Refusal where it cannot be held. May take a while."""
        if any(token >= self.lm.model.settings.vocabulary for token, _ in asked.biases):
            raise Refusal(400, "logit_bias names a token that this model does not know", "invalid_value", "logit_bias")
        told = wished(asked)
        tools = tools_of(asked) if isinstance(asked, ChatAsked) else None
        if told is None and tools is None:
            return None
        lead = self.lead if isinstance(asked, ChatAsked) else ""
        key = json.dumps([told, tools, lead], sort_keys=False)
        with self.lock:
            if key not in self.kept:
                self.kept[key] = self._made(told, tools, lead)
            self.kept.move_to_end(key)
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
            return self.kept[key]

    def _made(self, told: tuple[str, Any] | None, tools: dict[str, Any] | None, lead: str) -> Masks:
        try:
            build = built(*told) if told else None
            if tools:
                build = self._calls(tools, build)
            assert build is not None
            return forms.form(self.lm.vocabulary, build, lead)
        except Problem as problem:
            raise Refusal(
                400, str(problem)[:600], "invalid_value", "tools" if tools else told[0] if told else None
            ) from None

    def _calls(self, tools: dict[str, Any], besides: forms.Build | None) -> forms.Build:
        """Calls, and what else the answer may be."""
        told = form_of(self.template or "plain")
        if besides is not None and not tools["must"]:
            if told.apart is None:
                raise Problem(
                    "a call and another form cannot be told apart in this model's chat template: ask for one of them"
                )
            return calls.by_call(tools["offered"], told, tools["several"], besides)
        if tools["must"]:
            return calls.by_call(tools["offered"], told, tools["several"])
        return calls.by_text_or_call(tools["offered"], told, tools["several"])

    def tool_form(self, asked: ChatAsked) -> ToolForm | None:
        """How calls are written in the answer; None where there can be none."""
        return form_of(self.template or "plain") if asked.offered else None


def built(field: str, value: Any) -> forms.Build:
    """A form out of a field of the request."""
    if field in ("guided_regex", "structured_outputs.regex"):
        return forms.by_regex(value)
    if field in ("guided_choice", "structured_outputs.choice"):
        return forms.by_choice(value)
    if value is None:
        return forms.json_object()
    return forms.by_schema(value)


def wished(asked: Asked) -> tuple[str, Any] | None:
    """The field that asks for a form, and what it says; there may be one such field."""
    found: list[tuple[str, Any]] = []
    format_ = asked.response_format
    if format_ and format_.type != "text":
        found.append(("response_format", format_.json_schema.told if format_.json_schema else None))
    for field in ("guided_regex", "guided_choice"):
        if getattr(asked, field) is not None:
            found.append((field, getattr(asked, field)))
    if asked.guided_json is not None:
        found.append(("guided_json", schema_told("guided_json", asked.guided_json)))
    if more := asked.structured_outputs:
        if more.told is not None:
            found.append(("structured_outputs.json", schema_told("structured_outputs.json", more.told)))
        if more.json_object:
            found.append(("structured_outputs.json_object", None))
        named = (("structured_outputs.regex", more.regex), ("structured_outputs.choice", more.choice))
        found += [(field, value) for field, value in named if value is not None]
    if len(found) > 1:
        raise Refusal(
            400,
            f"{found[0][0]} and {found[1][0]} ask for two forms: an answer can have one",
            "invalid_value",
            found[1][0],
        )
    return found[0] if found else None


def schema_told(field: str, value: Any) -> Any:
    """A schema, which may come as text."""
    if not isinstance(value, str):
        return value
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError:
        raise Refusal(
            400, f"{field} is a text, but not JSON: give the schema as an object", "invalid_json", field
        ) from None


def tools_of(asked: ChatAsked) -> dict[str, Any] | None:
    """The tools that may be called, whether one must be, and whether several may."""
    offered, choice = asked.offered, asked.tool_choice
    if not offered:
        if choice not in (None, "none", "auto"):
            raise Refusal(400, "tool_choice asks for a call, and there are no tools", "invalid_value", "tool_choice")
        return None
    several = asked.parallel_tool_calls is not False
    if isinstance(choice, ToolNamed):
        offered = [tool for tool in offered if tool["function"]["name"] == choice.function.name]
        if not offered:
            raise Refusal(400, "tool_choice names a tool that is not among the tools", "invalid_value", "tool_choice")
        several = False
    return {"offered": offered, "must": choice == "required" or isinstance(choice, ToolNamed), "several": several}
