"""The plan for a large corpus: its tables are those that the benches' newest figures give, and its sums hold."""

import json
from pathlib import Path

import pytest

from bench import scale

ROOT = Path(__file__).parents[1]


def test_the_document_holds_the_tables_of_the_newest_figures():
    told = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
    assert told == scale.written(told), "run `python -m bench.scale`"


def test_every_rate_stands_in_the_file_that_is_named():
    for rate in scale.rates():
        lines = (ROOT / "bench/results" / rate.source.split(",")[0]).read_text().splitlines()
        told = [json.loads(line) for line in lines]
        if "filter" in told[-1]:
            assert any(
                each.get("megabytes_a_second", {}).get("ours") == rate.mb_per_s
                for each in told
                if each["filter"] == rate.name
            )
        elif "unpack" in told[-1]:
            assert rate.mb_per_s == told[-1][rate.name.split()[0]]


@pytest.mark.parametrize("number", [0, 1])
def test_twice_the_bytes_take_twice_the_work_and_twice_the_machines_do_not_change_it(number):
    once, twice = scale.plan(scale.cases(15)[number]), scale.plan(scale.cases(30)[number])
    assert twice.core_hours == pytest.approx(2 * once.core_hours)
    assert twice.shuffle_bytes == pytest.approx(2 * once.shuffle_bytes)
    more = scale.plan(scale.cases(15)[number], machines=200)
    assert more.core_hours == pytest.approx(once.core_hours) and more.prepare_hours == pytest.approx(
        once.prepare_hours / 2
    )


def test_signatures_take_what_is_spilled_of_them(tmp_path):
    from groundup.data.copies.spill import Spill

    spill = Spill(tmp_path, "bands", 2)
    bands = scale.np.arange(scale.BANDS, dtype=scale.np.uint64) << scale.np.uint64(56)
    spill.add(bands, bands)
    assert sum(rows.nbytes for rows in spill.sorted_parts()) == scale.BANDS * scale.ROW


def test_money_is_hours_by_the_price_of_the_table():
    told = scale.plan(scale.cases()[0])
    table = json.loads((ROOT / "groundup/hardware/prices.json").read_text())["machines"]["cpu"]
    assert told.dollars == pytest.approx(
        told.hours * scale.MACHINES * scale.CORES / table["cores"] * table["dollars_per_hour"]
    )
