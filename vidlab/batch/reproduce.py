"""Tables of the papers, made again: a sweep, and our numbers beside the printed ones.

Each table is a file in ``tables/``: the lab, what its runs are set to, and for each row the variant
that the lab measures and what the paper prints. Nothing of ours is written there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd
import yaml

from vidlab.batch.batch import finished_run
from vidlab.batch.sweep import Job, Limits, Sweep, SweepError, job_of
from vidlab.labs.record import write_text
from vidlab.labs.text import csv_text


@dataclass(frozen=True)
class Row:
    """A row: its name, the variant that the lab measures, its own settings, what the paper says."""

    name: str
    metric: str
    settings: Mapping[str, object]
    paper: Mapping[str, float]


@dataclass(frozen=True)
class PaperTable:
    """A table of a paper.

    Attributes:
        id, title, source, note: for people.
        lab: that measures it.
        settings: parameters of all runs.
        columns: metric to heading.
        factor: ours times this is in the paper's unit.
        rows: in the paper's order.
    """

    id: str
    title: str
    source: str
    note: str
    lab: str
    settings: Mapping[str, object]
    columns: Mapping[str, str]
    factor: float
    rows: tuple[Row, ...]


def paper_tables() -> dict[str, PaperTable]:
    """All tables by id, in the order of their names."""
    folder = resources.files(__package__).joinpath("tables")
    files = sorted(f.name for f in folder.iterdir() if f.name.endswith(".yaml"))
    return {
        name.removesuffix(".yaml"): _read(
            name.removesuffix(".yaml"), folder.joinpath(name).read_text("utf-8")
        )
        for name in files
    }


def sweep_of_table(
    table: PaperTable,
    *,
    profile: str = "quick",
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    limits: Limits | None = None,
    settings: Mapping[str, object] | None = None,
) -> Sweep:
    """The runs that a table needs: one for each of its settings and each seed.

    ``settings`` (longer training, say) are for all rows; what a row itself sets stays.

    Raises:
        SweepError: a value that the lab does not allow.
    """
    jobs = {
        job.key: job
        for row in table.rows
        for seed in seeds
        for job in [_job(table, row, profile, seed, device, settings)]
    }
    return Sweep(f"{table.id}-{profile}", tuple(jobs.values()), limits or Limits())


def compare(
    table: PaperTable,
    folder: Path,
    *,
    profile: str,
    seeds: Sequence[int],
    device: str = "auto",
    settings: Mapping[str, object] | None = None,
) -> pd.DataFrame:
    """Our numbers beside the paper's, from the finished runs of a batch with those settings.

    Returns:
        A row for each row and column of the table: row, column, paper (NaN where it prints
        nothing), ours (the mean over seeds), low and high (the extremes), difference (ours minus
        paper) and seeds (how many runs ours is the mean of).
    """
    lines = []
    for row in table.rows:
        records = []
        for seed in seeds:
            found = finished_run(folder, _job(table, row, profile, seed, device, settings))
            if found is not None:
                records.append(found[1])
        for metric, heading in table.columns.items():
            name = f"{metric}/{row.metric}"
            ours = [table.factor * r["metrics"][name] for r in records if name in r["metrics"]]
            series = pd.Series(ours, dtype=float)
            paper = row.paper.get(metric, float("nan"))
            lines.append(
                {
                    "row": row.name,
                    "column": heading,
                    "paper": paper,
                    "ours": series.mean(),
                    "low": series.min(),
                    "high": series.max(),
                    "difference": series.mean() - paper,
                    "seeds": len(ours),
                }
            )
    return pd.DataFrame(lines)


def write_comparison(folder: Path, table: PaperTable, compared: pd.DataFrame) -> list[Path]:
    """Write table.csv and table.md into the batch's folder; returns both."""
    csv, page = folder / "table.csv", folder / "table.md"
    write_text(csv, csv_text(compared))
    lines = [f"# {table.title}", "", f"{table.source}. {table.note}", ""]
    lines += ["| row | column | paper | ours | smallest … largest | difference | seeds |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [f"| {' | '.join(cells)} |" for cells in formatted(compared)]
    write_text(page, "\n".join(lines) + "\n")
    return [csv, page]


def formatted(compared: pd.DataFrame) -> list[list[str]]:
    """The lines of a comparison as texts, in the order of the columns of table.md."""
    cells = []
    for line in compared.itertuples():
        spread = f"{_number(line.low)} … {_number(line.high)}" if line.seeds > 1 else "–"
        signed = "–" if pd.isna(line.difference) else f"{line.difference:+.3g}"
        numbers = [_number(line.paper), _number(line.ours), spread, signed, str(line.seeds)]
        cells.append([line.row, line.column, *numbers])
    return cells


def _job(
    table: PaperTable,
    row: Row,
    profile: str,
    seed: int,
    device: str,
    settings: Mapping[str, object] | None,
) -> Job:
    values = {"profile": profile, "seed": seed, "device": device}
    values |= {**table.settings, **(settings or {}), **row.settings}
    try:
        return job_of(table.lab, values)
    except SweepError as error:
        raise SweepError(f"{table.id}, row {row.name}: {error}") from None


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.5g}"


def _read(name: str, text: str) -> PaperTable:
    tree = yaml.safe_load(text)
    rows = tuple(
        Row(
            str(row["name"]),
            row["metric"],
            row.get("set", {}),
            {metric: float(value) for metric, value in row["paper"].items()},
        )
        for row in tree["rows"]
    )
    return PaperTable(
        name,
        tree["title"],
        tree["source"],
        tree.get("note", ""),
        tree["lab"],
        tree.get("set", {}),
        tree["columns"],
        float(tree["factor"]),
        rows,
    )
