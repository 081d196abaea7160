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

_COMMON = ("job", "lab", "profile", "seed", "device", "run_id", "metric", "variant", "value")
_MOST_CURVES = 8

_READ = """\
import pandas as pd
from IPython.display import display

results = pd.read_csv("results.csv", dtype={{"variant": str}}, keep_default_na=False,
                      na_values={{"value": [""], "seed": [""]}})
runs, claims = (pd.read_csv(f"{{name}}.csv") for name in ("runs", "claims"))
swept = {swept}
display(runs.groupby(["lab", "profile", "status"]).size().rename("runs").reset_index())"""

_MEANS = """\
from vidlab.viz.sweeps import mean_interval

def row(values):
    mean, half = mean_interval(values)
    return pd.Series({"mean": mean, "± 95 %": half, "seeds": len(values)})


groups = results.groupby(["lab", "profile", *swept, "metric", "variant"], dropna=False)
display(groups["value"].apply(row).unstack().reset_index().style.format(precision=4).hide())"""

_CURVES = '''\
from vidlab.viz.sweeps import sweep_curves

def curves(lab, parameter, most={most}):
    """Each metric of a lab over a parameter, means over seeds and the other parameters."""
    own = results[(results["lab"] == lab) & (results[parameter].astype(str) != "")]
    for metric, part in own.groupby("metric", sort=False):
        series = {{}}
        for name in part["variant"].drop_duplicates()[:most]:
            points = part[part["variant"] == name].groupby(parameter)["value"]
            series[name] = {{x: list(values) for x, values in points}}
        display(sweep_curves(series, xlabel=parameter, ylabel=f"{{metric}} ({{lab}})"))'''

_CLAIMS = """\
words = {"True": "holds", "False": "does not hold", "nan": "not tested", "": "not tested"}
told = claims.assign(verdict=claims["holds"].astype(str).map(words))
display(told.groupby(["lab", "profile", *swept, "claim"], sort=False, dropna=False)["verdict"]
        .value_counts().unstack(fill_value=0).reset_index().style.hide())"""


def write_summary(folder: Path, name: str, results: pd.DataFrame) -> Path:
    """Make summary.ipynb, execute it beside the tables, and write it as HTML too.

    Raises:
        papermill.exceptions.PapermillExecutionError: a cell failed.
    """
    swept = [c for c in results.columns if c not in _COMMON]
    cells = [
        new_markdown_cell(
            f"# {name}\n\nMade by `vidlab batch` of `results.csv` (one row a metric of a run), "
            "`claims.csv` and `runs.csv`. Change it as you like; a resumed batch writes it anew."
        ),
        new_code_cell(_READ.format(swept=repr(swept))),
        new_markdown_cell(
            "## Means over seeds\n\nWith the 95 % confidence interval of the mean (Student's t): "
            "half its width. One seed has no interval."
        ),
        new_code_cell(_MEANS),
    ]
    pairs = [
        (lab, parameter)
        for lab, part in results.groupby("lab", sort=False)
        for parameter in swept
        if part[parameter].nunique() > 1
    ]
    if pairs:
        cells += [
            new_markdown_cell("## Over the parameters"),
            new_code_cell(_CURVES.format(most=_MOST_CURVES)),
            *(new_code_cell(f"curves({lab!r}, {parameter!r})") for lab, parameter in pairs),
        ]
    cells += [new_markdown_cell("## Claims: how many runs say what"), new_code_cell(_CLAIMS)]
    partial = folder / ".summary.partial.ipynb"
    control = Control()
    with open(os.devnull, "wb") as log:
        task = Task(new_notebook(cells=cells), {}, partial, folder, dict(os.environ), log)
        execute(task, control)
    while (event := control.events.get())[0] != "done":
        pass
    try:
        if event[1] is not None:
            raise event[1]
        notebook = nbformat.read(partial, as_version=4)
    finally:
        partial.unlink(missing_ok=True)
    path = folder / "summary.ipynb"
    write_text(path, nbformat.writes(notebook))
    write_text(folder / "summary.html", notebook_to_html(notebook, name, folder))
    return path
