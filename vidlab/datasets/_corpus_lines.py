"""Annotation files: one sentence a line, fields between bars, the first line names the columns."""

from __future__ import annotations

from pathlib import Path

from vidlab.datasets.base import DataError, read_bytes

_TEXT_LIMIT = 1 << 26  # bytes; the longest published file has less than 5 MB

Row = tuple[str, dict[str, str]]  # file and line, column to text


def read_rows(path: Path, header: str) -> tuple[list[Row], list[str]]:
    """Rows, and a sentence for each line that is none; blank lines are passed over.

    UTF-8, with or without a byte order mark; lines end in LF or CRLF.

    Raises:
        DataError: no such file, a file that is far too long, or another header.
    """
    data = read_bytes(path, _TEXT_LIMIT, "no annotation is so long")
    # Not str.splitlines: it also breaks at characters that may stand inside a line.
    first, *lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    got = first.decode("utf-8", "replace").strip()
    if got != header:
        raise DataError(f"{path}, line 1: got the header {got[:120]!r}; expected {header!r}")
    columns = header.split("|")
    rows: list[Row] = []
    problems: list[str] = []
    for number, line in enumerate(lines, 2):
        where = f"{path.name}, line {number}"
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError:
            problems.append(f"{where}: is not UTF-8 text")
            continue
        if not text:
            continue
        fields = [field.strip() for field in text.split("|")]
        if len(fields) == len(columns):
            rows.append((where, dict(zip(columns, fields, strict=True))))
        else:
            fault = "too few" if len(fields) < len(columns) else "too many"
            problems.append(
                f"{where}: {fault} fields, {len(fields)}; expected {len(columns)} ({header})"
            )
    return rows, problems
