"""What this machine is, told by the system and never by wishful thinking."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from groundup import hardware

TOP = Path(__file__).parents[1]
LINUX = sys.platform == "linux"


def child(script: str, **variables: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(TOP)} | variables
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_looking_is_light_and_never_imports_torch_unasked():
    script = "import sys; from groundup.hardware import doctor, look; doctor(look()); print('torch' in sys.modules)"
    assert child(script) == "False"


def test_the_machine_is_what_the_system_says():
    machine = hardware.look()
    assert machine.system == platform.system() and machine.arch == platform.machine() and machine.cpu
    assert 1 <= machine.threads <= machine.cpus <= (os.cpu_count() or 1)
    assert 1e8 < machine.memory_available_bytes < machine.memory_bytes < 1e14
    assert abs(machine.disk_free_bytes - shutil.disk_usage(".").free) < 5e9
    assert machine.device == "cpu" and machine.gpus == ()


@pytest.mark.skipif(not LINUX, reason="affinity is Linux's")
def test_cores_this_process_may_not_use_do_not_count():
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from groundup import hardware; print(hardware.look().cpus)"
    )
    assert child(script) == "1"


@pytest.mark.skipif(not LINUX, reason="/proc is Linux's")
def test_instruction_sets_are_those_of_the_processor():
    flags = Path("/proc/cpuinfo").read_text().split()
    machine = hardware.look()
    assert machine.avx512 == ("avx512f" in flags) and machine.avx512_bf16 == ("avx512_bf16" in flags)
    assert machine.amx == ("amx_tile" in flags and "amx_bf16" in flags) and machine.neon == ("asimd" in flags)


def test_a_limit_of_the_container_counts_before_the_host(tmp_path):
    """The files are laid out as the kernel does; the root of the file system is the only thing that differs."""
    (tmp_path / "box").mkdir()
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "box" / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "box" / "memory.max").write_text("1000000000\n")
    (tmp_path / "box" / "memory.current").write_text("700000000\n")
    (tmp_path / "box" / "memory.stat").write_text("anon 1\ninactive_file 300000000\n")
    folders = [tmp_path / "box", tmp_path]
    assert hardware.machine.quota(folders) == 1.5
    assert hardware.machine.limited(folders, (16_000_000_000, 9_000_000_000)) == (1_000_000_000, 600_000_000)
    assert hardware.machine.limited([tmp_path], (16, 9)) == (16, 9)


def test_a_probe_reports_what_is_reached_and_the_dtype_follows_it():
    machine = hardware.look(devices=True)
    found = hardware.probe(machine, seconds=0.05)
    assert set(found) == {
        "f32_training_gflops", "bf16_training_gflops", "f32_square_gflops", "bf16_square_gflops", "memory_gb_per_s",
    }  # fmt: skip
    assert all(0.01 < value < 1e7 for value in found.values())
    on_cpu = replace(machine, device="cpu")
    assert hardware.precision(on_cpu, found | {"f32_training_gflops": 100.0, "bf16_training_gflops": 120.0}) == "f32"
    assert hardware.precision(on_cpu, found | {"f32_training_gflops": 100.0, "bf16_training_gflops": 130.0}) == "bf16"
    assert hardware.precision(replace(machine, device="mps"), found | {"bf16_training_gflops": 1e6}) == "f32"


def test_threads_follow_the_cores_unless_someone_asks(monkeypatch):
    machine = replace(hardware.look(), cpus=8, threads=4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert hardware.threads(machine) == 4
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert hardware.threads(machine) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "99")
    assert hardware.threads(machine) == 8
