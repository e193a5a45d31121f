"""What this machine is: cores and memory that this process may really use, instruction sets, accelerators.

Containers lie: the host's cores and memory are not ours, so affinity and cgroup limits (version 1 and 2) come first.
"""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CGROUP_MEMORY = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))  # limit, used


@dataclass(frozen=True)
class Machine:
    """One machine as one process sees it; sizes in bytes."""

    system: str  # Linux, Darwin
    arch: str  # x86_64, arm64
    cpu: str  # the maker's name of the processor
    cpus: int  # cores this process may use: affinity and cgroup quota
    threads: int  # what a computation should start: see `probe.threads`
    memory_bytes: int  # all memory this process may use
    memory_available_bytes: int
    disk_free_bytes: int  # where `look` was told to look
    amx: bool = False
    avx512: bool = False
    avx512_bf16: bool = False
    avx512_vnni: bool = False
    neon: bool = False
    arm_bf16: bool = False
    avx2: bool = False
    device: str = "cpu"  # cpu, cuda, mps; other than cpu only when devices were asked for
    gpus: tuple[str, ...] = ()
    gpu_memory_bytes: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """Which kernels its processor is given: amx, avx512, avx2, neon or plain. Other kernels round otherwise."""
        return next((name for name in ("amx", "avx512", "avx2", "neon") if getattr(self, name)), "plain")


def look(devices: bool = False, folder: str | os.PathLike[str] = ".") -> Machine:
    """This machine; with `devices` torch is imported to see its accelerators, `folder` is where disk space counts."""
    flags, cpus = _cpu_flags(), _usable_cpus()
    total, available = limited(_cgroup_folders("memory"), _host_memory())
    device, gpus, gpu_memory = _accelerators() if devices else ("cpu", (), ())
    return Machine(
        system=platform.system(),
        arch=platform.machine(),
        cpu=_cpu_name(),
        cpus=cpus,
        threads=min(cpus, _physical_cores() or cpus),
        memory_bytes=total,
        memory_available_bytes=available,
        disk_free_bytes=_disk_free(Path(folder)),
        amx="amx_tile" in flags and "amx_bf16" in flags,
        avx512="avx512f" in flags,
        avx512_bf16="avx512_bf16" in flags,
        avx512_vnni="avx512_vnni" in flags,
        neon=bool({"asimd", "neon"} & flags),
        arm_bf16="bf16" in flags,
        avx2="avx2" in flags,
        device=device,
        gpus=gpus,
        gpu_memory_bytes=gpu_memory,
    )


def _disk_free(folder: Path) -> int:
    existing = next((place for place in (folder.absolute(), *folder.absolute().parents) if place.exists()), Path("/"))
    return shutil.disk_usage(existing).free


# --- cores ----------------------------------------------------------------------------------------------------------


def _usable_cpus() -> int:
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = quota(_cgroup_folders("cpu"))
    return max(1, min(seen, round(cores)) if cores else seen)


def quota(folders: list[Path]) -> float | None:
    """The smallest quota of processor time in these cgroup folders, in cores."""
    found = []
    for folder in folders:
        if (text := _read(folder / "cpu.max")) and (parts := text.split())[0] != "max":
            found.append(int(parts[0]) / int(parts[1]))
        share, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if share and period and int(share) > 0:
            found.append(int(share) / int(period))
    return min(found, default=None)


def _cgroup_folders(controller: str) -> list[Path]:
    """The folders of this process's cgroup up to the root; inside a container the root itself often is ours."""
    result = []
    for line in (_read(Path("/proc/self/cgroup")) or "").splitlines():
        _, names, path = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        root = Path("/sys/fs/cgroup") / controller if names else Path("/sys/fs/cgroup")
        own = root / path.lstrip("/")
        result += [own, *(above for above in own.parents if above.is_relative_to(root))]
    return result


@cache
def _physical_cores() -> int | None:
    """Cores without their second threads: two threads of one core share its arithmetic units."""
    if sys.platform == "darwin":
        return _sysctl_int("hw.perflevel0.physicalcpu") or _sysctl_int("hw.physicalcpu")
    cores = set()
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    for cpu in usable:
        siblings = _read(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"))
        if siblings is None:
            return None
        cores.add(siblings)
    return len(cores) or None


@cache
def _cpu_info() -> dict[str, str]:
    pairs = (line.split(":", 1) for line in (_read(Path("/proc/cpuinfo")) or "").splitlines() if ":" in line)
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key.strip(), value.strip())
    return first


def _cpu_name() -> str:
    name = _cpu_info().get("model name") or _cpu_info().get("Hardware") or _sysctl("machdep.cpu.brand_string")
    return name or platform.processor() or platform.machine()


def _cpu_flags() -> frozenset[str]:
    info = _cpu_info()
    flags = set((info.get("flags") or info.get("Features") or "").lower().split())
    if sys.platform == "darwin" and platform.machine() == "arm64":
        flags |= {"neon"} | ({"bf16"} if _sysctl("hw.optional.arm.FEAT_BF16") == "1" else set())
    return frozenset(flags)


# --- memory ---------------------------------------------------------------------------------------------------------


def limited(folders: list[Path], host: tuple[int, int]) -> tuple[int, int]:
    """(all, available) bytes of the host, or of the narrowest of these cgroup folders where that is less."""
    total, available = host
    for folder in folders:
        for limit_name, used_name in CGROUP_MEMORY:
            limit, used = _read(folder / limit_name), _read(folder / used_name)
            if limit and limit.isdigit() and int(limit) < total:
                total = int(limit)
                available = min(available, total - max(0, int(used or 0) - _file_pages(folder)))
    return total, max(0, available)


def _file_pages(folder: Path) -> int:
    """Bytes of files that the kernel keeps in a cgroup's memory and gives up when asked: not really used."""
    for line in (_read(folder / "memory.stat") or "").splitlines():
        key, _, value = line.partition(" ")
        if key in ("inactive_file", "total_inactive_file"):
            return int(value)
    return 0


def _host_memory() -> tuple[int, int]:
    info = {}
    for line in (_read(Path("/proc/meminfo")) or "").splitlines():
        key, _, value = line.partition(":")
        info[key] = int(value.split()[0]) * 1024
    if "MemTotal" in info:
        return info["MemTotal"], info.get("MemAvailable", info["MemTotal"])
    if sys.platform == "darwin":
        total = _sysctl_int("hw.memsize") or 0
        pages = (_sysctl_int("vm.page_free_count") or 0) + (_sysctl_int("vm.page_purgeable_count") or 0)
        return total, max(pages * (_sysctl_int("hw.pagesize") or 16384), total // 4)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return total, total


# --- accelerators ---------------------------------------------------------------------------------------------------


def _accelerators() -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    import torch

    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        return "cuda", tuple(card.name for card in cards), tuple(card.total_memory for card in cards)
    if torch.backends.mps.is_available():
        return "mps", ("Apple GPU",), (torch.mps.recommended_max_memory(),)
    return "cpu", (), ()


# --- asking the system ----------------------------------------------------------------------------------------------


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _sysctl(name: str) -> str | None:
    if sys.platform != "darwin":
        return None
    try:
        asked = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=5)
        return asked.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _sysctl_int(name: str) -> int | None:
    value = _sysctl(name)
    return int(value) if value and value.isdigit() else None
