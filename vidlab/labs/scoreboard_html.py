"""The scoreboard as HTML: one fragment with its own script and style, readable without either.

Every verdict is a colour, a sign and a word; everything from records is escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib import resources
from itertools import count, groupby

from vidlab.labs.cards import VERDICTS
from vidlab.labs.scoreboard import PROFILES, WORDS, Board, Result, Row, count_sentence

Links = Callable[[Row, Result], str | None]

_KEYS: dict[bool | None, str] = {True: "holds", False: "fails", None: "untested"}
_ORDERS = {"course": "as in the course", "verdict": "failing first", "date": "newest first"}
_CAPTION = (
    "Every claim with the paper's number and ours, from the newest run of each profile; other "
    "seeds are counted. The bar at its left is the verdict of the largest profile that could tell."
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>vidlab scoreboard</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 80rem; }}
body {{ background: #fff; color: #1b1f24; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14181d; color: #e6ebf0; }} }}
@media print {{ body {{ background: #fff; color: #000; }} }}
</style>
</head>
<body>
<main>
<h1>Scoreboard</h1>
{board}
{rest}
</main>
</body>
</html>
"""


def board_html(board: Board, links: Links | None = None) -> str:
    """The scoreboard as a fragment: filters, a count, a table.

    ``links(row, result)`` gives the address of the cell that made a result, None for no link.
    """
    numbers = count(1)
    bodies = "".join(
        _lab_html(list(rows), links, numbers)
        for _, rows in groupby(board.rows, key=lambda row: row.lab)
    )
    head = "".join(
        f'<th scope="col" role="columnheader">{words}</th>'
        for words in ("claim", "paper", *(f"ours, {profile}" for profile in PROFILES))
    )
    return (
        '<section class="vidlab-board" aria-label="Scoreboard">'
        f"<style>{_own_file('css')}</style>{_filters(board)}"
        f'<p class="vb-count" role="status" aria-live="polite">{escape(count_sentence(board))}</p>'
        f'<table role="table"><caption>{_CAPTION}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>{bodies}</table>'
        f"<script>{_own_file('js')}</script></section>"
    )


def board_page(board: Board, links: Links | None = None) -> str:
    """The scoreboard as a page of its own that asks the network for nothing."""
    rest = ""
    for heading, lines in (("Notes", board.notes), ("Left out", board.left_out)):
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        rest += f"<h2>{heading}</h2><ul>{items}</ul>" if items else ""
    return _PAGE.format(board=board_html(board, links), rest=rest)


def _lab_html(rows: list[Row], links: Links | None, numbers: count) -> str:
    """One lab: a heading and its claims."""
    first = rows[0]
    part = f'<span class="vb-dim">{escape(first.part)}</span>' if first.part else ""
    heading = (
        '<tr role="row" class="vb-lab"><th scope="rowgroup" role="rowheader" colspan="4">'
        f'{escape(first.title)} {part}<div class="vb-dim">{escape(first.citation)}</div></th></tr>'
    )
    body = "".join(_row_html(row, links, next(numbers)) for row in rows)
    return f'<tbody role="rowgroup">{heading}{body}</tbody>'


def _row_html(row: Row, links: Links | None, place: int) -> str:
    data = {
        "lab": row.lab,
        "all": _KEYS[row.holds],
        "differs": "yes" if row.differs else "",
        "changed": "yes" if row.settings else "",
        "date": max(result.date for result in row.cells.values()),
        "place": str(place),
        "words": f"{row.title} {row.citation} {row.part}",
        **{profile: _KEYS[result.holds] for profile, result in row.cells.items()},
    }
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    settings = (
        f'<div class="vb-settings">other settings: {escape(row.settings)}</div>'
        if row.settings
        else ""
    )
    differs = (
        '<div class="vb-settings">profiles or seeds contradict each other</div>'
        if row.differs
        else ""
    )
    cells = "".join(_cell_html(row, profile, links) for profile in PROFILES)
    return (
        f'<tr role="row" class="vb-claim"{attributes}>'
        f'<th scope="row" role="rowheader">{escape(row.statement)}'
        f'<div class="vb-dim"><code>{escape(row.lab)} / {escape(row.claim)}</code></div>'
        f"{settings}{differs}</th>"
        f'<td role="cell" data-head="paper">{escape(row.paper)}</td>{cells}</tr>'
    )


def _cell_html(row: Row, profile: str, links: Links | None) -> str:
    head = f'<td role="cell" data-head="ours, {profile}">'
    result = row.cells.get(profile)
    if result is None:
        return f'{head}<span class="vb-dim">not run</span></td>'
    symbol, words, background = VERDICTS[result.holds]
    lines = [
        f'<span class="vb-badge" style="background:{background}">'
        f'<span aria-hidden="true">{symbol}</span> {words}</span> {escape(result.observed)}'
    ]
    if result.warning:
        lines.append(f'<strong class="vb-warning">{escape(result.warning)}</strong>')
    if tally := row.tally(profile):
        lines.append(f"<strong>{escape(tally)}</strong>; shown: seed {result.seed}")
    if (result.statement, result.paper) != (row.statement, row.paper):
        lines.append(f"said there: {escape(result.statement)} (paper: {escape(result.paper)})")
    if result.note:
        lines.append(escape(result.note))
    if not result.newest:
        lines.append("The newest run of these settings no longer makes this claim.")
    lines.append(
        f'<span class="vb-dim">{escape(result.device)}, '
        f'<time datetime="{escape(result.date[:10])}">{escape(result.date[:10])}</time>, '
        f"seed {result.seed}</span>"
    )
    address = links(row, result) if links is not None else None
    if address:
        lines[-1] += (
            f' <a href="{escape(address)}">see the cell'
            f'<span class="vb-hidden"> of {escape(row.claim)}, {profile}</span></a>'
        )
    return head + "".join(f"<div>{line}</div>" for line in lines) + "</td>"


def _filters(board: Board) -> str:
    """What narrows the table; the script shows it, since nothing works without one."""
    labs = {row.lab: row.title.partition(":")[0] for row in board.rows}
    verdicts = {_KEYS[holds]: words for holds, words in WORDS.items()}
    choices = {
        "lab": ("lab", {"": "all", **labs}),
        "verdict": ("verdict", {"": "any", **verdicts, "differs": "contradictory"}),
        "profile": ("profile", {"all": "all", **{profile: profile for profile in PROFILES}}),
        "order": ("order", _ORDERS),
    }
    selects = "".join(
        f'<label>{label} <select name="{name}">'
        + "".join(f'<option value="{escape(v)}">{escape(w)}</option>' for v, w in options.items())
        + "</select></label>"
        for name, (label, options) in choices.items()
    )
    return (
        '<form class="vb-filters" role="search" aria-label="Filter the claims" hidden>'
        f'{selects}<label>search <input type="search" name="search"></label>'
        '<button type="reset">show all</button></form>'
    )


def _own_file(kind: str) -> str:
    text = resources.files(__package__).joinpath(f"scoreboard.{kind}").read_text("utf-8")
    # In Markdown a piece of HTML ends at the first empty line.
    return "\n".join(line for line in text.splitlines() if line.strip())
