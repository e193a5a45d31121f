"""Charts: marks stand where their numbers say, words are escaped, arcs do not lie on each other."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.evaluation.report import charts, wording
from groundup.evaluation.report.charts import Curve, Mark


def parsed(drawing):
    return ElementTree.fromstring(str(drawing))


def test_a_curve_falls_where_its_numbers_fall():
    drawing = parsed(charts.curves([Curve("base", "t0", [(0, 4.0), (10, 2.0), (20, 1.0)])], "step", "nats", "loss"))
    (line,) = [each for each in drawing.iter("polyline")]
    places = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted(y for _, y in places)
    assert places[1][0] - places[0][0] == pytest.approx(places[2][0] - places[1][0], abs=0.2)
    assert places[1][1] - places[0][1] == pytest.approx(2 * (places[2][1] - places[1][1]), abs=0.3)


def test_every_mark_says_its_numbers():
    drawing = charts.shares([Mark("base & co", "t0", 0.5, 0.25, 0.75, 40)], "shares")
    title = next(parsed(drawing).iter("title")).text
    assert title == "base & co: 50.0 % (95 % interval 25.0 to 75.0 %, n = 40)"
    assert 'x="50.00"' in drawing and 'width="100.00"' in drawing  # of 200


def test_names_cannot_become_markup():
    hostile = '"><script>alert(1)</script>'
    drawings = [
        charts.curves([Curve(hostile, "t0", [(0, 1), (1, 2)])], hostile, hostile, hostile),
        charts.shares([Mark(hostile, "t0", 0.5, 0.4, 0.6, 9)], hostile),
        charts.arcs(["a", hostile], {hostile: ["a"]})[0],
    ]
    for drawing in drawings:
        assert "<script" not in drawing
        parsed(drawing)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_few_round_and_within(low, width, about):
    found = charts.ticks(low, low + width, about)
    assert all(low - 1e-6 * width <= value <= low + width * (1 + 1e-6) for value in found)
    assert len(found) <= about + 2


def test_a_curve_of_one_point_or_none_is_drawn_all_the_same():
    assert charts.curves([Curve("a", "t0", [])], "x", "y", "nothing") == ""
    assert len(list(parsed(charts.curves([Curve("a", "t0", [(5, 1.0)])], "x", "y", "one")).iter("polyline"))) == 1


def test_what_is_implied_is_drawn_faintly():
    drawing, _ = charts.arcs(["a", "b", "c"], {"b": ["a"], "c": ["a", "b"]})
    found = {(arc.get("data-from"), arc.get("data-to")): arc.get("class") for arc in parsed(drawing).iter("path")}
    assert found == {("a", "b"): "arc", ("b", "c"): "arc", ("a", "c"): "arc faint"}


def test_arcs_that_overlap_keep_to_lanes_of_their_own():
    names = [str(number) for number in range(8)]
    drawing, _ = charts.arcs(names, {"7": ["0", "3"], "6": ["1"], "5": ["2"], "2": ["0"]})
    lanes = {}
    for path in parsed(drawing).iter("path"):
        place = re.search(r" V([\d.]+) C([\d.-]+) ", path.get("d", ""))
        lanes.setdefault(place[2], []).append((int(path.get("data-from")), int(path.get("data-to"))))
    for arcs in lanes.values():
        for one in arcs:
            for other in arcs:
                assert one == other or one[1] <= other[0] or other[1] <= one[0] or one[0] == other[0]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (wording.count(947), "947"),
        (wording.count(12_345), "12,345"),
        (wording.count(999_936), "1 M"),
        (wording.size(999_936), "1 MB"),
        (wording.count(1_050_000), "1.05 M"),
        (wording.size(3_300_000), "3.3 MB"),
        (wording.duration(0.42), "0.4 s"),
        (wording.duration(245.4), "4:05 min"),
        (wording.duration(7_380), "2:03 h"),
        (wording.percent(0.915), "92 %"),
        (wording.percent(0.001), "0.1 %"),
        (wording.percent(0.9999, 1), "100.0 %"),
        (wording.points(-0.012), "\N{MINUS SIGN}1.2"),
        (wording.many(3, "model"), "three models"),
    ],
)
def test_numbers_read_as_people_say_them(said, expected):
    assert said == expected
