"""A run is a folder: worked on under NAME.partial, then immutable as NAME-FINGERPRINT, with NAME a link to it.

Nothing else is state. Each finished folder says in its manifest what made it, from which inputs, and what every file
must hash to, so that a text can be followed from the answer back to the raw page.
"""

from groundup.run.files import write_atomically
from groundup.run.lock import Lock
from groundup.run.manifest import fingerprint, is_intact_quickly, read_manifest
from groundup.run.reading import Read, content_fingerprint, read_input
from groundup.run.stage import Stage, perform, stage
from groundup.run.verify import Verified, verify
from groundup.run.work import Estimate, Sink, Work

__all__ = [
    "Estimate",
    "Lock",
    "Read",
    "Sink",
    "Stage",
    "Verified",
    "Work",
    "content_fingerprint",
    "fingerprint",
    "is_intact_quickly",
    "perform",
    "read_input",
    "read_manifest",
    "stage",
    "verify",
    "write_atomically",
]
