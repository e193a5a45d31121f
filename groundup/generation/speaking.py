"""A model in this process, asked by many at once: whoever asks while it writes is answered together in the next batch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundup.data.synthetic.speaker import Message, Said, Sampling, Silent

if TYPE_CHECKING:
    from groundup.generation.language_model import LanguageModel

ROWS = 64  # answers written side by side


@dataclass(frozen=True)
class Wish:
    """One question on its way, and where its answer is awaited."""

    messages: Sequence[Message]
    sampling: Sampling
    seed: int
    answer: "asyncio.Future[Said]"


class Speaking:
    """Answers conversations; a model that never learnt to converse goes on from the text of what is said."""

    def __init__(self, model: "LanguageModel", name: str):
        self.model, self.name = model, name
        self.waiting: list[Wish] = []
        self.writing: asyncio.Task[None] | None = None

    async def say(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Said:
        """The answer, once the batch that it is written in is done."""
        wish = Wish(messages, sampling, seed, asyncio.get_running_loop().create_future())
        self.waiting.append(wish)
        if self.writing is None or self.writing.done():
            self.writing = asyncio.ensure_future(self._write())
        return await wish.answer

    async def _write(self) -> None:
        while self.waiting:
            await asyncio.sleep(0)  # all who are about to ask join
            some, self.waiting = self.waiting[:ROWS], self.waiting[ROWS:]
            try:
                made = await asyncio.to_thread(self._answers, some)
            except BaseException as error:
                for wish in some:
                    if not wish.answer.done():
                        wish.answer.set_exception(error)
                raise
            for wish, said in zip(some, made, strict=True):
                if wish.answer.done():
                    continue
                if isinstance(said, Silent):
                    wish.answer.set_exception(said)
                else:
                    wish.answer.set_result(said)

    def _answers(self, wishes: Sequence[Wish]) -> "list[Said | Silent]":
        from groundup.generation import batch, sample

        prompts = [self._ids(wish.messages) for wish in wishes]
        room = [self.model.context - len(prompt) - 1 for prompt in prompts]
        fit = [n for n in range(len(wishes)) if room[n] > 0]
        answers = batch.generate(
            self.model.model,
            [prompts[n] for n in fit],
            [min(wishes[n].sampling.max_tokens, room[n]) for n in fit],
            [
                sample.Sampling(wishes[n].sampling.temperature, 0, wishes[n].sampling.top_p, 0.0, wishes[n].seed)
                for n in fit
            ],
            self.model.stop_ids,
            context=self.model.context,
            decoder=self.model.decoder,
        )
        told: list[Said | Silent] = [
            Silent(f"the prompt has {len(prompt)} tokens, the model reads {self.model.context}") for prompt in prompts
        ]
        for n, answer in zip(fit, answers, strict=True):
            text = self.model.tokenizer.decode(answer.ids).strip()
            told[n] = Said(text, answer.finish, len(prompts[n]), len(answer.ids))
        return told

    def _ids(self, messages: Sequence[Message]) -> list[int]:
        if self.model.template or self.model.foreign:
            return self.model.ids([dict(message) for message in messages])
        return self.model.ids("\n\n".join(message["content"] for message in messages) + "\n\n")
