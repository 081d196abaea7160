"""What the summary of a batch shows: its tables in short, and curves averaged over seeds.

The summary notebook calls these functions on the batch's own CSV files, so that whoever opens it
can ask for other tables and curves.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vidlab.labs.cards import figure_html, show
from vidlab.viz.sweeps import mean_interval, sweep_curves

#: The columns of the tables that are not parameters of the sweep.
FIXED = ("job", "lab", "profile", "seed", "device", "run_id")
_MOST_ROWS = 200
_MOST_CURVES = 8
_MOST_FIGURES = 12
_DPI = 144


@dataclass(frozen=True)
class Tables:
    """The tables of a batch, as `vidlab.batch.results` describes them, and what it varies."""

    results: pd.DataFrame
    claims: pd.DataFrame
    runs: pd.DataFrame
    swept: list[str]  #: parameters of the sweep, in its order


def read_tables(folder: str | Path = ".") -> Tables:
    """Read results.csv, claims.csv and runs.csv of a batch's folder."""

    def read(name: str) -> pd.DataFrame:
        # A variant called "None" or "NA" is a name; only an empty cell says nothing.
        table = pd.read_csv(Path(folder, f"{name}.csv"), keep_default_na=False, na_values=[""])
        texts = [c for c in ("metric", "variant", "claim", "statement", "message") if c in table]
        return table.assign(**{c: table[c].astype(object).fillna("").astype(str) for c in texts})

    results, claims, runs = map(read, ("results", "claims", "runs"))
    end = runs.columns.get_loc("device")
    return Tables(results, claims, runs, list(runs.columns[4:end]))


def status(tables: Tables) -> pd.DataFrame:
    """How many runs of each lab and profile ended how."""
    runs = tables.runs.assign(profile=tables.runs["profile"].fillna("(default)"))
    counted = runs.groupby(["lab", "profile", "status"], sort=False).size()
    return counted.unstack(fill_value=0).reset_index().rename_axis(columns=None)


def unfinished(tables: Tables) -> pd.DataFrame:
    """The runs that did not finish, and why."""
    columns = ["lab", "profile", "seed", *tables.swept, "status", "message"]
    return tables.runs.loc[tables.runs["status"] != "finished", columns]


def means(tables: Tables) -> pd.DataFrame:
    """Each metric's mean over seeds, half its 95 % confidence interval, and the number of seeds."""
    results = tables.results
    rows = []
    what = ["lab", "metric", "variant"]
    settings = [c for c in _settings(results, tables.swept) if c != "lab"]
    # One metric's numbers stand together: they are what one compares.
    for name, part in results.groupby(what, sort=False, dropna=False):
        for key, values in part.groupby(settings, sort=False, dropna=False)["value"]:
            mean, half = mean_interval(values)
            rows.append((*name, *key, mean, half, len(values)))
    return pd.DataFrame(rows, columns=[*what, *settings, "mean", "± 95 %", "seeds"])


def verdicts(tables: Tables) -> pd.DataFrame:
    """How many runs say what about each claim."""
    words = {"True": "holds", "False": "does not hold", "nan": "not tested"}
    told = tables.claims.assign(verdict=tables.claims["holds"].astype(str).map(words))
    by = [*_settings(told, tables.swept), "claim", "statement"]
    counted = told.groupby([*by, "verdict"], sort=False, dropna=False).size()
    counted = counted.unstack(fill_value=0).reset_index().rename_axis(columns=None)
    return counted[[*by, *(word for word in words.values() if word in counted)]]


def curves(tables: Tables, lab: str, parameter: str) -> Iterator[tuple[object, str]]:
    """A figure for each metric of a lab over a parameter, and its caption.

    A line is one variant with one setting of everything else that the sweep varies: only runs that
    differ in nothing but their seed are averaged.
    """
    results = tables.results
    own = results[(results["lab"] == lab) & results[parameter].notna()]
    settings = [c for c in _settings(own, tables.swept) if c not in ("lab", parameter)]
    others = [c for c in settings if own[c].nunique(dropna=False) > 1]
    for metric, part in own.groupby("metric", sort=False):
        lines = {}
        for key, points in part.groupby(["variant", *others], sort=False, dropna=False):
            words = [f"{name}={value}" for name, value in zip(others, key[1:], strict=True)]
            name = ", ".join([key[0] or metric, *words])
            lines[_plain(name)] = {x: list(v) for x, v in points.groupby(parameter)["value"]}
        drawn = dict(list(lines.items())[:_MOST_CURVES])
        figure = sweep_curves(drawn, xlabel=_plain(parameter), ylabel=_plain(metric))
        yield figure, _caption(f"{metric} over {parameter} ({lab})", drawn, len(lines))


def show_table(table: pd.DataFrame) -> None:
    """Show a table in a box that scrolls; what is the same in all rows is said once, above it."""
    from html import escape

    same = [c for c in table if len(table) > 1 and table[c].nunique(dropna=False) == 1]
    same = [c for c in same if c in ("lab", "profile")]
    told = ", ".join(f"{escape(c)} <b>{escape(str(table[c].iloc[0]))}</b>" for c in same)
    cut = f"{_MOST_ROWS} of {len(table):,} rows; the CSV files hold all" if (
        len(table) > _MOST_ROWS
    ) else ""  # fmt: skip
    above = "; ".join(filter(None, [f"All rows: {told}" if told else "", cut]))
    texts = table.drop(columns=same).head(_MOST_ROWS)
    texts = texts.apply(lambda column: column.map(_rough if column.name == "± 95 %" else _cell))
    html = texts.to_html(index=False, border=0)
    show(
        f'<div style="font-size:.9em;opacity:.85">{above}</div>'
        f'<div style="overflow:auto;max-height:34em;width:100%">{html}</div>',
        table.head(20).to_string(index=False),
    )


def show_curves(tables: Tables, lab: str, parameter: str) -> None:
    """Show the figures of `curves`, the first twelve, each with its caption."""
    from matplotlib import pyplot

    left = 0
    for number, (figure, caption) in enumerate(curves(tables, lab, parameter)):
        if number < _MOST_FIGURES:
            file = io.BytesIO()
            figure.savefig(file, dpi=_DPI, bbox_inches="tight", format="png")
            show(figure_html(file.getvalue(), caption, _DPI), f"[figure] {caption}")
        else:
            left += 1
        pyplot.close(figure)
    if left:
        text = f"{left} more metrics are in the table of means; `curves` draws them."
        show(f"<p>{text}</p>", text)


def _settings(table: pd.DataFrame, swept: list[str]) -> list[str]:
    """The columns that must be the same for two runs to be seeds of one thing."""
    by = ["lab", "profile", *swept]
    what = [c for c in ("metric", "variant", "claim") if c in table]
    # The same seed twice: the sweep runs on several devices. One machine or another is no setting.
    return [*by, "device"] if table.duplicated([*by, *what, "seed"]).any() else by


def _caption(what: str, drawn: dict, count: int) -> str:
    seeds = [len(values) for points in drawn.values() for values in points.values()]
    if max(seeds) == 1:
        text = f"{what}: one seed each, so there is no confidence interval."
    else:
        span = f"{min(seeds)} to {max(seeds)}" if min(seeds) < max(seeds) else f"{seeds[0]}"
        text = (
            f"{what}: lines are means over {span} seeds, bands their 95 % confidence intervals "
            "(Student's t, one degree of freedom fewer than seeds), dots the single runs."
        )
    return text + (f" {len(drawn)} of {count} lines are drawn." if len(drawn) < count else "")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    return "–" if value is None else str(value)


def _rough(value: float) -> str:
    """An uncertainty: two digits say all that is known of it."""
    return "–" if value != value else f"{value:.2g}"


def _plain(text: str) -> str:
    """A text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
