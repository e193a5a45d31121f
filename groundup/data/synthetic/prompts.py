"""What a model is asked to do, in words. Who changes a prompt raises its version: each line made by it tells which it was.

The recipes are published ones; the words are ours. `{name}` is filled in, and nothing else in a prompt means anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

SLOT = re.compile(r"\{([A-Za-z_]\w*)\}")


@dataclass(frozen=True)
class Prompt:
    """A prompt, and the published recipe that it follows."""

    version: int
    recipe: str
    text: str

    def filled(self, **slots: str) -> str:
        """The prompt with its slots filled."""
        return fill(self.text, slots)

    @property
    def bare(self) -> str:
        """Its own words alone."""
        return SLOT.sub(" ", self.text)


def fill(text: str, slots: Mapping[str, str]) -> str:
    """A text with each {name} replaced by its slot; what is filled in is not looked at again."""
    return SLOT.sub(lambda found: slots[found[1]], text)


STYLES = ("plain", "textbook", "question-and-answer", "summary")
PROMPTS = {
    "instructions.task": Prompt(
        1,
        "Self-Instruct (Wang et al. 2022): solved tasks are shown, a new one is asked for",
        "Below are some tasks that people gave to an assistant.\n\n{tasks}\n\nWrite one new task that differs from all of "
        "these in what it asks for and in how it is worded. It must be possible to do it by writing text alone. Write the task "
        "and nothing else.",
    ),
    "instructions.answer": Prompt(1, "Self-Instruct (Wang et al. 2022): the new task is done", "{task}"),
    "questions": Prompt(
        1,
        "questions grounded in a passage, as in the reading parts of Nemotron-CC (Su et al. 2024)",
        "Read this passage.\n\n{passage}\n\nWrite one question that the passage answers, and its answer in a sentence or two. "
        'Use nothing but what the passage says. Reply with JSON alone: {"question": "…", "answer": "…"}',
    ),
    "rewrite.plain": Prompt(
        1,
        "WRAP (Maini et al. 2024), its easy style",
        "Say the following text again in plain, short sentences that a child of ten would understand. Keep every fact, and "
        "add none. Write the new text and nothing else.\n\n{passage}",
    ),
    "rewrite.textbook": Prompt(
        1,
        "textbook style, as in phi-1.5 (Li et al. 2023) and Cosmopedia (2024)",
        "Turn the following text into a section of a textbook: explain what it tells in order, define what is needed, and "
        "keep to its facts. Write the section and nothing else.\n\n{passage}",
    ),
    "rewrite.question-and-answer": Prompt(
        1,
        "WRAP (Maini et al. 2024), its question and answer style",
        "Turn the following text into questions with their answers, as many as it takes to tell all of it. Begin each question "
        "with `Question:` and each answer with `Answer:`, on lines of their own. Write nothing else.\n\n{passage}",
    ),
    "rewrite.summary": Prompt(
        1,
        "distilling, as in Nemotron-CC (Su et al. 2024)",
        "Write a summary of the following text that keeps its main facts, names and numbers in about a third of its length. "
        "Write the summary and nothing else.\n\n{passage}",
    ),
    "judge": Prompt(
        1,
        "a model as judge (Zheng et al. 2023), one answer at a time",
        "Somebody was asked this:\n\n{asked}\n\nThey wrote this:\n\n{answer}\n\nHow good is it: is it right, does it do what was "
        "asked, is it clear? Reply with one number from 1 (useless) to 5 (excellent) and nothing else.",
    ),
}
