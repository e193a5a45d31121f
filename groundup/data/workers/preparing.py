"""What children do with documents: the preparation of a profile, told in JSON, and what is left of a refused one."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from groundup.data.copies.decontaminate import Leaks, protect
from groundup.data.prepare import worker
from groundup.data.profiles import PROFILES, Profile
from groundup.data.workers.job import Job, Limits

if TYPE_CHECKING:
    import pyarrow as pa


def preparing(profile: Profile, leaks: Leaks | None, limits: Limits) -> Job:
    """The job that prepares documents by a profile."""
    told = {
        "profile": profile.model_dump(mode="json"),
        "protected": None if leaks is None else str(leaks.path.resolve()),
    }
    return Job("groundup.data.workers.preparing:prepare", told, limits.seconds, limits.megabytes)


def prepare(profile: dict[str, Any], protected: str | None) -> "Callable[[pa.RecordBatch], pa.RecordBatch]":
    """The job's function, in the child; what is protected is read there again, which is less than to hand it over."""
    made = Profile.model_validate_json(json.dumps(profile))
    return worker(made, protect(protected, made.leaks))


def poison(documents: "pa.RecordBatch", why: str) -> "pa.RecordBatch":
    """Documents that no process survives, prepared as far as they can be: nothing of them is looked at."""
    import pyarrow as pa

    named = documents.set_column(
        documents.schema.get_field_index("problem"), "problem", pa.array([why] * documents.num_rows)
    )
    done = worker(PROFILES["none"], None)(named)
    reasons = pa.array(["poison"] * documents.num_rows, done.schema.field("reason").type)
    return done.set_column(done.schema.get_field_index("reason"), "reason", reasons)
