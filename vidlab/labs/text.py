"""Small helpers for words on a terminal."""

from __future__ import annotations

import re

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
