"""The doctor finds what is missing and says how to get it; compiled code has one folder of the user's own."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from groundup import hardware


def advice(machine, topic: str) -> str:
    return next(row[2] for row in hardware.doctor(machine) if row[0] == topic)


def test_every_topic_has_a_finding_and_a_healthy_one_no_advice():
    rows = hardware.doctor(replace(hardware.look(), memory_available_bytes=10**10, disk_free_bytes=10**11, amx=True))
    topics = [topic for topic, _, _ in rows]
    assert topics[:6] == ["python", "processor", "memory", "disk", "device", "C++ compiler"]
    assert {"extra scale", "extra track", "extra hub", "extra dev", "compiled code"} <= set(topics)
    assert all(finding for _, finding, _ in rows)
    assert all(not text for topic, _, text in rows if topic in ("python", "processor", "memory", "disk", "extra dev"))


def test_what_is_short_comes_with_advice(monkeypatch):
    poor = replace(
        hardware.look(),
        memory_available_bytes=10**9,
        disk_free_bytes=10**8,
        amx=False,
        avx512_bf16=False,
        arm_bf16=False,
    )
    assert "2 GB" in advice(poor, "memory") and "--into" in advice(poor, "disk") and "f32" in advice(poor, "processor")
    assert "untried" in advice(replace(poor, device="mps"), "device")


def test_a_missing_compiler_and_missing_extras_are_named_with_their_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "faster with one" in advice(hardware.look(), "C++ compiler")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert advice(hardware.look(), "extra track") == 'pip install "groundup[track]"'


def test_compiled_code_is_kept_where_the_user_or_the_system_says(monkeypatch, tmp_path):
    monkeypatch.setenv("GROUNDUP_CACHE", str(tmp_path / "mine"))
    assert hardware.cache_folder() == tmp_path / "mine" and (tmp_path / "mine").is_dir()
    monkeypatch.delenv("GROUNDUP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr("sys.platform", "linux")
    assert hardware.cache_folder() == tmp_path / "caches" / "groundup"


def test_numba_and_torch_are_told_before_they_start_unless_the_user_told_them(monkeypatch, tmp_path):
    monkeypatch.setenv("GROUNDUP_CACHE", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/elsewhere")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setenv("TRITON_CACHE_DIR", "")
    monkeypatch.delenv("TRITON_CACHE_DIR")
    assert hardware.use_cache_folder() == tmp_path
    assert os.environ["NUMBA_CACHE_DIR"] == "/elsewhere"
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "torchinductor")


def test_where_the_cache_cannot_be_written_a_private_temporary_folder_serves(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GROUNDUP_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = hardware.cache_folder()
    assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
    assert "GROUNDUP_CACHE" in advice(hardware.look(), "compiled code")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_someone_else_owns_is_not_trusted_with_code(monkeypatch, tmp_path):
    foreign = tmp_path / f"groundup-cache-{os.getuid()}"
    foreign.mkdir()
    os.chown(foreign, 65534, -1)
    monkeypatch.setenv("GROUNDUP_CACHE", str(foreign))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = hardware.cache_folder()
    assert folder != foreign and folder.stat().st_uid == os.getuid()
    shutil.rmtree(folder)
    assert Path(foreign).exists()
