"""What a sweep consists of: jobs, the limits of each, and a name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vidlab.labs.catalogue import LabEntry
from vidlab.labs.parameters import Parameter, validate
from vidlab.labs.text import shown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class SweepError(ValueError):
    """A sweep that cannot run; the message is one sentence that says what is allowed."""


@dataclass(frozen=True)
class Job:
    """One run to make.

    Attributes:
        lab: the lab's id.
        path: its notebook.
        values: the parameters that were chosen, checked; all others keep their defaults.
        key: names the job's folder, the same whenever lab and values are the same.
    """

    lab: str
    path: Path
    values: Mapping[str, object]
    key: str = field(init=False)

    def __post_init__(self):
        text = json.dumps([self.lab, dict(self.values)], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        object.__setattr__(self, "key", f"{self.lab}-{digest}")

    def title(self) -> str:
        """The job in a few words: its lab and what was chosen."""
        chosen = (f"{name}={short(value)}" for name, value in self.values.items())
        return " ".join((self.lab, *chosen))


@dataclass(frozen=True)
class Limits:
    """What each run may take.

    Attributes:
        timeout: seconds of wall time, or None.
        memory: bytes of resident memory of the run's processes together, or None.
    """

    timeout: float | None = None
    memory: int | None = None

    def __post_init__(self):
        if self.timeout is not None and not 0 < self.timeout < 1e9:
            raise SweepError(f"timeout: got {self.timeout:g}; allowed: a positive number, seconds.")
        if self.memory is not None and self.memory < 1 << 20:
            raise SweepError(f"memory: got {self.memory} bytes; allowed: 1M or more, as in 4G.")


@dataclass(frozen=True)
class Sweep:
    """A name, the jobs (each once, in the order of the file), and the limits of each."""

    name: str
    jobs: tuple[Job, ...]
    limits: Limits = Limits()


def new_sweep(name: str, jobs: Iterable[Job], limits: Limits) -> Sweep:
    """A sweep of jobs, each of them once.

    Raises:
        SweepError: a name that cannot be a folder's, or two labs that share an id: their runs and
            their rows in the tables could not be told apart.
    """
    if not _NAME.fullmatch(name):
        raise SweepError(
            f"name: got {shown(name)}; allowed: letters, digits, dot, dash, underscore."
        )
    paths: dict[str, Path] = {}
    once: dict[str, Job] = {}
    for job in jobs:
        if paths.setdefault(job.lab, job.path) != job.path:
            raise SweepError(
                f"{job.lab} is the id of two notebooks, {paths[job.lab]} and {job.path}; "
                "give one of them another id, or make two batches."
            )
        once[job.key] = job
    return Sweep(name, tuple(once.values()), limits)


def checked_job(found: LabEntry, declared: Mapping[str, Parameter], given: Mapping) -> Job:
    """A job with values of the declared types; raises ParameterError."""
    checked = validate(dict(declared), dict(given), found.id)
    if checked["data_dir"] is not None:  # runs may start elsewhere
        checked["data_dir"] = str(Path(checked["data_dir"]).expanduser().resolve())
    return Job(found.id, found.path.resolve(), {name: checked[name] for name in given})


def short(value: object) -> str:
    """A value in at most 60 characters, for a message."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
