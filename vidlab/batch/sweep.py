"""Reading a sweep: which labs to run with which parameters and seeds, in a file or in flags.

A sweep file is YAML::

    name: scale                  # of the batch's folder; by default the file's name
    runs:                        # at least one
      - lab: radialctc           # an id, part/id, or a path
        profile: quick           # or a list
        seeds: 0..4              # or a list, or one number
        set: {epochs: 3}         # the same for all runs
        grid: {scale: [8, 16]}   # every combination of every list
    limits: {timeout: 600, memory: 4G}   # of each run

Every value is checked against its lab's declarations before anything runs.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vidlab.batch.jobs import Job, Limits, Sweep, SweepError, checked_job, new_sweep, short
from vidlab.labs.catalogue import CatalogueError, LabEntry, find_lab, read_notebook
from vidlab.labs.parameters import Parameter, ParameterError, from_text, read_parameters
from vidlab.labs.text import shown
from vidlab.labs.yamltext import LONGEST, YamlError, read_yaml

MOST_JOBS = 10_000
_LARGEST_MEMORY = 1 << 60  # bytes
_SPAN = re.compile(r"\s*(\d{1,10})\s*\.\.\s*(\d{1,10})\s*")
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", re.IGNORECASE)
_TOP = ("name", "runs", "limits")
_RUN = ("lab", "profile", "seeds", "set", "grid", "device", "data_dir")


def read_sweep(path: Path) -> Sweep:
    """Read a sweep file.

    Raises:
        SweepError: it cannot be read, is not such a file, or asks for what a lab does not allow.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise SweepError(f"{path}: cannot be read ({error.strerror}).") from None
    if len(data) > LONGEST:
        raise SweepError(f"{path}: more than {LONGEST >> 10} KB; this is not a sweep file.")
    try:
        tree = read_yaml(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise SweepError(f"{path}: not YAML ({error}).") from None
    except YamlError as error:
        raise SweepError(f"{path}: {error}.") from None
    top = _mapping(tree, str(path), _TOP)
    runs = top.get("runs")
    if not isinstance(runs, list) or not runs:
        raise SweepError(f"{path}: expected runs: and a list of at least one lab.")
    named = [(f"{path}, run {number}", entry) for number, entry in enumerate(runs, 1)]
    jobs = _jobs([(where, _mapping(entry, where, _RUN)) for where, entry in named])
    limits = _mapping(top.get("limits", {}), f"{path}, limits", ("timeout", "memory"))
    return new_sweep(_text(top.get("name", path.stem), f"{path}, name"), jobs, _limits(limits))


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
    entries = []
    for lab in labs:
        entry: dict[str, object] = {"lab": lab}
        if profiles:
            entry["profile"] = list(profiles)
        if seeds is not None:
            entry["seeds"] = seeds
        if device is not None:
            entry["device"] = device
        entry["grid"] = {name: _listed(name, text) for name, text in (grid or {}).items()}
        entries.append((lab, entry))
    return new_sweep(name, _jobs(entries), limits or Limits())


def seeds_of(text: str) -> list[int]:
    """Seeds of a text like 0..4 (both ends included) or 0,3,5.

    >>> seeds_of("1..3"), seeds_of("7,9")
    ([1, 2, 3], [7, 9])
    """
    try:
        return [int(seed) for seed in _seeds(text, "seeds")]
    except (ValueError, TypeError):
        raise SweepError(
            f"seeds: got {shown(text)}; allowed: a range 0..4 or a list 0,3,5."
        ) from None


def parse_size(text: str) -> int:
    """Bytes of a text like 500M, 4G or 1.5GiB; K, M, G, T are powers of 1024.

    >>> parse_size("4G") == 4 << 30
    True
    """
    match = _SIZE.fullmatch(text)
    size = float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ") if match else math.inf
    if size > _LARGEST_MEMORY:
        raise SweepError(
            f"memory: got {shown(text)}; allowed: a number with K, M, G or T, as in 4G."
        )
    return int(size)


def job_of(lab: str, values: Mapping[str, object]) -> Job:
    """One job; values are of the declared types, or texts of them.

    Raises:
        SweepError: no such lab, or a value that it does not allow.
    """
    try:
        found = find_lab(lab)
        declared = read_parameters(read_notebook(found.path), str(found.path))
        typed = {name: _typed(declared.get(name), value) for name, value in values.items()}
        return checked_job(found, declared, typed)
    except (CatalogueError, ParameterError) as error:
        raise SweepError(str(error)) from None


def _jobs(entries: Sequence[tuple[str, Mapping[str, object]]]) -> list[Job]:
    """All combinations of all entries, each behind its name for messages; checked.

    They are counted before any is made.
    """
    labs: dict[str, tuple[LabEntry, dict[str, Parameter]]] = {}
    plans: list[tuple[str, str, dict[str, list]]] = []
    count = 0
    for where, entry in entries:
        lab = _text(entry.get("lab"), f"{where}, lab")
        if lab not in labs:
            labs[lab] = _lab(lab, where)
        axes = _axes(entry, labs[lab][1], where)
        count += math.prod(map(len, axes.values()))
        if count > MOST_JOBS:
            raise SweepError(f"{where}: more than {MOST_JOBS:,} runs; split the sweep.")
        plans.append((where, lab, axes))
    return [
        _job(where, *labs[lab], dict(zip(axes, chosen, strict=True)))
        for where, lab, axes in plans
        for chosen in itertools.product(*axes.values())
    ]


def _lab(lab: str, where: str) -> tuple[LabEntry, dict[str, Parameter]]:
    try:
        found = find_lab(lab)
        return found, read_parameters(read_notebook(found.path), str(found.path))
    except (CatalogueError, ParameterError) as error:
        raise SweepError(f"{where}: {error}") from None


def _job(where: str, found: LabEntry, declared: Mapping[str, Parameter], values: Mapping) -> Job:
    try:
        typed = {name: _typed(declared.get(name), value) for name, value in values.items()}
        return checked_job(found, declared, typed)
    except ParameterError as error:
        raise SweepError(f"{where}: {error}") from None


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
        items = read_yaml(f"[{text}]")
    except YamlError as error:
        raise SweepError(
            f"{name}: got {shown(text)}, {error}; allowed: values set apart by commas."
        ) from None
    if not isinstance(items, list) or not items:
        raise SweepError(f"{name}: got {shown(text)}; allowed: values set apart by commas.")
    return items


def _limits(given: Mapping[str, object]) -> Limits:
    timeout = given.get("timeout")
    try:
        seconds = None if timeout is None else float(str(timeout))
    except ValueError:
        raise SweepError(f"timeout: got {shown(timeout)}; allowed: a number of seconds.") from None
    memory = given.get("memory")
    return Limits(seconds, None if memory is None else parse_size(str(memory)))


def _mapping(value: object, where: str, allowed: Sequence[str] | None = None) -> dict:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise SweepError(f"{where}: expected names with values, got {short(value)}.")
    odd = [key for key in value if allowed is not None and key not in allowed]
    if odd:
        raise SweepError(f"{where}: unknown name {shown(odd[0])}; allowed: {', '.join(allowed)}.")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SweepError(f"{where}: expected a text, got {short(value)}.")
    return value
