"""Names of results that may not drift: if one of these changes, everything everyone has made is made again."""

from groundup import run


def test_the_name_of_a_result_is_frozen():
    inputs = {"data": "ab" * 32, "models.chat": "cd" * 32}
    settings = {"data": "$tokens", "rate": 3e-4, "steps": 100, "name": "Überfahrt", "model": {"depth": 4}}
    assert run.fingerprint("train", 3, settings, 7, inputs) == "c43eeccc02b5"
    assert run.fingerprint("corpus", 1, {}, None, {}) == "e24afac39390"


def test_the_fingerprint_of_bytes_is_frozen(tmp_path):
    """It is the sha256 of what `sha256sum b.txt deep/a.txt` prints, so that anyone can check it."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.txt").write_text("boat")
    (tmp_path / "deep" / "a.txt").write_text("bridge")
    assert run.content_fingerprint(tmp_path) == "e9bcbbf163147a869d27b92b4faa6a48bdc5df73adf899f85e366db32215539d"
    assert (
        run.content_fingerprint(tmp_path / "b.txt")
        == "25cdb46d8d2115a24eb15c3c58f34f3330cfca4fec249ff70b7cad2bb560a0dd"
    )
