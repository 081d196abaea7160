"""The labs there are: notebooks with an identity in their metadata, and nowhere else."""

from __future__ import annotations

import difflib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

# An id becomes the name of a folder, so it may not hold anything a path could trip over.
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PACKAGE = Path(__file__).resolve().parent.parent


class CatalogueError(ValueError):
    """A lab was not found, or its notebook is not a lab; the message is one sentence."""


@dataclass(frozen=True)
class LabEntry:
    """A lab's identity, as its notebook tells it. Budgets are seconds of wall time."""

    id: str
    title: str
    paper: str
    part: str
    prerequisites: tuple[str, ...]
    quick_s: float
    full_s: float
    summary: str
    path: Path


def notebooks_folder() -> Path:
    """Where the labs lie: $VIDLAB_NOTEBOOKS, else inside an installed wheel, else in the clone."""
    chosen = os.environ.get("VIDLAB_NOTEBOOKS")
    if chosen:
        return Path(chosen).expanduser().resolve()
    installed = _PACKAGE / "_notebooks"
    return installed if installed.is_dir() else _PACKAGE.parent / "notebooks"


def scan(folder: Path | None = None) -> tuple[list[LabEntry], list[str]]:
    """All labs under ``folder``/PART/NAME.ipynb, sorted by part and id, and what was skipped.

    The second list holds one line for each notebook left out, with its file and the reason.
    """
    folder = notebooks_folder() if folder is None else folder
    entries: dict[str, LabEntry] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*/*.ipynb")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            entry = read_entry(path)
        except CatalogueError as error:
            problems.append(str(error))
            continue
        if entry.id in entries:
            problems.append(f"{path}: the id {entry.id} belongs to {entries[entry.id].path}.")
            continue
        entries[entry.id] = entry
    return sorted(entries.values(), key=lambda entry: (entry.part, entry.id)), problems


def find_lab(lab: str | Path, folder: Path | None = None) -> LabEntry:
    """The lab with an id, a part/id, or the path of an .ipynb file.

    Raises CatalogueError that names the lab and the ones there are.
    """
    name = str(lab)
    if name.endswith(".ipynb"):
        path = Path(name).expanduser()
        if not path.is_file():
            raise CatalogueError(f"no such notebook: {name}.")
        return read_entry(path.resolve())
    folder = notebooks_folder() if folder is None else folder
    entries, problems = scan(folder)
    for entry in entries:
        if name in (entry.id, f"{entry.part}/{entry.id}"):
            return entry
    if not entries:
        found = "an unreadable one" if problems else "none"
        raise CatalogueError(
            f"unknown lab {name}: there are no labs in {folder} ({found} found); "
            "set VIDLAB_NOTEBOOKS to a folder of PART/NAME.ipynb."
        )
    ids = [entry.id for entry in entries]
    close = difflib.get_close_matches(name.rsplit("/", 1)[-1], ids, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    raise CatalogueError(f"unknown lab {name}{hint} There are: {', '.join(ids)}.")


def read_notebook(path: Path) -> dict:
    """A notebook's JSON. Raises CatalogueError, naming the file, when it is not a notebook."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise CatalogueError(f"{path}: not a notebook (not valid JSON).") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise CatalogueError(f"{path}: not a notebook (no list of cells).")
    if not isinstance(notebook.get("metadata"), dict):
        raise CatalogueError(f"{path}: not a notebook (no metadata).")
    return notebook


def read_entry(path: Path) -> LabEntry:
    """The identity of one notebook. Raises CatalogueError, naming file and reason."""
    metadata = read_notebook(path)["metadata"].get("vidlab")
    if not isinstance(metadata, dict):
        raise CatalogueError(f"{path}: not a lab (its metadata has no 'vidlab').")
    try:
        prerequisites = metadata.get("prerequisites", [])
        if not isinstance(prerequisites, list):
            raise ValueError("prerequisites is not a list of lab ids")
        budget = metadata.get("budget")
        return LabEntry(
            id=_identifier(metadata, "id"),
            title=_line(metadata, "title"),
            paper=_line(metadata, "paper"),
            part=_identifier(metadata, "part"),
            prerequisites=tuple(
                _identifier({"prerequisites": p}, "prerequisites") for p in prerequisites
            ),
            quick_s=_seconds(budget, "quick_s"),
            full_s=_seconds(budget, "full_s"),
            summary=_line(metadata, "summary"),
            path=path,
        )
    except ValueError as error:
        raise CatalogueError(f"{path}: its vidlab metadata is not valid: {error}.") from None


def _identifier(metadata: dict, key: str) -> str:
    value = metadata.get(key)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"{key} is {value!r}; allowed: small letters, digits and dashes")
    return value


def _line(metadata: dict, key: str) -> str:
    value = metadata.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"{key} is {value!r}; allowed: one line of text")
    return value


def _seconds(budget: object, key: str) -> float:
    value = budget.get(key) if isinstance(budget, dict) else None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 1e9:
        raise ValueError(f"budget.{key} is {value!r}; allowed: a positive number of seconds")
    return value
