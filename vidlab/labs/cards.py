"""What a lab shows in its notebook: header card, figure, claims table, each with a text twin.

Everything from outside is escaped. Colours are set with their own background or follow the page,
so that both themes stay readable.
"""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from vidlab.labs.text import number

# True, False, None of a claim: symbol, words, background of the badge (its text is white).
VERDICTS: dict[bool | None, tuple[str, str, str]] = {
    True: ("✓", "holds", "#00664a"),
    False: ("✗", "does not hold", "#a02c1c"),
    None: ("?", "not tested", "#595959"),
}
_CELL = "padding:.3em .8em;text-align:left;vertical-align:top;border-top:1px solid #8884"
_LEAK = (
    "background:#a02c1c;color:#fff;border-radius:3px;padding:.3em .7em;margin:.4em 0;"
    "font-weight:600"
)
_BOX = "border:1px solid #8886;border-left:4px solid #2a7fb8;border-radius:4px;padding:.7em 1em"


def verdict(holds: bool | None) -> str:
    """A claim's verdict as symbol and words."""
    symbol, words, _ = VERDICTS[holds]
    return f"{symbol} {words}"


def show(html: str, text: str) -> None:
    """Show HTML with its text twin in a notebook, or print the text where there is none."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(text)
    else:
        display({"text/html": html, "text/plain": text}, raw=True)


def leak(record: dict) -> str:
    """The warning that a run's split leaks, empty where it does not."""
    split = (record["data"] or {}).get("split")
    if not split or not split["leaky"]:
        return ""
    shared = split["shared_groups"]
    groups = "group is" if shared == 1 else "groups are"
    parts = ", ".join(f"{size:,} {name}" for name, size in split["sizes"].items())
    return f"LEAKY SPLIT ({split['how']}: {parts}): {shared:,} {groups} in more than one part" + (
        ", so the scores are too good" if shared else ", but only by chance"
    )


def leak_html(record: dict) -> str:
    """The same warning as a bar, or nothing."""
    warning = leak(record)
    return f'<div class="vidlab-leak" style="{_LEAK}">{escape(warning)}</div>' if warning else ""


def header_html(record: dict, run_dir: Path) -> str:
    """The card at the top of a lab: what runs, with which settings, and where to."""
    cells = "".join(
        f'<td style="padding:.1em 1.2em .1em 0;text-align:left"><span style="opacity:.7">'
        f"{escape(name)}</span> <b>{escape(value)}</b></td>"
        for name, value in _facts(record)
    )
    settings = " · ".join(
        f"{escape(name)}&nbsp;=&nbsp;{escape(value)}" for name, value in _settings(record)
    )
    return (
        f'<div class="vidlab-card" style="{_BOX}">'
        f'<div style="font-size:1.25em;font-weight:600">{escape(record["title"])}</div>'
        f'<div style="opacity:.8">{escape(record["paper"])}</div>{leak_html(record)}'
        f'<table style="border-collapse:collapse;margin:.5em 0 .2em;border:0"><tr>{cells}</tr>'
        f'</table><div style="font-size:.9em">{settings}</div>'
        f'<div style="font-size:.9em;opacity:.8">run folder: <code>{escape(str(run_dir))}</code>'
        "</div></div>"
    )


def header_text(record: dict, run_dir: Path) -> str:
    """The header card as plain text."""
    return "\n".join(
        [
            record["title"],
            record["paper"],
            "   ".join(f"{name} {value}" for name, value in _facts(record)),
            "settings: " + (", ".join(f"{n} = {v}" for n, v in _settings(record)) or "none"),
            *filter(None, [leak(record)]),
            f"run folder: {run_dir}",
        ]
    )


def figure_html(png: bytes, caption: str, dpi: int) -> str:
    """A figure with its caption below; the caption is the alternative text, too.

    Drawn as large as matplotlib meant it (96 CSS pixels an inch); the rest of ``dpi`` is sharpness.
    """
    data = base64.b64encode(png).decode("ascii")
    width = int.from_bytes(png[16:20], "big") * 96 // dpi  # of the PNG header
    return (
        f'<figure style="margin:.5em 1px"><img width="{width}" style="max-width:100%;height:auto;'
        'background:#fff" '
        f'alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        '<figcaption style="max-width:46em;margin-top:.3em;font-size:.92em;opacity:.85">'
        f"{escape(caption)}</figcaption>"
        "</figure>"
    )


def claims_html(record: dict, places: list[tuple[str, Path]]) -> str:
    """The claims as a table, and where things lie."""
    head = "".join(
        f'<th style="{_CELL};border-top:0">{name}</th>'
        for name in ("claim", "statement", "paper", "observed", "verdict")
    )
    rows = "".join(_claim_row(claim) for claim in record["claims"])
    table = (
        f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        if rows
        else "<p>This lab made no claims.</p>"
    )
    where = "".join(
        f"<div>{escape(name)}: <code>{escape(str(path))}</code></div>" for name, path in places
    )
    return (
        f'<div class="vidlab-claims" style="overflow-x:auto">{leak_html(record)}{table}'
        '<div style="font-size:.9em;margin-top:.6em">'
        f"{where}</div></div>"
    )


def claims_text(record: dict, places: list[tuple[str, Path]]) -> str:
    """The claims table as plain text."""
    lines = [
        f"{verdict(claim['holds'])}: {claim['id']}: {claim['statement']} "
        f"(paper: {number(claim['paper'])}; observed: {number(claim['observed'])})"
        + (f" {claim['note']}" if claim["note"] else "")
        for claim in record["claims"]
    ] or ["This lab made no claims."]
    return "\n".join(
        [*filter(None, [leak(record)]), *lines, *(f"{name}: {path}" for name, path in places)]
    )


def _claim_row(claim: dict) -> str:
    symbol, words, background = VERDICTS[claim["holds"]]
    note = claim["note"]
    statement = escape(claim["statement"]) + (
        f'<div style="opacity:.75;font-size:.9em">{escape(note)}</div>' if note else ""
    )
    badge = (
        f'<span style="background:{background};color:#fff;border-radius:3px;padding:.1em .5em;'
        f'white-space:nowrap">{symbol} {words}</span>'
    )
    cells = (
        escape(claim["id"]),
        statement,
        escape(number(claim["paper"])),
        escape(number(claim["observed"])),
        badge,
    )
    row = "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
    return f'<tr id="claim-{escape(claim["id"])}" style="scroll-margin-top:5em">{row}</tr>'


def _facts(record: dict) -> list[tuple[str, str]]:
    device = record["device"]
    return [
        ("profile", record["profile"]),
        ("device", f"{device['type']} ({device['name']})"),
        ("seed", str(record["seed"])),
    ]


def _settings(record: dict) -> list[tuple[str, str]]:
    from vidlab.labs.parameters import COMMON

    return [
        (name, str(value)) for name, value in record["parameters"].items() if name not in COMMON
    ]
