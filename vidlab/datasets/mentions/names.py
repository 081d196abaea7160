"""The list of data-set names: normal form, name, family, area. Users may bring their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vidlab.datasets.base import DataError, read_bytes, shipped_data
from vidlab.datasets.mentions.windows import normal_form

COLUMNS = ("normal_form", "name", "family", "area", "capital")

_LIMIT = 1 << 24  # bytes
_LONGEST = 200  # characters of a field


@dataclass(frozen=True)
class Name:
    """One line of the list.

    Attributes:
        normal: what ν makes of the name.
        name: the data set; several normal forms may mean the same one.
        family: versions and parts of one data set are a family.
        area: the field that uses it.
        capital: the name is also an ordinary word; it counts only with a capital letter.
    """

    normal: str
    name: str
    family: str
    area: str
    capital: bool = False


@dataclass(frozen=True)
class NameList:
    """Names by normal form."""

    entries: tuple[Name, ...]

    @cached_property
    def by_normal(self) -> dict[str, Name]:
        """Normal form to name."""
        return {entry.normal: entry for entry in self.entries}

    @property
    def families(self) -> tuple[str, ...]:
        """Every family once, in the list's order."""
        return tuple(dict.fromkeys(entry.family for entry in self.entries))

    @property
    def areas(self) -> tuple[str, ...]:
        """Every area once, in the list's order."""
        return tuple(dict.fromkeys(entry.area for entry in self.entries))

    def find(self, surface: str) -> Name | None:
        """The data set that is written like this, if the list has it.

        Spelling does not matter. Where a name is also an ordinary word (Kinetics, Charades), it
        needs a capital.
        """
        entry = self.by_normal.get(normal_form(surface))
        if entry is not None and entry.capital and not any(c.isupper() for c in surface):
            return None
        return entry


def name_list(entries: Iterable[Name]) -> NameList:
    """A list from entries, checked.

    Raises:
        DataError: no entry, a normal form twice, or one that ν would change.
    """
    kept = tuple(entries)
    if not kept:
        raise DataError("the list of names is empty")
    seen: set[str] = set()
    for entry in kept:
        if not entry.normal or normal_form(entry.normal) != entry.normal:
            raise DataError(
                f"the normal form {entry.normal[:80]!r} of {entry.name[:80]!r} is none; "
                f"it would be {normal_form(entry.name)[:80]!r}"
            )
        if entry.normal in seen:
            raise DataError(f"the normal form {entry.normal[:80]!r} is listed twice")
        seen.add(entry.normal)
    return NameList(kept)


def load_names(path: Path | str | None = None) -> NameList:
    """The shipped list (``data/dataset_names.csv``), or a user's in the same columns.

    Raises:
        DataError: no such file, another header, a line with a missing field, an empty list, a
            normal form that is none or that is there twice; the message names file and line.
    """
    path = shipped_data() / "dataset_names.csv" if path is None else Path(path)
    data = read_bytes(path, _LIMIT, "no list of names is so long")
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is not a table of comma-separated UTF-8 text") from error
    if not rows or tuple(rows[0]) != COLUMNS:
        got = ",".join(rows[0])[:120] if rows else "nothing"
        raise DataError(f"{path}, line 1: got {got!r}; expected {','.join(COLUMNS)!r}")
    entries = []
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        where = f"{path}, line {number}"
        if len(row) != len(COLUMNS) or not all(0 < len(field) <= _LONGEST for field in row):
            raise DataError(f"{where}: expected {len(COLUMNS)} fields of 1 .. {_LONGEST} letters")
        if row[4] not in ("yes", "no"):
            raise DataError(f"{where}: capital is {row[4][:80]!r}; allowed: yes, no")
        entries.append(Name(*row[:4], capital=row[4] == "yes"))
    try:
        return name_list(entries)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
