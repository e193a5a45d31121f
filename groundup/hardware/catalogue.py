"""Machines by name: what they hold and reach, and what an hour on them costs and draws, from a dated table beside this file.

A plan for a machine that is not here reads its numbers there; a plan for this machine looks itself up by its card's name.
"""

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from groundup.errors import Problem, did_you_mean
from groundup.hardware.machine import Machine

TABLE = Path(__file__).with_name("prices.json")
BYTES = {"f32": 4, "bf16": 2, "f16": 2}
ROOMY = 10**15  # bytes of disk where nobody says how many
HOST = 64 * 10**9  # bytes of memory of the computer around a card


@dataclass(frozen=True)
class Offer:
    """One machine of the table."""

    key: str
    name: str
    memory_bytes: int  # of the card, or of the computer where there is none
    precision: str  # that a training computes in: f16 needs its loss scaled, for want of bf16
    peak_flops: float  # a second
    reached: float  # the share of the peak that a training comes to
    watts: float  # of the whole computer at work
    dollars_per_hour: float
    source: str
    read: str  # the day on which the price stood there; empty for a guess
    overhead_bytes: int  # that no tensor can have
    cores: int = 0  # of a machine without a card

    def machine(self) -> Machine:
        """The machine as a stage would find it."""
        memory = HOST if not self.cores else self.memory_bytes
        plain = Machine("Linux", "x86_64", self.name, self.cores or 8, self.cores or 8, memory, memory, ROOMY)
        if self.cores:
            return plain
        return replace(plain, device="cuda", gpus=(self.name,), gpu_memory_bytes=(self.memory_bytes,))


@cache
def offers() -> dict[str, Offer]:
    """The whole table, smallest first."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    return {key: _offer(key, told, table) for key, told in table["machines"].items()}


def _offer(key: str, told: dict, table: dict) -> Offer:
    cores = told.get("cores", 0)
    return Offer(
        key=key,
        name=told["name"],
        memory_bytes=told["memory_gb"] * 10**9,
        precision=told["precision"],
        peak_flops=told["teraflops"] * 1e12,
        reached=told.get("reached", table["reached"]["share"]),
        watts=told["watts"] + told.get("host_watts", table["host_watts"]),
        dollars_per_hour=told["dollars_per_hour"],
        source=told["source"],
        read=told["read"],
        overhead_bytes=0 if cores else table["overhead_bytes"],
        cores=cores,
    )


def named(key: str) -> Offer:
    """The machine of that name."""
    if key not in offers():
        raise Problem(f"hardware={key} is not known; {did_you_mean(key, offers())}")
    return offers()[key]


def room(machine: Machine) -> int:
    """Bytes for what trains: of the smallest card, less what no tensor can have, or of the computer."""
    if machine.device != "cuda" or not machine.gpu_memory_bytes:
        return machine.memory_bytes
    known = of(machine)
    return min(machine.gpu_memory_bytes) - (known.overhead_bytes if known else 0)


def of(machine: Machine) -> Offer | None:
    """The line of the table that a machine is, by the name of its card and its memory; None for a card not in it."""
    if machine.device == "cpu":
        cpu = offers()["cpu"]
        times = machine.cpus / cpu.cores
        price = round(cpu.dollars_per_hour * times, 4)
        return replace(cpu, cores=machine.cpus, watts=cpu.watts * times, dollars_per_hour=price)
    if machine.device != "cuda" or not machine.gpus:
        return None
    name = machine.gpus[0].lower().replace("rtx ", "rtx")
    alike = [each for key, each in offers().items() if re.search(rf"\b{key.split('-')[0]}g?\b", name)]
    memory = machine.gpu_memory_bytes[0] if machine.gpu_memory_bytes else 0
    return min(alike, key=lambda each: abs(each.memory_bytes - memory), default=None)
