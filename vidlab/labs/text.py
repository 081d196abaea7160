"""Small helpers for words on a terminal and in tables."""

from __future__ import annotations

import re
import reprlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import
    import pandas

_NUMBER = r"[+-]?\d[\d.]*(e[+-]?\d+)?"
_NUMBERS = re.compile(rf"{_NUMBER}(, {_NUMBER})*")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def one_line(text: str, limit: int = 300) -> str:
    """The text on one line, without terminal codes, cut to ``limit`` characters."""
    text = " ".join(_ANSI.sub("", text).split())
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain_output(text: str) -> str:
    """A program's output, line by line, without terminal codes."""
    lines = _ANSI.sub("", text).splitlines()
    return "\n".join("".join(c if c.isprintable() else "\ufffd" for c in x) for x in lines)


def shown(value: object, limit: int = 80) -> str:
    """A value for a message, as `repr` writes it, cut to ``limit`` characters.

    >>> shown(2.0), shown("a" * 100, 8), shown([0] * 10**6, 12)
    ('2.0', "'aaaaaa…", '[0, 0, 0, 0…')
    """
    if isinstance(value, str):
        text = repr(value[:limit])
    else:  # never the whole of it: that may take longer than the rest of the program
        brief = reprlib.Repr()
        brief.maxlist = brief.maxtuple = brief.maxdict = limit
        brief.maxlevel, brief.maxstring, brief.maxlong, brief.maxother = 3, limit, limit, limit
        text = brief.repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def csv_text(frame: pandas.DataFrame) -> str:
    """A table as CSV; a text that a spreadsheet would compute gets a leading apostrophe."""
    import pandas

    safe = {name: [_not_computed(value) for value in frame[name]] for name in frame}
    # As objects: a whole number beside an empty cell must not turn into 1.0.
    return pandas.DataFrame(safe, columns=frame.columns, dtype=object).to_csv(index=False)


def _not_computed(value: object) -> object:
    if not isinstance(value, str) or _NUMBERS.fullmatch(value):
        return value
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def duration(seconds: float) -> str:
    """Seconds as a reader says them: 45 s, 2 min, 1.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h".replace(".0 h", " h")


def number(value: object) -> str:
    """A measured value for a table: floats to four digits, everything else as it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {number(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(number(item) for item in value)
    return "-" if value is None else str(value)
