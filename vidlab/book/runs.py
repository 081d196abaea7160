"""The run behind a lab's page: a finished one of this very code, else a new one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vidlab.labs.catalogue import LabEntry, read_notebook
from vidlab.labs.defaults import default_settings
from vidlab.labs.parameters import read_parameters
from vidlab.labs.record import RecordError, read_record, source_digest
from vidlab.labs.run import run_lab

# Where a run happens and where its files go change nothing that a page shows.
_PLACES = {"device", "output_dir"}


class BookError(RuntimeError):
    """The book cannot be built; the message is one sentence."""


@dataclass(frozen=True)
class LabRun:
    """A lab and the finished quick run that its page is made of."""

    entry: LabEntry
    folder: Path
    record: dict


def runs_of(
    entries: Iterable[LabEntry],
    runs: Path,
    on_run: Callable[[LabEntry], None] = lambda entry: None,
    on_event: Callable[[tuple], None] | None = None,
) -> list[LabRun]:
    """A finished quick run of each lab; those that ``runs`` lacks are made there.

    Args:
        runs: a folder RUNS/LAB/RUN_ID of earlier runs; only a run of the same notebook, the same
            package and the default parameters stands for a new one.
        on_run: told of each lab that has to be run, before it starts.
        on_event: told how a run goes (see `vidlab.labs.run.run_lab`).

    Raises:
        BookError: a lab did not run through; the finished ones are kept for the next time.
    """
    found = []
    for entry in entries:
        run = finished_run(entry, runs)
        if run is None:
            on_run(entry)
            result = run_lab(entry.path, {}, out=runs, on_event=on_event)
            if result.record["status"] != "finished":
                message = result.record["error"]["message"].rstrip(".")
                raise BookError(f"the book needs a run of {entry.id}, which failed: {message}.")
            run = LabRun(entry, result.run_dir, result.record)
        found.append(run)
    return found


def finished_run(entry: LabEntry, runs: Path) -> LabRun | None:
    """The newest finished run with default parameters of a lab as it stands now."""
    for path in sorted((runs / entry.id).glob("*/record.json"), reverse=True):
        try:
            record = read_record(path)
        except RecordError:
            continue
        if (
            record["status"] == "finished"
            and record["versions"].get("source") == source_digest()
            and _is_default(record["parameters"], entry)
            and _same_cells(entry.path, path.with_name("lab.ipynb"))
        ):
            return LabRun(entry, path.parent, record)
    return None


def _is_default(parameters: dict, entry: LabEntry) -> bool:
    notebook = read_notebook(entry.path)
    declared = read_parameters(notebook, str(entry.path))
    default = default_settings(notebook, declared, "quick")
    # Through JSON, as the record was: a tuple is a list there.
    return json.loads(json.dumps(_settings(default))) == _settings(parameters)


def _settings(parameters: dict) -> dict:
    return {name: value for name, value in parameters.items() if name not in _PLACES}


def _same_cells(committed: Path, executed: Path) -> bool:
    if not executed.is_file():
        return False
    return _sources(committed) == _sources(executed)


def _sources(path: Path) -> list[str]:
    """What the cells say, without the one that a run puts in."""
    return [
        "".join(cell["source"])
        for cell in read_notebook(path)["cells"]
        if "injected-parameters" not in cell.get("metadata", {}).get("tags", [])
    ]
