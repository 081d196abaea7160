"""A sweep: which labs to run with which parameters and seeds, from a file or from flags.

A sweep file is YAML::

    name: eta                    # of the batch's folder; by default the file's name
    runs:                        # at least one
      - lab: radialctc           # an id, part/id, or a path
        profile: quick           # or a list
        seeds: 0..4              # or a list, or one number
        set: {epochs: 3}         # the same for all runs
        grid: {eta: [0.2, 0.4]}  # every combination of every list
    limits: {timeout: 600, memory: 4G}   # of each run

Every value is checked against its lab's declarations before anything runs.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from vidlab.labs.catalogue import CatalogueError, LabEntry, find_lab, read_notebook
from vidlab.labs.parameters import Parameter, ParameterError, from_text, read_parameters, validate

MOST_JOBS = 10_000
_LARGEST_FILE = 1 << 20  # bytes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SPAN = re.compile(r"\s*(\d{1,10})\s*\.\.\s*(\d{1,10})\s*")
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", re.IGNORECASE)
_TOP = ("name", "runs", "limits")
_RUN = ("lab", "profile", "seeds", "set", "grid", "device", "data_dir")


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
        chosen = (f"{name}={_short(value)}" for name, value in self.values.items())
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


def read_sweep(path: Path) -> Sweep:
    """Read a sweep file.

    Raises:
        SweepError: it cannot be read, is not such a file, or asks for what a lab does not allow.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise SweepError(f"{path}: cannot be read ({error.strerror}).") from None
    if len(data) > _LARGEST_FILE:
        raise SweepError(f"{path}: more than {_LARGEST_FILE >> 20} MB; this is not a sweep file.")
    try:
        text = data.decode("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise SweepError(f"{path}: aliases (*name) are not allowed.")
        # Texts and lists only: what a text means is the declared type's business.
        tree = yaml.load(text, Loader=yaml.BaseLoader)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise SweepError(f"{path}: not YAML ({' '.join(str(error).split())[:200]}).") from None
    top = _mapping(tree, str(path), _TOP)
    runs = top.get("runs")
    if not isinstance(runs, list) or not runs:
        raise SweepError(f"{path}: expected runs: and a list of at least one lab.")
    jobs: list[Job] = []
    for number, entry in enumerate(runs, 1):
        jobs += _jobs(_mapping(entry, f"{path}, run {number}", _RUN), f"{path}, run {number}")
    limits = _mapping(top.get("limits", {}), f"{path}, limits", ("timeout", "memory"))
    return _sweep(_text(top.get("name", path.stem), f"{path}, name"), jobs, _limits(limits))


def sweep_of(
    labs: Sequence[str],
    *,
    name: str,
    profiles: Sequence[str] = (),
    seeds: str | None = None,
    grid: Mapping[str, str] | None = None,
    device: str | None = None,
    limits: Limits | None = None,
) -> Sweep:
    """A sweep from flags: all labs with all combinations; ``grid`` maps a name to "a,b,c".

    Raises:
        SweepError: what is asked for cannot be.
    """
    jobs: list[Job] = []
    for lab in labs:
        entry: dict[str, object] = {"lab": lab}
        if profiles:
            entry["profile"] = list(profiles)
        if seeds is not None:
            entry["seeds"] = seeds
        if device is not None:
            entry["device"] = device
        entry["grid"] = {name: _listed(name, text) for name, text in (grid or {}).items()}
        jobs += _jobs(entry, lab)
    return _sweep(name, jobs, limits or Limits())


def seeds_of(text: str) -> list[int]:
    """Seeds of a text like 0..4 (both ends included) or 0,3,5.

    >>> seeds_of("1..3"), seeds_of("7,9")
    ([1, 2, 3], [7, 9])
    """
    try:
        return [int(seed) for seed in _seeds(text, "seeds")]
    except (ValueError, TypeError):
        raise SweepError(f"seeds: got {text!r}; allowed: a range 0..4 or a list 0,3,5.") from None


def parse_size(text: str) -> int:
    """Bytes of a text like 500M, 4G or 1.5GiB; K, M, G, T are powers of 1024.

    >>> parse_size("4G") == 4 << 30
    True
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise SweepError(f"memory: got {text!r}; allowed: a number with K, M, G or T, as in 4G.")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def _sweep(name: str, jobs: Iterable[Job], limits: Limits) -> Sweep:
    if not _NAME.fullmatch(name):
        raise SweepError(f"name: got {name!r}; allowed: letters, digits, dot, dash, underscore.")
    once = {job.key: job for job in jobs}
    return Sweep(name, tuple(once.values()), limits)


def job_of(lab: str, values: Mapping[str, object]) -> Job:
    """One job with values of the declared types.

    Raises:
        SweepError: no such lab, or a value that it does not allow.
    """
    try:
        found = find_lab(lab)
        declared = read_parameters(read_notebook(found.path), str(found.path))
        return _checked_job(found, declared, values)
    except (CatalogueError, ParameterError) as error:
        raise SweepError(str(error)) from None


def _jobs(entry: Mapping[str, object], where: str) -> list[Job]:
    """All combinations of one entry, checked."""
    lab = _text(entry.get("lab"), f"{where}, lab")
    try:
        found = find_lab(lab)
        declared = read_parameters(read_notebook(found.path), str(found.path))
        axes = _axes(entry, declared, where)
        if math.prod(map(len, axes.values())) > MOST_JOBS:
            raise SweepError(f"{where}: more than {MOST_JOBS:,} runs; split the sweep.")
        combinations = itertools.product(*axes.values())
        return [
            _checked_job(found, declared, dict(zip(axes, c, strict=True))) for c in combinations
        ]
    except (CatalogueError, ParameterError) as error:
        raise SweepError(f"{where}: {error}") from None


def _checked_job(found: LabEntry, declared: Mapping[str, Parameter], given: Mapping) -> Job:
    checked = validate(dict(declared), dict(given), found.id)
    if checked["data_dir"] is not None:  # runs may start elsewhere
        checked["data_dir"] = str(Path(checked["data_dir"]).expanduser().resolve())
    return Job(found.id, found.path.resolve(), {name: checked[name] for name in given})


def _axes(
    entry: Mapping[str, object], declared: Mapping[str, Parameter], where: str
) -> dict[str, list]:
    """Each chosen parameter and the values it takes, of its declared type where they fit."""
    texts: dict[str, list] = {}
    for key in ("profile", "device", "data_dir"):
        if key in entry:
            texts[key] = entry[key] if isinstance(entry[key], list) else [entry[key]]
    if "seeds" in entry:
        texts["seed"] = _seeds(entry["seeds"], where)
    for name, value in _mapping(entry.get("set", {}), f"{where}, set").items():
        _new(name, texts, where)
        texts[name] = [value]
    for name, values in _mapping(entry.get("grid", {}), f"{where}, grid").items():
        _new(name, texts, where)
        if not isinstance(values, list) or not values:
            raise SweepError(f"{where}, grid, {name}: expected a list of values, as in [1, 2].")
        texts[name] = values
    return {
        name: [_typed(declared.get(name), value) for value in values]
        for name, values in texts.items()
    }


def _new(name: str, texts: Mapping[str, object], where: str) -> None:
    if name in texts:
        raise SweepError(f"{where}: {name} is given twice.")
    if name == "output_dir":
        raise SweepError(f"{where}: choose the folder of runs with --out, not with output_dir.")


def _typed(parameter: Parameter | None, value: object) -> object:
    """A text as a value of the declared type; an unknown name is left for `validate` to refuse."""
    if parameter is None:
        return value
    if isinstance(value, list):
        item = "[" + ", ".join(map(str, value)) + "]"
        return from_text(parameter, item) if parameter.is_list else value
    return from_text(parameter, value) if isinstance(value, str) else value


def _seeds(value: object, where: str) -> list[str]:
    """Seeds from "0..4" (both ends included), "3", or a list."""
    if isinstance(value, list):
        return value
    text = _text(value, f"{where}, seeds")
    span = _SPAN.fullmatch(text)
    if span is None:
        return _listed("seeds", text)
    first, last = int(span[1]), int(span[2])
    if not first <= last < first + MOST_JOBS:
        raise SweepError(f"{where}: seeds {text}: expected FIRST..LAST, at most {MOST_JOBS:,}.")
    return [str(seed) for seed in range(first, last + 1)]


def _listed(name: str, text: str) -> list:
    """ "a,b" or "[a, b]" as a list of texts (of lists, for "[a,b],[c]")."""
    try:
        items = yaml.load(f"[{text}]", Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        raise SweepError(f"{name}: got {text!r}; allowed: values set apart by commas.") from None
    if not isinstance(items, list) or not items:
        raise SweepError(f"{name}: got {text!r}; allowed: values set apart by commas.")
    return items


def _limits(given: Mapping[str, object]) -> Limits:
    timeout = given.get("timeout")
    try:
        seconds = None if timeout is None else float(str(timeout))
    except ValueError:
        raise SweepError(f"timeout: got {timeout!r}; allowed: a number of seconds.") from None
    memory = given.get("memory")
    return Limits(seconds, None if memory is None else parse_size(str(memory)))


def _mapping(value: object, where: str, allowed: Sequence[str] | None = None) -> dict:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise SweepError(f"{where}: expected names with values, got {_short(value)}.")
    odd = [key for key in value if allowed is not None and key not in allowed]
    if odd:
        raise SweepError(f"{where}: unknown name {odd[0]!r}; allowed: {', '.join(allowed)}.")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SweepError(f"{where}: expected a text, got {_short(value)}.")
    return value


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
