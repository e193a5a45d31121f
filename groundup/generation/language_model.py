"""A model with its tokenizer: what `groundup.load` returns, and what most people ever need of this room.

Text goes in and text comes out; ids are taken wherever text is. The rooms below stay reachable as `.model`, `.tokenizer`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation import batch, beam
from groundup.generation.captured_step import CapturedStep
from groundup.generation.compiled_step import CompiledStep, decoder_for
from groundup.generation.constrained import forms
from groundup.generation.constrained.masks import Masks, Vocabulary
from groundup.generation.engine import Engine, Request
from groundup.generation.sample import Sampling
from groundup.generation.speculation import drafters
from groundup.generation.speculation.small_model import SmallModel, must_share_vocabulary
from groundup.generation.speculation.speculation import Speculation
from groundup.generation.utterance import Utterance
from groundup.model import folder, gguf
from groundup.model.architectures import must_write
from groundup.model.transformer import Transformer
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.foreign import ForeignTemplate
from groundup.tokenizer.foreign import read as read_template
from groundup.tokenizer.stream import Streamer

Message = Mapping[str, Any]
Draft: TypeAlias = (
    "str | Path | LanguageModel | Speculation"  # a drafter's name; a small model; what `speculation` made
)
Prompt = str | Sequence[int] | Sequence[Message] | np.ndarray | Tensor


@dataclass(frozen=True)
class Item:
    """One token of a stream. Its text is empty while a character is incomplete; the last item has a `finish`."""

    text: str
    id: int
    logprob: float  # in nats, by the model itself
    top: list[tuple[int, float]] = field(default_factory=list)
    finish: str | None = None  # "stop" or "length"


class LanguageModel:
    """Answers in text. A prompt is text, token ids, or messages of a conversation."""

    def __init__(
        self,
        model: Transformer,
        tokenizer: Tokenizer | None = None,
        template: str | None = None,
        stop_ids: Sequence[int] | None = None,
        foreign: ForeignTemplate | None = None,
        decode: str = "auto",
    ):
        """template: the name of one of our chat templates; foreign: the one that came with the model, where it is none of them.

        decode: what writes one token after another on a processor, one of `compiled_step.WAYS`.
        """
        must_write(model.settings)
        self.foreign = foreign
        self.model, self.template, self._tokenizer = model.eval(), template, tokenizer
        self.stop_ids = list(stop_ids) if stop_ids is not None else self._usual_stops()
        self.context, self.decode = model.settings.context, decode
        self.draft: Draft | None = None  # what drafts when nobody says otherwise,
        self.draft_length: int | None = None  # and how many tokens a round; as many as pay

    @cached_property
    def decoder(self) -> CompiledStep | CapturedStep | None:
        """What takes the model's place when one token of each text is read; None: nothing does."""
        return decoder_for(self.model, self.decode)

    @property
    def reader(self) -> Callable[..., Tensor] | None:
        """What takes the model's place when a prompt is read; None: nothing does."""
        return self.decoder.prompt if self.decoder else None

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer; a Problem if the model came without one."""
        if self._tokenizer is None:
            raise Problem(
                "this model has no tokenizer beside it: give token ids instead of text, or save a tokenizer in its folder"
            )
        return self._tokenizer

    def _usual_stops(self) -> list[int]:
        if self._tokenizer is None:
            return []
        if self.template:
            return chat.stop_ids(self._tokenizer, self.template)
        return chat.separator_ids(self._tokenizer)

    def _utterance(self, stop: str | Sequence[str], prompt: Prompt) -> Utterance:
        """For one answer; a model without a tokenizer gives tokens without text."""
        if self._tokenizer is None:
            streamer = Streamer(lambda token: b"")
        else:
            lead = chat.lead(self._tokenizer, self.template) if _is_conversation(prompt) else ""
            streamer = self._tokenizer.streamer(lead)
        return Utterance(streamer, [stop] if isinstance(stop, str) else stop)

    def ids(self, prompt: Prompt) -> list[int]:
        """A prompt as the model reads it: text after the separator of documents, messages with the reply opened."""
        if isinstance(prompt, str):
            return chat.separator_ids(self.tokenizer) + self.tokenizer.encode(prompt).tolist()
        if isinstance(prompt, np.ndarray | Tensor):
            return [int(token) for token in prompt.tolist()]
        if _is_conversation(prompt):
            return self.conversation(prompt)
        return [int(token) for token in prompt]  # type: ignore[arg-type]

    def conversation(self, messages: Sequence[Any]) -> list[int]:
        """Messages as ids, with the assistant's turn opened."""
        if not self.template and self.foreign:
            return self.foreign.ids(self.tokenizer, messages)
        if not self.template:
            raise Problem(
                "this model has no chat template, so it has not learned to converse: give it a text to go on with"
            )
        return chat.render(self.tokenizer, messages, self.template, reply=True).ids.tolist()

    @torch.inference_mode()
    def logits(self, ids: np.ndarray | Tensor | Sequence) -> Tensor:
        """ids (time) or (batch, time) -> logits (…, time, vocabulary) in f32."""
        ids = torch.as_tensor(np.asarray(ids, np.int64) if not isinstance(ids, Tensor) else ids)
        ids = ids.to(next(self.model.parameters()).device, torch.int64)
        logits = self.model(ids[None] if ids.ndim == 1 else ids).float()
        return logits[0] if ids.ndim == 1 else logits

    def score(self, text: str | Sequence[int] | np.ndarray) -> np.ndarray:
        """The log-probability of each token in nats; of ids, the first has nothing before it and gets 0."""
        ids = self.ids(text)
        scores = batch.score(self.model, [ids])[0]
        return (
            scores[1:]
            if isinstance(text, str) and len(ids) > 0 and ids[0] in self.tokenizer.specials.values()
            else scores
        )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What each token adds to an answer, for forms."""
        return Vocabulary.of(self.tokenizer, self.model.settings.vocabulary)

    def form(self, build: forms.Build, answer: bool = False) -> Masks:
        """A form that a text is held to (`constrained/forms.py`); `answer`: in a conversation."""
        lead = chat.lead(self.tokenizer, self.template) if answer else ""
        return forms.form(self.vocabulary, build, lead)

    def _form(self, asked: Mapping[str, Any], prompt: Prompt) -> Masks | None:
        """The form that the words of `stream` ask for."""
        wanted = {name: value for name, value in asked.items() if value not in (None, False)}
        if len(wanted) > 1:
            raise Problem(f"{' and '.join(wanted)} were asked for at once: a text can be held to one form")
        builds = {"regex": forms.by_regex, "json_schema": forms.by_schema, "choices": forms.by_choice}
        for name, value in wanted.items():
            build = forms.json_object() if name == "json_object" else builds[name](value)
            return self.form(build, _is_conversation(prompt))
        return None

    def stream(
        self,
        prompt: Prompt,
        max_tokens: int = 256,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        seed: int = 0,
        stop: str | Sequence[str] = (),
        top: int = 0,
        ignore_eos: bool = False,
        min_tokens: int = 0,
        logit_bias: Mapping[int, float] | None = None,
        regex: str | None = None,
        json_schema: Any = None,
        choices: Sequence[str] | None = None,
        json_object: bool = False,
        draft: "Draft | None" = None,
        **sampling: float,
    ) -> Iterator[Item]:
        """One item for each token as it is made; `top` asks for the most likely alternatives, too.

        regex, json_schema, choices, json_object: the form that the text is held to. `sampling`: typical_p,
        repetition_penalty, presence_penalty and frequency_penalty, as in `Sampling`. With a `draft` (see `speculation`)
        the text follows the same distribution, and comes faster where the draft is good.
        """
        bias = tuple((logit_bias or {}).items())
        chosen = Sampling(temperature, top_k, top_p, min_p, seed, logit_bias=bias, **sampling)  # type: ignore[arg-type]
        asked = {"regex": regex, "json_schema": json_schema, "choices": choices, "json_object": json_object}
        form = self._form(asked, prompt)
        stops = frozenset() if ignore_eos else frozenset(self.stop_ids)
        utterance = self._utterance(stop, prompt)
        draft = self.draft if draft is None else draft
        speculation = None if draft is None else self.speculation(draft)
        way = {"decoder": self.decoder, "reader": self.reader}
        engine = Engine(self.model, slots=1, context=self.context, speculation=speculation, **way)
        ids = self.ids(prompt)
        engine.add(Request(ids, max_tokens, chosen, stops, top, min_tokens=min_tokens, constraint=form))
        while not engine.idle:
            for event in engine.step():
                text = "" if event.finish == "stop" else utterance.push(event.token)
                finish = "stop" if utterance.stopped or event.finish == "complete" else event.finish
                if finish:
                    text += utterance.flush()
                yield Item(text, event.token, event.logprob, event.top, finish)
                if finish:
                    return

    def speculation(
        self, draft: Draft, length: int | None = None, rule: str = "rejection", rows: int = 4
    ) -> Speculation:
        """What drafts for this model, to give as `draft` to stream, generate and chat; its `tally` counts what stayed.

        draft: lookup (what followed the same words before), self or self:N (the first layers), skip (every second
        layer), heads (if the model foretells several tokens), or a smaller model of the same tokenizer.
        length: tokens a round; None: `draft_length`, or as many as pay. rule: rejection, or same (a seed gives the text it gives without).
        """
        if isinstance(draft, Speculation):
            return draft
        length = self.draft_length if length is None else length
        quick = self.decoder.several if self.decoder else None
        if isinstance(draft, str) and (drafters.is_named(draft) or not Path(draft).exists()):
            return Speculation(self.model, drafters.drafter(draft, self.model, rows), length, rule, rows, quick)
        small = draft if isinstance(draft, LanguageModel) else load(draft)
        must_share_vocabulary(small.model.settings, self.model.settings, small._tokenizer, self._tokenizer)
        drafter = SmallModel(small.model, self.model, rows, small.decoder)
        return Speculation(self.model, drafter, length, rule, rows, quick)

    def generate(
        self,
        prompt: Prompt,
        max_tokens: int = 256,
        temperature: float = 1.0,
        seed: int = 0,
        beams: int = 1,
        length_penalty: float = 1.0,
        **how: Any,
    ) -> str:
        """The text that goes on after a prompt; `how` is as in `stream`. With several beams: the likeliest text that a
        search finds, where nothing is drawn, so that temperature and seed are of no account."""
        if beams == 1:
            return "".join(item.text for item in self.stream(prompt, max_tokens, temperature, seed=seed, **how))
        if unable := [name for name in how if name not in ("stop", "ignore_eos")]:
            raise Problem(
                f"{unable[0]} cannot be asked for together with beams: a search takes the likeliest text as it is"
            )
        stops = () if how.get("ignore_eos") else self.stop_ids
        found = beam.search(self.model, self.ids(prompt), max_tokens, beams, stops, length_penalty, self.context)[0]
        utterance = self._utterance(how.get("stop", ()), prompt)
        return "".join([*(utterance.push(token) for token in found.ids), utterance.flush()])

    def chat(
        self, messages: Sequence[Message], max_tokens: int = 256, temperature: float = 1.0, seed: int = 0, **how: Any
    ) -> str:
        """The assistant's next turn in a conversation."""
        if not _is_conversation(messages):
            raise Problem(
                'a chat takes messages, like [{"role": "user", "content": "Hello"}]; give a text to generate instead'
            )
        return self.generate(messages, max_tokens, temperature, seed, **how)

    def generate_many(
        self,
        prompts: Sequence[Prompt],
        max_tokens: int | Sequence[int] = 64,
        sampling: Sampling | Sequence[Sampling] = batch.GREEDY,
        stop: str | Sequence[str] = (),
        rows: int = 256,
        **how: Any,
    ) -> list[str]:
        """The same for thousands of prompts together, greedy unless told otherwise."""
        utterances = [self._utterance(stop, prompt) for prompt in prompts]
        texts: list[list[str]] = [[] for _ in prompts]

        def read(index: int, token: int) -> bool:
            texts[index].append(utterances[index].push(token))
            return utterances[index].stopped

        ids = [self.ids(prompt) for prompt in prompts]
        how = {"decoder": self.decoder, **how}
        batch.generate(self.model, ids, max_tokens, sampling, self.stop_ids, read, rows, self.context, **how)
        return ["".join([*text, utterance.flush()]) for text, utterance in zip(texts, utterances, strict=True)]


def _is_conversation(prompt: Prompt) -> bool:
    return not isinstance(prompt, str | np.ndarray | Tensor) and any(isinstance(part, Mapping) for part in prompt)


def load(path: str | Path, precision: str | None = None, decode: str = "auto") -> LanguageModel:
    """A model's folder (ours or Hugging Face's, with or without a tokenizer) or a GGUF file, as stored or in
    another precision: f32, bf16, f16, int8. decode: auto, native or torch, see `compiled_step.WAYS`."""
    path = Path(path)
    if path.suffix == ".gguf":
        model = quickest(gguf.read(path, precision))
        file = gguf.GGUF(path)
        tokenizer, template = gguf.tokenizer_of(file)
        written = file.facts.get("tokenizer.chat_template")
        foreign = (
            ForeignTemplate(written, _called(file)) if tokenizer and not template and isinstance(written, str) else None
        )
        return LanguageModel(model, tokenizer, template, foreign=foreign, decode=decode)
    if not path.is_dir():
        raise Problem(f"there is no model at {path}: give a model's folder, or a file that ends in .gguf")
    loaded = folder.load(path, precision)
    if loaded.settings.encoder is not None:
        raise Problem(
            f"{path} holds a model that reads one text and writes another ({loaded.settings.family}), which cannot go on with "
            f"a text: load it with groundup.model.folder.load, and give it sources with groundup.generation.sequence.translate"
        )
    model = quickest(loaded)
    if not (path / "tokenizer.json").exists():
        return LanguageModel(model, decode=decode)
    ours, foreign = read_template(path)
    template = folder.template(path) or ours
    return LanguageModel(model, Tokenizer.load(path), template, stops_of(path), None if template else foreign, decode)


def _called(file: gguf.GGUF) -> dict[str, str]:
    """What a GGUF file's chat template calls special tokens."""
    tokens, ids = file.facts.get("tokenizer.ggml.tokens", []), {}
    for name in ("bos", "eos"):
        token = file.facts.get(f"tokenizer.ggml.{name}_token_id")
        if isinstance(token, int) and token < len(tokens):
            ids[f"{name}_token"] = tokens[token]
    return ids


def quickest(model: Transformer) -> Transformer:
    """The model with the attention that measured fastest: torch's fused kernel, except in bf16 on processors (by a tenth)."""
    like = next(model.parameters())
    model.attention = "plain" if like.device.type == "cpu" and like.dtype == torch.bfloat16 else "fused"
    return model


def stops_of(path: Path) -> list[int] | None:
    """The ids at which the folder's generation_config.json says that an answer ends, if it says so."""
    file = path / "generation_config.json"
    if not file.exists():
        return None
    try:
        told = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id")
    except (ValueError, AttributeError, RecursionError):
        raise Problem(
            f"{file} is not JSON with settings in it: remove it, or copy it again from where the model was made"
        ) from None
    if told is None:
        return None
    return [int(told)] if isinstance(told, int) else [int(token) for token in told]
