"""What a batch found, as tables: one row a number, read from the records of finished runs."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd

from vidlab.batch.batch import finished_run, job_folder
from vidlab.batch.jobs import Job, Sweep
from vidlab.batch.watch import Outcome
from vidlab.batch.worker import newest_run
from vidlab.labs.record import is_alive, write_text
from vidlab.labs.text import csv_text, one_line, plain_output

_COLUMNS = (
    *("job", "lab", "run_id", "metric", "variant", "value", "claim", "holds", "statement"),
    *("status", "seconds", "message"),
)
_TRACEBACK = 12_000  # characters of a traceback that a report keeps: its end


@dataclass(frozen=True)
class Failure:
    """A job that did not finish: what it was, how and where it ended."""

    job: Job
    status: str
    message: str
    cell: int | None
    heading: str | None
    traceback: str  #: of the failed cell, empty where it left none
    run: Path | None


def tables(folder: Path, sweep: Sweep) -> dict[str, pd.DataFrame]:
    """The tables "results" (a metric of a run), "claims" (a claim of a run) and "runs" (a job).

    Each has the columns job, lab, profile, seed, one for every parameter that the sweep chooses,
    device and run_id. ``results`` adds metric, variant and value; ``claims`` adds claim, holds
    (True, False or None) and statement; ``runs`` adds status, seconds and message.
    """
    swept = _swept(sweep.jobs)
    rows: dict[str, list[dict]] = {"results": [], "claims": [], "runs": []}
    for job in sweep.jobs:
        found = newest_run(job_folder(folder, job), job.lab)
        record = found[1] if found else {}
        common = {
            "job": job.key,
            "lab": job.lab,
            "profile": record.get("profile", job.values.get("profile")),
            "seed": record.get("seed", job.values.get("seed")),
            **{
                column: _cell(record.get("parameters", job.values).get(name))
                for column, name in swept.items()
            },
            "device": record.get("device", {}).get("name"),
            "run_id": record.get("run_id"),
        }
        error = record.get("error") or {}
        rows["runs"].append(
            {
                **common,
                "status": _status(record),
                "seconds": record.get("timings", {}).get("total_s"),
                "message": error.get("message", ""),
            }
        )
        if record.get("status") != "finished":
            continue
        for name, value in record["metrics"].items():
            metric, _, variant = name.partition("/")
            rows["results"].append(
                {**common, "metric": metric, "variant": variant, "value": float(value)}
            )
        for claim in record["claims"]:
            rows["claims"].append(
                {
                    **common,
                    "claim": claim["id"],
                    "holds": claim["holds"],
                    "statement": claim["statement"],
                }
            )
    columns = ["job", "lab", "profile", "seed", *swept, "device", "run_id"]
    more = {
        "results": ["metric", "variant", "value"],
        "claims": ["claim", "holds", "statement"],
        "runs": ["status", "seconds", "message"],
    }
    return {name: pd.DataFrame(rows[name], columns=columns + more[name]) for name in rows}


def _status(record: Mapping) -> str:
    status = record.get("status", "not started")
    # A killed process cannot say goodbye.
    return "interrupted" if status == "running" and is_alive(record) is False else status


def _swept(jobs: Sequence[Job]) -> dict[str, str]:
    """The columns of what a sweep chooses, and the names of these parameters."""
    chosen = dict.fromkeys(name for job in jobs for name in job.values)
    folders = {job.values.get("data_dir") for job in jobs}
    apart = ["profile", "seed", "device"] + (["data_dir"] if len(folders) < 2 else [])
    # A parameter may carry the name of another column.
    return {f"{c}_" if c in _COLUMNS else c: c for c in chosen if c not in apart}


def write_tables(folder: Path, found: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as CSV, and as Parquet where pyarrow is installed; returns the files.

    In CSV a text that a spreadsheet would compute gets a leading apostrophe.
    """
    written = []
    for name, table in found.items():
        path = folder / f"{name}.csv"
        write_text(path, csv_text(table))
        written.append(path)
        try:
            import pyarrow  # noqa: F401
        except ModuleNotFoundError:
            continue
        data = io.BytesIO()
        _one_type_a_column(table).to_parquet(data, index=False)
        path = folder / f"{name}.parquet"
        partial = path.with_name(f".{path.name}.partial")
        try:
            partial.write_bytes(data.getvalue())
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        written.append(path)
    return written


def failures(folder: Path, sweep: Sweep, outcomes: Sequence[Outcome] = ()) -> list[Failure]:
    """The jobs that are not finished, in the order of the sweep, with cell and traceback."""
    ended = {outcome.key: outcome for outcome in outcomes}
    found = []
    for job in sweep.jobs:
        if finished_run(folder, job):
            continue
        outcome = ended.get(job.key)
        newest = newest_run(job_folder(folder, job), job.lab)
        run, record = newest if newest else (None, {})
        error = record.get("error") or {}
        found.append(
            Failure(
                job,
                outcome.status if outcome else record.get("status", "not started"),
                (outcome.message if outcome else "") or error.get("message", "not started"),
                error.get("cell"),
                error.get("heading"),
                _traceback(run) if run else "",
                run,
            )
        )
    return found


def write_failures(folder: Path, failed: Sequence[Failure]) -> Path | None:
    """Write failures.md, or remove it where nothing failed."""
    path = folder / "failures.md"
    if not failed:
        path.unlink(missing_ok=True)
        return None
    parts = [f"# {len(failed)} {'run' if len(failed) == 1 else 'runs'} did not finish\n"]
    begun = [failure for failure in failed if failure.status != "not started"]
    if len(begun) < len(failed):
        parts.append(f"{len(failed) - len(begun)} of them did not start.\n")
    for failure in begun:
        where = f", cell {failure.cell}" if failure.cell is not None else ""
        where += f" ({failure.heading})" if failure.heading else ""
        parts.append(f"## {one_line(failure.job.title())}\n")
        parts.append(f"{failure.status}{where}: {one_line(failure.message)}\n")
        if failure.run is not None:
            parts.append(f"Run: `{failure.run.relative_to(folder).as_posix()}`\n")
        # Where Ctrl-C found a run says nothing about it.
        if failure.traceback and failure.status != "interrupted":
            fenced = "\n".join(f"    {line}" for line in failure.traceback.splitlines())
            parts.append(fenced + "\n")
    write_text(path, "\n".join(parts))
    return path


def _traceback(run: Path) -> str:
    """What the failed cell printed as its error, without terminal codes."""
    try:
        notebook = nbformat.read(run / "lab.ipynb", as_version=4)
    except (OSError, ValueError):
        return ""
    for cell in reversed(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("output_type") == "error":
                return plain_output("\n".join(output.get("traceback", [])))[-_TRACEBACK:]
    return ""


def _one_type_a_column(table: pd.DataFrame) -> pd.DataFrame:
    """Columns that hold several types become texts: labs may share a parameter's name only."""
    mixed = [c for c in table if table[c].dropna().map(type).nunique() > 1]
    as_text = {c: [None if v is None or v != v else json.dumps(v) for v in table[c]] for c in mixed}
    return table.assign(**as_text)


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, (list, dict)) else value
