"""The table of machines: every line is whole and dated, cards are known by their names, plans compute as they do."""

import re
from dataclasses import replace

import pytest

from groundup import hardware
from groundup.errors import Problem
from groundup.hardware import Machine, catalogue
from groundup.model import cost
from groundup.model.settings import ModelSettings

CARDS = {
    "Tesla T4": ("t4", 15.8),
    "NVIDIA A10G": ("a10", 24),
    "NVIDIA A100-SXM4-40GB": ("a100-40", 42),
    "NVIDIA A100 80GB PCIe": ("a100-80", 85),
    "NVIDIA H100 80GB HBM3": ("h100", 85),
    "NVIDIA H200": ("h200", 150),
    "NVIDIA GeForce RTX 3060": ("rtx3060", 12.6),
    "NVIDIA GeForce RTX 4090": ("rtx4090", 25),
}


def card(name: str, gigabytes: float) -> Machine:
    machine = replace(hardware.look(), device="cuda", gpus=(name,), gpu_memory_bytes=(int(gigabytes * 1e9),))
    return machine


def test_the_table_names_what_the_product_promises_and_where_its_prices_stood():
    wanted = {"cpu", "rtx3060", "rtx4070", "t4", "rtx4090", "a10", "a100-40", "a100-80", "h100", "h200"}
    assert set(catalogue.offers()) == wanted
    for offer in catalogue.offers().values():
        assert offer.source and offer.watts > 0 and offer.dollars_per_hour > 0 and 0 < offer.reached < 1
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", offer.read) if offer.source.startswith("http") else not offer.read


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_known_by_its_name_and_its_memory(name):
    key, gigabytes = CARDS[name]
    found = catalogue.of(card(name, gigabytes))
    assert found and found.key == key
    assert catalogue.room(card(name, gigabytes)) == int(gigabytes * 1e9) - found.overhead_bytes


def test_an_unknown_card_has_no_price():
    assert catalogue.of(card("Some Other Card", 12)) is None


def test_a_card_without_bf16_computes_in_f16_and_half_the_bytes():
    t4 = catalogue.named("t4")
    assert t4.precision == "f16" and cost.computed(t4.machine())["number"] == 2
    assert cost.computed(catalogue.named("cpu").machine()) == {}
    assert cost.flops_per_second(t4.machine()) == pytest.approx(t4.peak_flops * t4.reached)


def test_more_cores_cost_more():
    two, eight = (catalogue.of(replace(hardware.look(), cpus=cores)) for cores in (2, 8))
    assert two and eight and eight.dollars_per_hour == 4 * two.dollars_per_hour and eight.watts == 4 * two.watts


def test_a_name_that_is_nearly_right_is_mended():
    with pytest.raises(Problem, match="did you mean a100-40"):
        catalogue.named("a100-4")


def test_smaller_numbers_make_smaller_trainings():
    model = ModelSettings(depth=4, width=256, vocabulary=4096)
    held = [
        cost.training_bytes(model, 8, 128, **cost.computed(offer.machine())) for offer in catalogue.offers().values()
    ]
    assert max(held[1:]) < held[0]
