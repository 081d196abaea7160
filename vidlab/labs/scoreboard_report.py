"""What `vidlab report` writes: the scoreboard as table, CSV, JSON or a page."""

from __future__ import annotations

import io
import json
import os
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vidlab.labs.cards import verdict
from vidlab.labs.scoreboard import (
    PROFILES,
    Board,
    BoardError,
    Result,
    Row,
    count_sentence,
    to_frame,
)
from vidlab.labs.scoreboard_html import Links, board_page
from vidlab.labs.text import csv_text

_STYLES = {True: "green", False: "red", None: "dim"}


def format_of(form: str | None, out: Path | None) -> str:
    """The format that was asked for, else what the name of the file says, else a table.

    Raises BoardError for a name that says nothing.
    """
    if form is not None or out is None:
        return form or "table"
    by_suffix = {".csv": "csv", ".json": "json", ".html": "html", ".htm": "html", ".txt": "table"}
    if out.suffix.lower() not in by_suffix:
        raise BoardError(f"--out: {out} does not end in .html, .csv, .json or .txt; give --format.")
    return by_suffix[out.suffix.lower()]


def written(board: Board, form: str, out: Path | None, console: Console) -> str:
    """The whole text for the file ``out``, or, without one, for the terminal of ``console``."""
    if form == "csv":
        return board_csv(board)
    if form == "json":
        return board_json(board) + "\n"
    if form == "html":
        return board_page(board, links_from(Path(os.path.abspath(out or "page")).parent))
    if out is not None:
        console = Console(file=io.StringIO(), width=140)
    with console.capture() as captured:
        print_board(console, board)
    return captured.get()


def print_board(console: Console, board: Board) -> None:
    """Each lab with its claims, then the count."""
    for _, of_lab in groupby(board.rows, key=lambda row: row.lab):
        rows = list(of_lab)
        console.print(f"{rows[0].title} ({rows[0].lab})", markup=False, style="bold")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in ("claim", "statement", "paper", *PROFILES):
            table.add_column(name, overflow="fold", ratio=None if name == "claim" else 1)
        for row in rows:
            statement = Text(row.statement)
            if row.settings:
                statement.append(f"\nother settings: {row.settings}", style="italic")
            cells = (_cell(row, profile) for profile in PROFILES)
            table.add_row(Text(row.claim), statement, Text(row.paper), *cells)
        console.print(table)
        console.print()
    console.print(count_sentence(board), markup=False, highlight=False)


def board_csv(board: Board) -> str:
    """`to_frame` as CSV; a text that a spreadsheet would compute gets a leading apostrophe."""
    return csv_text(to_frame(board))


def board_json(board: Board) -> str:
    """Rows with the results they show, all runs, and what was left out."""
    rows = [{**asdict(row), "holds": row.holds, "differs": row.differs} for row in board.rows]
    told = {"count": count_sentence(board), "notes": board.notes, "left_out": board.left_out}
    whole = {**told, "rows": rows}
    return json.dumps(whole, indent=1, ensure_ascii=False)


def links_from(folder: Path) -> Links:
    """For `board_html`: links to the runs' own pages as seen from a page in ``folder``."""

    def link(row: Row, result: Result) -> str | None:
        if not result.link:
            return None
        page, _, anchor = result.link.rpartition("#")
        return f"{quote(os.path.relpath(page, folder).replace(os.sep, '/'))}#{quote(anchor)}"

    return link


def _cell(row: Row, profile: str) -> Text:
    result = row.cells.get(profile)
    if result is None:
        return Text("not run", style="dim")
    text = Text().append(verdict(result.holds), style=_STYLES[result.holds])
    text.append(f"\n{result.observed}")
    for line in (row.tally(profile), result.warning):
        if line:
            text.append(f"\n{line}", style="bold")
    where = f"{result.device}, {result.date[:10]}, seed {result.seed}"
    return text.append(f"\n{where}", style="dim")
