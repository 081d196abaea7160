"""Is this machine ready? Each check says what was found and, if need be, what mends it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import vidlab
from vidlab.labs.catalogue import notebooks_folder, scan
from vidlab.labs.runs import RunRefused, check_writable

# What each optional group of packages is good for.
EXTRAS = {
    "video": "reading and writing video files",
    "book": "building the book",
    "fast": "packed 1-bit kernels on the CPU",
    "cluster": "batches of labs on many machines",
    "dev": "running the tests",
}
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Check:
    """One finding. ``ok`` is False for what has to be mended, None for what merely could be."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def examine(out: Path) -> list[Check]:
    """All checks but those of the data sets, which the command line adds."""
    return [
        _python(),
        Check("vidlab", True, f"{vidlab.__version__} in {Path(vidlab.__file__).parent}"),
        *_packages(),
        _device(),
        _machine(),
        _chromium(),
        _catalogue(),
        _output(out),
    ]


def data_checks(found: Iterable) -> list[Check]:
    """What ``vidlab.datasets.check`` found: only broken shipped data has to be mended."""
    return [
        Check(
            f"data {item.name}",
            True if item.ok else False if item.shipped else None,
            item.detail if item.where == "-" else f"{item.detail} ({item.where})",
            item.remedy,
        )
        for item in found
    ]


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    remedy = "" if ok else "install Python 3.11 or newer"
    return Check("python", ok, f"{platform.python_version()} at {sys.executable}", remedy)


def _packages() -> Iterable[Check]:
    """Each core dependency, then one line for each optional group."""
    core, extras = _requirements()
    for requirement in core:
        problem, detail = _installed(requirement)
        remedy = f'pip install "{requirement.name}{requirement.specifier}"' if problem else ""
        yield Check(requirement.name, not problem, detail, remedy)
    for extra, requirements in extras.items():
        lacking = [r.name for r in requirements if _installed(r)[0]]
        brings = EXTRAS.get(extra, "optional")
        if not lacking:
            yield Check(f"extra {extra}", True, brings)
        else:
            detail = f"{brings}; lacking {', '.join(lacking)}"
            yield Check(f"extra {extra}", None, detail, f'pip install "vidlab[{extra}]"')


def _installed(requirement) -> tuple[bool, str]:
    """Whether a requirement is not met, and what is there instead."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return True, "missing"
    if not requirement.specifier.contains(version, prereleases=True):
        return True, f"{version}, which does not fit {requirement.specifier}"
    return False, version


def _requirements():
    """(core requirements, extra -> requirements) of the installed package, or of the clone."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("vidlab") or []
    except metadata.PackageNotFoundError:
        project = tomllib.loads(
            (Path(vidlab.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
        )["project"]
        groups = project["optional-dependencies"].items()
        extras = {name: [Requirement(line) for line in lines] for name, lines in groups}
        return [Requirement(line) for line in project["dependencies"]], _here(extras)
    core, extras = [], {}
    for line in lines:
        requirement = Requirement(line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", str(requirement.marker or ""))
        if extra:
            extras.setdefault(extra[1], []).append(requirement)
        else:
            core.append(requirement)
    return core, _here(extras)


def _here(extras: dict[str, list]) -> dict[str, list]:
    """Without what is meant for other systems."""
    return {
        extra: [r for r in listed if r.marker is None or r.marker.evaluate({"extra": extra})]
        for extra, listed in extras.items()
    }


def _device() -> Check:
    try:
        import torch
    except Exception as error:  # a broken installation fails in many ways
        return Check("device", False, f"torch cannot be imported ({error})", "reinstall torch")
    if not torch.cuda.is_available():
        return Check("device", True, "cpu (torch finds no CUDA device)")
    count = torch.cuda.device_count()
    names = ", ".join(torch.cuda.get_device_name(i) for i in range(count))
    return Check("device", True, f"cpu, cuda ({names})")


def _machine() -> Check:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory()
    return Check(
        "machine",
        True,
        f"{cores} cores, {memory.total / 2**30:.1f} GiB of memory, "
        f"{memory.available / 2**30:.1f} GiB free",
    )


def _chromium() -> Check:
    for name in _CHROMIUM:
        if path := shutil.which(name):
            return Check("chromium", True, path)
    return Check("chromium", None, "not found; the browser tests are left out", "install Chromium")


def _catalogue() -> Check:
    folder = notebooks_folder()
    entries, problems = scan(folder)
    if problems:
        return Check("catalogue", False, problems[0], "mend or remove that notebook")
    if not entries:
        remedy = "set VIDLAB_NOTEBOOKS to a folder of PART/NAME.ipynb"
        return Check("catalogue", False, f"no labs in {folder}", remedy)
    return Check("catalogue", True, f"{len(entries)} labs in {folder}")


def _output(out: Path) -> Check:
    try:
        check_writable(out.expanduser().resolve())
    except RunRefused as error:
        return Check("output", False, str(error), "set VIDLAB_OUT to a folder you may write to")
    return Check("output", True, str(out))
