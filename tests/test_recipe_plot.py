"""A loss drawn in a terminal: where its dots are, when there are none, and that it stands under its stage."""

import math

from groundup.recipe import console
from groundup.recipe.plot import DOTS, MOST, NARROWEST, WIDEST, History, columns, plot
from tests.test_recipe_console import Terminal


def dots(lines: list[str]) -> set[tuple[int, int]]:
    """(column, row) of every dot, rows from the top."""
    return {
        (2 * at + side, 4 * row + height)
        for row, line in enumerate(lines)
        for at, cell in enumerate(line.split("┤")[1])
        for side, bits in enumerate(DOTS)
        for height, bit in enumerate(bits)
        if (ord(cell) - 0x2800) & bit
    }


def test_a_falling_loss_goes_from_the_top_left_to_the_bottom_right():
    lines = plot([3.0 - at / 10 for at in range(20)], 60)
    assert lines[0].startswith("3.00 ┤") and lines[-1].startswith("1.10 ┤") and len({len(line) for line in lines}) == 1
    assert dots(lines) == {(at, at) for at in range(20)}  # twenty values, twenty rows of dots


def test_steep_falls_leave_no_gaps():
    seen = dots(plot([9.0, 9.0, 1.0, 1.0], 60))
    assert {row for _, row in seen} == set(range(20))


def test_many_values_are_means_of_equal_parts():
    assert columns(list(map(float, range(100))), 4) == [12.0, 37.0, 62.0, 87.0]
    assert columns([1.0, 2.0], 4) == [1.0, 2.0]
    assert max(len(line) for line in plot([math.sin(at) for at in range(5000)], 300)) <= WIDEST + 8


def test_nothing_is_drawn_where_there_is_nothing_to_see_or_no_room():
    assert plot([], 80) == plot([1.0, 2.0], 80) == plot([2.0] * 9, 80) == plot([math.nan] * 9, 80) == []
    assert plot([1.0, 2.0, 3.0], NARROWEST - 1) == [] != plot([1.0, math.inf, 2.0, 3.0], NARROWEST)


def test_a_long_training_is_remembered_evenly():
    history = History()
    for value in range(5 * MOST):
        history.add(float(value))
    gaps = {after - value for value, after in zip(history.values[:-1], history.values[1:], strict=True)}
    assert len(history.values) <= MOST + 1 and len(gaps) == 1 and history.values[0] == 0


def test_a_terminal_shows_the_loss_under_its_stage_and_plain_lines_do_not():
    out = Terminal()
    with console.face("tour -> runs/tour", ["base"], out) as face:
        face.begin("base")
        for step in range(1, 30):
            face.report("base", step, 30, "steps", f"loss {5 / step:.3f}, learning rate 0.01, MFU 9%")
    assert "5.00 ┤" in out.getvalue() and "learning rate 0.01" in out.getvalue()
    row = console.Row("base", state=console.RUNNING)
    row.report(1, 9, "steps", "loss 2.000, x", 0.0)
    row.report(2, 9, "steps", "loss 2.000, x", 1.0)  # the same line again, not another one
    row.report(3, 9, "steps", "lossless 3", 2.0)
    assert row.losses.values == [2.0] and "┤" not in row.words(3.0)
