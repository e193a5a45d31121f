"""What this machine is and what it reaches, and what follows from it: dtype, threads, where compiled code is kept.

No text passes through here; the rooms above ask before they start something expensive.
"""

from groundup.hardware.caches import cache_folder, use_cache_folder
from groundup.hardware.doctor import doctor
from groundup.hardware.machine import Machine, look
from groundup.hardware.probe import precision, probe, products, threads
from groundup.hardware.waiting import wait_gently

__all__ = [
    "Machine",
    "cache_folder",
    "doctor",
    "look",
    "precision",
    "probe",
    "products",
    "threads",
    "use_cache_folder",
    "wait_gently",
]
