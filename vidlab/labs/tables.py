"""Tables for the terminal. Everything from outside goes in as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from vidlab.labs.cards import verdict
from vidlab.labs.catalogue import LabEntry
from vidlab.labs.doctor import Check
from vidlab.labs.parameters import Parameter
from vidlab.labs.text import duration, number, one_line

_VERDICT_STYLE = {True: "green", False: "red", None: "dim"}
_CHECK_WORDS = {True: ("ok", "green"), False: ("mend", "bold red"), None: ("optional", "yellow")}


def labs_table(entries: Iterable[LabEntry]) -> Table:
    """id, title, part, paper, and how long it takes."""
    table = _table("id", "title", "part", "paper", "quick", "full")
    for entry in entries:
        times = (duration(entry.quick_s), duration(entry.full_s))
        _add(table, entry.id, entry.title, entry.part, entry.paper, *times)
    return table


def parameters_table(parameters: Iterable[Parameter]) -> Table:
    """name, type, what is allowed, default and help."""
    table = _table("parameter", "type", "allowed", "default", "help")
    for p in parameters:
        _add(table, p.name, p.type, p.limits or "any", str(p.default), p.help)
    return table


def claims_table(claims: Iterable[dict]) -> Table:
    """id, statement, paper, observed and verdict."""
    table = _table("claim", "statement", "paper", "observed", "verdict")
    for claim in claims:
        statement = Text(one_line(claim["statement"], 500))
        if claim["note"]:
            statement.append("\n" + one_line(claim["note"], 500), style="dim")
        words = Text(verdict(claim["holds"]), style=_VERDICT_STYLE[claim["holds"]])
        observed = number(claim["observed"])
        _add(table, claim["id"], statement, number(claim["paper"]), observed, words)
    return table


def checks_table(checks: Iterable[Check]) -> Table:
    """name, verdict, finding and remedy."""
    table = _table("check", "", "found", "remedy")
    for check in checks:
        words, style = _CHECK_WORDS[check.ok]
        _add(table, check.name, Text(words, style=style), check.detail, check.remedy)
    return table


def plain_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """Any texts under any headings."""
    table = _table(*columns)
    for row in rows:
        _add(table, *row)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, column in enumerate(columns):
        # The first column is what one types: never broken.
        table.add_column(column, overflow="fold", no_wrap=index == 0)
    return table


def _add(table: Table, *cells: str | Text) -> None:
    table.add_row(*(c if isinstance(c, Text) else Text(one_line(c, 500)) for c in cells))
