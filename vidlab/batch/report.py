"""What a batch leaves behind when it ends, however it ends."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from vidlab.batch.jobs import Sweep
from vidlab.batch.results import Failure, failures, tables, write_failures, write_tables
from vidlab.batch.summary import write_summary
from vidlab.batch.watch import Outcome
from vidlab.labs.text import one_line


def write_report(
    folder: Path, sweep: Sweep, outcomes: Sequence[Outcome], *, summary: bool = True
) -> tuple[list[Failure], list[Path], str]:
    """Write tables, failures and summary; returns what failed, the files, and what went wrong.

    A summary that cannot be made costs nothing else: the last text says why, else it is empty.
    Without ``summary`` there is none: an earlier one would tell what is no longer so.
    """
    found = tables(folder, sweep)
    written = write_tables(folder, found)
    failed = failures(folder, sweep, outcomes)
    report = write_failures(folder, failed)
    problem = ""
    for name in ("summary.ipynb", "summary.html"):
        (folder / name).unlink(missing_ok=True)
    if summary and (found["runs"]["status"] != "not started").any():
        try:
            written.append(write_summary(folder, sweep.name, found))
        except Exception as error:  # many libraries, many kinds; the tables are safe
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            problem = f"summary.ipynb was not made ({one_line(str(error))})"
    return failed, written + ([report] if report else []), problem
