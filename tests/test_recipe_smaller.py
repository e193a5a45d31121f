"""What would fit: first the same in parts and recomputed, then smaller models; what a machine is good for."""

import pytest

from groundup.errors import Problem
from groundup.hardware import catalogue
from groundup.recipe import machines
from groundup.recipe.smaller import first_that_fits, ways
from groundup.stages import train

CPU = catalogue.named("cpu").machine()


def asked(**model) -> train.Settings:
    sizes = {"depth": 8, "width": 256, "vocabulary": 4096} | model
    return train.Settings.model_validate({"model": sizes, "training": {"rows": 32, "time": 256}})


def need(settings: train.Settings) -> int:
    return train.estimate(settings, {}, CPU).memory_bytes


def test_what_fits_needs_no_words():
    settings = asked()
    assert first_that_fits(settings, lambda found: need(found) <= need(settings)) == ("", settings)


def test_the_same_training_in_parts_comes_before_a_smaller_model():
    settings = asked()
    words, found = first_that_fits(settings, lambda found: need(found) < need(settings) / 2) or ("", settings)
    assert words == "training.accumulate=4" and found.model == settings.model


def test_less_memory_still_means_a_smaller_model():
    settings = asked(width=1024)
    least = min(need(found) for _, found in ways(settings) if found.model == settings.model)
    words, found = first_that_fits(settings, lambda found: need(found) < least) or ("", settings)
    assert "model.depth=7" in words and found.model and found.model.width < 1024 and need(found) < least


def test_the_words_mean_the_settings_they_stand_for():
    from groundup import config

    settings = asked()
    for words, found in list(ways(settings))[:40]:
        over = config.merge(settings.model_dump(), config.overrides(words.split()))  # type: ignore[arg-type]
        assert config.build(train.Settings, over).training == found.training


def test_nothing_is_proposed_where_nothing_would_help():
    assert first_that_fits(asked(), lambda found: False) is None


@pytest.mark.parametrize("key", catalogue.offers())
def test_every_machine_trains_something_in_an_hour_that_fits_it(key):
    offer = catalogue.named(key)
    best = machines.largest(offer, 1.0, vocabulary=8192)
    assert best.need_bytes <= catalogue.room(offer.machine()) and best.hours <= 1.0
    assert best.dollars == pytest.approx(best.hours * offer.dollars_per_hour, rel=0.01, abs=1e-3)
    more = machines.largest(offer, 8.0, vocabulary=8192)
    assert more.depth > best.depth


def test_what_bounds_a_model_is_said():
    offer = catalogue.named("rtx3060")
    assert machines.largest(offer, 1.0).bound == "hours"
    assert machines.largest(offer, 1e5).bound == "memory"
    assert machines.largest(catalogue.named("h200"), 1e5, vocabulary=512).bound == "depth"
    with pytest.raises(Problem, match="not even one layer"):
        machines.largest(offer, 1e-6)


def test_recipes_of_the_package_fit_small_cards():
    found = machines.fallbacks(catalogue.named("t4"))
    assert set(found["tour"].values()) == {"as it is"} and set(found["tour"]) == {"base", "chat", "aligned"}
