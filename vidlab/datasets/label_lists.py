"""Lists of labelled videos as 20BN wrote them: lines ``id;label``, or JSON.

The files are a user's, from anywhere: an id becomes part of a path, so it has to be a plain name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidlab.datasets.base import DataError, read_bytes

_TEXT_LIMIT = 1 << 27  # bytes; the longest published list has less than 50 MB
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,79})")


@dataclass(frozen=True)
class Entry:
    """A line of a list: part, id, label (None where there is none), and where it stands."""

    part: str
    id: str
    label: str | None
    where: str


def read_text(path: Path, digest) -> str:
    """A UTF-8 file, with or without a byte order mark; its bytes are added to ``digest``.

    Raises:
        DataError: it cannot be read, is far too long, or is no UTF-8 text (naming the line).
    """
    data = read_bytes(path, _TEXT_LIMIT, "no list is so long")
    digest.update(data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: is not UTF-8 text") from error


def read_classes(path: Path, text: str) -> tuple[str, ...]:
    """The classes in order: a line each, or in JSON their names with numbers from 0.

    Raises:
        DataError: no class, one that is there twice, or JSON of another form.
    """
    if path.suffix == ".json":
        numbers = _parse(path, text)
        if not isinstance(numbers, dict):
            raise DataError(f'{path}: expected {{"name": "0", ...}}')
        order = {str(number): " ".join(name.split()) for name, number in numbers.items()}
        names = [order.get(str(k)) for k in range(len(numbers))]
        if None in names:
            raise DataError(f"{path}: class {names.index(None)} is missing; expected 0, 1, 2, ...")
    else:
        names = [line for _, line in _lines(text)]
    if not names:
        raise DataError(f"{path}: lists no class")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise DataError(f"{path}: class {name[:80]!r} is listed {times} times")
    return tuple(names)


def read_part(path: Path, text: str, part: str) -> tuple[list[Entry], list[str]]:
    """Entries of one part, and a sentence for each line that is none.

    Entries of the part "test" may come without a label; elsewhere that is a problem.

    Raises:
        DataError: JSON of another form.
    """
    entries, problems = [], []
    for where, name, label in _json(path, text) if path.suffix == ".json" else _csv(path, text):
        if not isinstance(name, str) or _ID.fullmatch(name) is None:
            problems.append(f"{where}: {str(name)[:80]!r} is no plain id (letters, digits, _ or -)")
        elif not (label is None or isinstance(label, str)):
            problems.append(f"{where}: the label of {name} is no text")
        elif not label and part != "test":
            problems.append(f"{where}: {name} has no label")
        else:
            entries.append(Entry(part, name, label or None, where))
    return entries, problems


def _csv(path: Path, text: str):
    for number, line in _lines(text):
        name, _, label = line.partition(";")
        yield f"{path.name}, line {number}", name.strip(), label.strip()


def _json(path: Path, text: str):
    entries = _parse(path, text)
    if not isinstance(entries, list):
        raise DataError(f'{path}: expected [{{"id": "1", "template": "..."}}, ...]')
    for number, entry in enumerate(entries, 1):
        where = f"{path.name}, entry {number}"
        if not isinstance(entry, dict):
            yield where, str(entry), None
            continue
        name, label = entry.get("id"), entry.get("template")
        if isinstance(label, str):
            label = " ".join(label.replace("[", "").replace("]", "").split())
        yield where, str(name) if type(name) is int else name, label


def _parse(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        why = (
            f"line {error.lineno}"
            if isinstance(error, json.JSONDecodeError)
            else "too deep or too long"
        )
        raise DataError(f"{path}: is not JSON ({why})") from error


def _lines(text: str) -> list[tuple[int, str]]:
    """Numbered lines that are not blank, blanks within them single."""
    # Not str.splitlines: it also breaks at characters that may stand inside a line.
    numbered = ((k, " ".join(line.split())) for k, line in enumerate(text.split("\n"), 1))
    return [(k, line) for k, line in numbered if line]
