"""When an answer is right: its end decides, and it has to decide for one."""

import pytest

from groundup.evaluation.answers import Judge, last_sentence, shape
from groundup.evaluation.questions import Question


def question(text, *answers, choices=(), correct=-1):
    return Question(id=text, kind="any", question=text, answers=answers, choices=choices, correct=correct)


WHERE = question("Where is the lantern?", "mill")
WHO = question("Who has the lantern?", "Anna", "Anna Field")
BESIDE = question("Which place is beside the tower?", "hall", "the hall")
SUM = question("What is 4 + 5?", "9")
DOUBLE = question("What is 4 - 2?", "2")
YEAR = question("When was the mill founded?", "1722")
CHOICE = question("Who? A) Anna B) David C) Tess", "B) David", "David", choices=("Anna", "David", "Tess"), correct=1)
JUDGE = Judge([WHERE, WHO, BESIDE, SUM, DOUBLE, YEAR, CHOICE, question("Where is David?", "tower")])

RIGHT = [
    (WHERE, "The lantern is in the mill."),
    (WHERE, "Anna has the lantern. Anna was in the hall. The lantern is in the mill."),
    (WHERE, "David carried it, so: mill"),
    (WHERE, "THE MILL"),
    (WHERE, "It is in the mill, as Anna said."),
    (WHO, "Anna has the lantern."),
    (WHO, "The lantern is with Anna."),
    (WHO, "Anna Field."),
    (WHO, "Anna has the lantern in the mill."),
    (BESIDE, "The tower is beside the hall."),
    (BESIDE, "The hall is beside the tower."),
    (SUM, "1:5 2:6 3:7 4:8 5:9. 4 + 5 = 9."),
    (SUM, "9 apples"),
    (DOUBLE, "1:3 2:2. 4 - 2 = 2."),
    (YEAR, "The mill was founded in 1722."),
    (CHOICE, "Tess and Anna were out. B) David."),
    (CHOICE, "It was David."),
]
WRONG = [
    (WHERE, "The lantern is in the hall."),
    (WHERE, "The lantern is in the mill. No, it is in the hall."),
    (WHERE, "The lantern is in the mill or in the hall."),
    (WHERE, "Anna has the lantern."),
    (WHERE, "The miller has it."),
    (WHERE, ""),
    (WHO, "Anna or David has the lantern."),
    (WHO, "David has the lantern."),
    (BESIDE, "The tower."),
    (SUM, "4 + 5 = 8."),
    (SUM, "9 + 5 = 14."),
    (SUM, "19"),
    (DOUBLE, "4 - 2 = 3."),
    (DOUBLE, "4 - 2 = 4."),
    (YEAR, "1723"),
    (CHOICE, "David. A) Anna."),
    (CHOICE, "A) Anna B) David"),
]


@pytest.mark.parametrize(("asked", "text"), RIGHT)
def test_an_answer_that_ends_in_the_accepted_one_is_right(asked, text):
    assert JUDGE.right(asked, text)


@pytest.mark.parametrize(("asked", "text"), WRONG)
def test_an_answer_that_ends_in_another_or_in_two_is_wrong(asked, text):
    assert not JUDGE.right(asked, text)


def test_the_last_sentence_is_the_last_with_a_word():
    assert last_sentence("One. Two is 3.5 long! ... ") == "Two is 3.5 long!"
    assert last_sentence(" ...") == ""


def test_answers_are_of_three_classes():
    assert [shape(text) for text in ("12", "the mill", "Anna", "1,722.", "Garden Row")] == [
        "number", "word", "name", "number", "name",
    ]  # fmt: skip


def test_an_answer_that_looks_like_a_pattern_is_taken_as_text():
    odd = question("Which mark?", "(c) [x]+")
    assert Judge([odd]).right(odd, "The mark (c) [x]+")
    assert not Judge([odd]).right(odd, "c xx")
