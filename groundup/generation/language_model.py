"""A model with its tokenizer: what `groundup.load` returns, and what most people ever need of this room.

Text goes in and text comes out; ids are taken wherever text is. The rooms below stay reachable as `.model`, `.tokenizer`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation import batch
from groundup.generation.engine import Engine, Request
from groundup.generation.reading import Reading
from groundup.generation.sample import Sampling
from groundup.model import folder, gguf
from groundup.model.architectures import must_write
from groundup.model.transformer import Transformer
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.stream import Streamer

Message = Mapping[str, Any]
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
    ):
        must_write(model.settings)
        self.model, self.template, self._tokenizer = model.eval(), template, tokenizer
        self.stop_ids = list(stop_ids) if stop_ids is not None else self._usual_stops()
        self.context = model.settings.context

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

    def _reading(self, stop: str | Sequence[str], prompt: Prompt) -> Reading:
        """For one answer; a model without a tokenizer gives tokens without text."""
        if self._tokenizer is None:
            streamer = Streamer(lambda token: b"")
        else:
            lead = chat.lead(self._tokenizer, self.template) if _is_conversation(prompt) else ""
            streamer = self._tokenizer.streamer(lead)
        return Reading(streamer, [stop] if isinstance(stop, str) else stop)

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
    ) -> Iterator[Item]:
        """One item for each token as it is made; `top` asks for the most likely alternatives, too."""
        sampling = Sampling(temperature, top_k, top_p, min_p, seed)
        stops = frozenset() if ignore_eos else frozenset(self.stop_ids)
        reading = self._reading(stop, prompt)
        engine = Engine(self.model, slots=1, context=self.context)
        engine.add(Request(self.ids(prompt), max_tokens, sampling, stops, top))
        while not engine.idle:
            for event in engine.step():
                text = "" if event.finish == "stop" else reading.push(event.token)
                finish = "stop" if reading.stopped else event.finish
                if finish:
                    text += reading.flush()
                yield Item(text, event.token, event.logprob, event.top, finish)
                if finish:
                    return

    def generate(
        self, prompt: Prompt, max_tokens: int = 256, temperature: float = 1.0, seed: int = 0, **how: Any
    ) -> str:
        """The text that goes on after a prompt; `how` is as in `stream`."""
        return "".join(item.text for item in self.stream(prompt, max_tokens, temperature, seed=seed, **how))

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
        readings = [self._reading(stop, prompt) for prompt in prompts]
        texts: list[list[str]] = [[] for _ in prompts]

        def read(index: int, token: int) -> bool:
            texts[index].append(readings[index].push(token))
            return readings[index].stopped

        ids = [self.ids(prompt) for prompt in prompts]
        batch.generate(self.model, ids, max_tokens, sampling, self.stop_ids, read, rows, self.context, **how)
        return ["".join([*text, reading.flush()]) for text, reading in zip(texts, readings, strict=True)]


def _is_conversation(prompt: Prompt) -> bool:
    return not isinstance(prompt, str | np.ndarray | Tensor) and any(isinstance(part, Mapping) for part in prompt)


def load(path: str | Path, precision: str | None = None) -> LanguageModel:
    """A model's folder (ours or Hugging Face's, with or without a tokenizer) or a GGUF file, as stored or in
    another precision: f32, bf16, f16, int8."""
    path = Path(path)
    if path.suffix == ".gguf":
        model = quickest(gguf.read(path, precision))
        tokenizer, template = gguf.tokenizer_of(gguf.GGUF(path))
        return LanguageModel(model, tokenizer, template)
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
        return LanguageModel(model)
    return LanguageModel(model, Tokenizer.load(path), folder.template(path), stops_of(path))


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
