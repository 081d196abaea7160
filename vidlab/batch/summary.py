"""The summary of a batch: a notebook over its tables, with means over seeds and their intervals."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from vidlab.labs.html import notebook_to_html
from vidlab.labs.kernel import Control, Task, execute
from vidlab.labs.record import write_text

_READ = """\
from vidlab.batch.overview import (
    means, read_tables, show_curves, show_table, status, unfinished, verdicts
)

tables = read_tables(".")
show_table(status(tables))"""
_MEANS = """\
± is half the width of the 95 % confidence interval of the mean (Student's t, with one degree of
freedom fewer than there are seeds). Only runs that differ in nothing but their seed are averaged;
one seed has no interval."""


def write_summary(folder: Path, name: str, tables: dict[str, pd.DataFrame]) -> Path:
    """Make summary.ipynb, execute it beside the tables, and write it as HTML too.

    Raises:
        papermill.exceptions.PapermillExecutionError: a cell failed.
    """
    notebook = _executed(new_notebook(cells=_cells(name, tables)), folder)
    path = folder / "summary.ipynb"
    write_text(path, nbformat.writes(notebook))
    write_text(folder / "summary.html", notebook_to_html(notebook, name, folder))
    return path


def _cells(name: str, tables: dict[str, pd.DataFrame]) -> list:
    """Only what there is something to show for."""
    results, claims, runs = (tables[key] for key in ("results", "claims", "runs"))
    swept = list(runs.columns[4 : runs.columns.get_loc("device")])
    cells = [
        new_markdown_cell(
            f"# {name}\n\nMade by `vidlab batch` of `results.csv` (one row a metric of a run), "
            "`claims.csv` and `runs.csv`. Change it as you like; a resumed batch writes it anew."
        ),
        _code(_READ),
    ]
    if (runs["status"] != "finished").any():
        cells += [
            new_markdown_cell(
                "## What did not finish\n\nTracebacks are in `failures.md`; "
                "`vidlab batch … --resume` tries again. Nothing below counts these runs."
            ),
            _code("show_table(unfinished(tables))"),
        ]
    if len(results):
        cells += [new_markdown_cell(f"## Means over seeds\n\n{_MEANS}")]
        cells += [_code("show_table(means(tables))")]
    for lab, part in results.groupby("lab", sort=False):
        for parameter in swept:
            if part[parameter].nunique() > 1:
                cells += [
                    new_markdown_cell(f"## `{lab}` over `{parameter}`"),
                    _code(f"show_curves(tables, {lab!r}, {parameter!r})"),
                ]
    if len(claims):
        cells += [new_markdown_cell("## Claims: how many runs say what")]
        cells += [_code("show_table(verdicts(tables))")]
    return cells


def _code(source: str):
    """A cell whose code the page folds up: its readers came for the results."""
    return new_code_cell(source, metadata={"tags": ["hide-input"]})


def _executed(notebook, folder: Path):
    """The notebook with its outputs, executed in the folder."""
    # Where papermill puts its parameters, of which there are none; without it, it complains.
    notebook.cells[1].metadata["tags"] += ["parameters"]
    partial = folder / ".summary.partial.ipynb"
    control = Control()
    with open(os.devnull, "wb") as log:
        execute(Task(notebook, {}, partial, folder, dict(os.environ), log), control)
    while (event := control.events.get())[0] != "done":
        pass
    try:
        if event[1] is not None:
            raise event[1]
        executed = nbformat.read(partial, as_version=4)
    finally:
        partial.unlink(missing_ok=True)
    executed.cells = [
        c for c in executed.cells if "injected-parameters" not in c.metadata.get("tags", [])
    ]
    return executed
