"""What is shown while a recipe is made: states, speed, time left; on a terminal and elsewhere."""

import io

from groundup.recipe import console


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_figures_are_short():
    assert [console.duration(s) for s in (0.31, 42, 83, 7500)] == ["0.3 s", "42 s", "1:23", "2:05:00"]
    assert [console.amount(n) for n in (812, 9_999, 46_200, 1_400_000)] == ["812", "9,999", "46.2k", "1.4M"]
    assert [console.size(n) for n in (812, 4_200_000)] == ["812 B", "4.2 MB"]


def test_what_rounds_up_to_the_next_unit_has_it():
    amounts = [console.amount(n) for n in (999_499, 999_936, 999_600_000, 999_999_999_999)]
    assert amounts == ["999k", "1M", "1G", "1T"]
    assert [console.size(n) for n in (999.4, 999.7, 999_700, 999.7e9)] == ["999 B", "1 kB", "1 MB", "1 TB"]


def test_speed_counts_from_where_a_resumed_stage_goes_on():
    row = console.Row("base", state=console.RUNNING)
    row.report(900, 1000, "steps", "loss 2.1", 10.0)
    row.report(950, 1000, "steps", "", 15.0)
    assert row.speed(15.0) == 10.0
    assert row.words(15.0) == "950 of 1,000 steps, 10 steps/s, 5.0 s left, loss 2.1"


def test_away_from_a_terminal_a_line_comes_every_few_seconds():
    out, clock = io.StringIO(), Clock()
    face = console.Lines("tour -> runs/tour", ["town", "base"], out, every=5.0, clock=clock)
    face.end("town", console.KEPT)
    face.begin("base")
    for step in range(100):
        clock.now += 0.25
        face.report("base", step, 100, "steps")
    face.end("base", console.MADE, 10.0)
    lines = out.getvalue().splitlines()
    assert lines[0] == "tour -> runs/tour" and "town  kept" in lines[1] and "base  running" in lines[2]
    assert [line.split()[3] for line in lines[3:-1]] == ["19", "39", "59", "79", "99"]  # every 5 s
    assert "base  made  10 s" in lines[-1]


def test_a_terminal_shows_the_whole_tree():
    out = Terminal()
    with console.face("tour -> runs/tour", ["town", "base"], out) as face:
        face.end("town", console.KEPT)
        face.begin("base")
        face.report("base", 50, 100, "steps", "loss 2.1")
    shown = out.getvalue()
    assert isinstance(face, console.Live)
    assert (
        "town" in shown
        and "base" in shown
        and "50 of 100 steps" in shown
        and "loss 2.1" in shown
        and "██████░" in shown
    )
