"""The recipe of distillation, made from nothing at a tiny size: three models, measured on the text that was held out."""

import json

import torch

from groundup.recipe.making import make

FEW = {"steps": 3, "rows": 4, "precision": "f32"}


def test_the_recipe_measures_teacher_alone_and_taught_side_by_side(tmp_path):
    torch.set_num_threads(1)
    (tmp_path / "book.txt").write_text("The cup is in the shed, and the key is in the barn. " * 200)
    few = {f"{each}.training.{key}": value for each in ("teacher", "alone", "taught") for key, value in FEW.items()}
    made = make("distilled", tmp_path / "made", text=str(tmp_path / "book.txt"), **few)
    told = json.loads((made / "report.json").read_text())["models"]
    assert list(told) == ["teacher", "alone", "taught"]
    assert told["alone"] != told["taught"]  # the same model, and only one of them was taught
    assert "term.teacher" in (made / "taught" / "metrics.jsonl").read_text()
    assert "term.teacher" not in (made / "alone" / "metrics.jsonl").read_text()
