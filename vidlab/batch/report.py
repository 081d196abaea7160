"""What a batch leaves behind when it ends, however it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidlab.batch.results import Failure, failures, tables, write_failures, write_tables
from vidlab.batch.summary import write_summary
from vidlab.batch.sweep import Sweep
from vidlab.batch.watch import Outcome
from vidlab.labs.text import one_line


def write_report(
    folder: Path, sweep: Sweep, outcomes: Sequence[Outcome]
) -> tuple[list[Failure], list[Path], str]:
    """Write tables, failures and summary; returns what failed, the files, and what went wrong.

    A summary that cannot be made costs nothing else: the last text says why, else it is empty.
    """
    written = write_tables(folder, sweep)
    failed = failures(folder, sweep, outcomes)
    report = write_failures(folder, failed)
    problem = ""
    results = tables(folder, sweep)["results"]
    if len(results):
        try:
            written.append(write_summary(folder, sweep.name, results))
        except Exception as error:  # many libraries, many kinds; the tables are safe
            problem = f"summary.ipynb was not made ({one_line(str(error))})"
    return failed, written + ([report] if report else []), problem
