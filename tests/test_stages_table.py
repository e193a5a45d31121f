"""The table of stages: a kind that is not in it is a sentence."""

import pytest

from groundup import stages
from groundup.errors import Problem


def test_an_unknown_kind_of_stage_names_the_nearest():
    with pytest.raises(Problem, match="evalute is not a kind of stage; did you mean evaluate?"):
        stages.load("evalute")
    with pytest.raises(Problem, match="known here: invent, collect, corpus, "):
        stages.load("xyzzy")


def test_every_kind_is_a_module_of_its_own_name():
    assert stages.STAGES and all(module == f"groundup.stages.{kind}" for kind, module in stages.STAGES.items())
