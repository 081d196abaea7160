"""What the command line prints about a lab and about a run."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from vidlab.labs.cards import leak
from vidlab.labs.catalogue import LabEntry
from vidlab.labs.parameters import Parameter
from vidlab.labs.tables import claims_table, parameters_table
from vidlab.labs.text import duration, one_line

if TYPE_CHECKING:  # running costs much more to import than telling about it
    from vidlab.labs.run import RunResult


_VERDICTS = {"hold": True, "do not hold": False, "not tested": None}


def print_lab(console: Console, entry: LabEntry, parameters: Iterable[Parameter]) -> None:
    """A lab's identity and its parameters."""
    times = f"quick {duration(entry.quick_s)}, full {duration(entry.full_s)}"
    first = f"; do first: {', '.join(entry.prerequisites)}" if entry.prerequisites else ""
    console.print(f"{entry.title} ({entry.part}/{entry.id})", markup=False, style="bold")
    for line in (entry.paper, entry.summary, times + first, ""):
        console.print(line, markup=False, highlight=False)
    console.print(parameters_table(parameters))


def print_result(console: Console, result: RunResult) -> None:
    """The claims of a finished run and where its files lie."""
    claims = result.record["claims"]
    if warning := leak(result.record):
        console.print(warning, markup=False, highlight=False, style="bold red")
    console.print(claims_table(claims) if claims else "This lab made no claims.")
    console.print()
    counts = {word: sum(c["holds"] is v for c in claims) for word, v in _VERDICTS.items()}
    console.print("claims:   " + ", ".join(f"{n} {word}" for word, n in counts.items()))
    for name, path in result.paths.items():
        # Not broken, whatever the width: a path is there to be copied.
        console.print(f"{name:<8}  {path}", soft_wrap=True, markup=False, highlight=False)


def print_problems(console: Console, found: Iterable) -> None:
    """The single files that `vidlab data check` found fault with, a line each."""
    for item in found:
        if not item.problems:
            continue
        console.print(f"\n{item.name}:", style="bold")
        for problem in item.problems:
            text = one_line(problem, 500)
            console.print(f"  {text}", soft_wrap=True, markup=False, highlight=False)
        more = item.problem_count - len(item.problems)
        if more:
            console.print(f"  … and {more:,} more", highlight=False)


def _command() -> str:
    """How to call this program from here: by name, or by path where the name is not found."""
    program = Path(sys.argv[0])
    if program.name != "vidlab" or shutil.which("vidlab"):
        return "vidlab"
    return os.path.relpath(program)


def last_line(lab: str, result: RunResult, out: Path) -> str:
    """What happened to a run that did not finish: where, under which heading, and what now."""
    record = result.record
    error = record["error"]
    where = f" in cell {error['cell']}" if error["cell"] else ""
    where += f', under "{error["heading"]}"' if error["heading"] else ""
    if record["status"] == "failed":
        see = result.paths.get("html") or result.run_dir
        return f"{record['lab']} failed{where}: {error['message']} (see {see})"
    again = [_command(), "run", lab, "--resume", record["run_id"]]
    again += [] if out == Path("runs") else ["--out", str(out)]
    what = f"{record['lab']} interrupted{where} ({error['message']})"
    return f"{what}; go on with: {shlex.join(again)}"
