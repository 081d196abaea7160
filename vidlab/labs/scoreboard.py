"""The scoreboard: which claims hold, read from records and from nothing else.

Runs that differ only in the seed stand for one another: the newest is shown, the others are
counted. A run with any other setting than the lab's defaults never is: it has a row of its own.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vidlab.labs.cards import leak
from vidlab.labs.catalogue import LabEntry, read_notebook, scan
from vidlab.labs.defaults import default_settings
from vidlab.labs.parameters import ParameterError, read_parameters
from vidlab.labs.record import RecordError, read_record
from vidlab.labs.text import number, one_line

if TYPE_CHECKING:  # the slowest import by far, and only the table for analysis needs it
    import pandas

PROFILES = ("quick", "full")
WORDS: dict[bool | None, str] = {True: "holds", False: "does not hold", None: "not tested"}
MANY: dict[bool | None, str] = {True: "hold", False: "do not hold", None: "not tested"}
_LONGEST = 2000  # characters of any text that a record may put on the board
# These say who ran it and where, not what was computed.
_NOT_SETTINGS = ("profile", "seed", "device", "output_dir", "data_dir")


class BoardError(ValueError):
    """There is nothing to make a board of; the message is one sentence."""


@dataclass(frozen=True)
class Result:
    """What one run found about one claim. All texts are plain, on one line."""

    profile: str
    observed: str
    holds: bool | None
    note: str
    statement: str
    paper: str
    device: str
    date: str  #: when the run finished, UTC, to the second
    seed: int
    run_id: str
    data: str
    warning: str  #: says that the run's split leaks, else empty
    version: str
    newest: bool  #: False where a newer run of these settings no longer makes the claim
    link: str  #: the claim in the run's lab.html, a path with an anchor; empty without a page


@dataclass(frozen=True)
class Row:
    """A claim of a lab at one choice of settings, and all that runs found about it."""

    lab: str
    title: str
    citation: str  #: the paper
    part: str  #: part of the course, empty where the lab is not in the catalogue
    claim: str
    statement: str
    paper: str  #: what the paper says
    settings: str  #: what differs from the lab's defaults, empty where nothing does
    cells: dict[str, Result]  #: by profile, the newest run
    runs: tuple[Result, ...] = field(repr=False)  #: all of them, the newest first

    @property
    def holds(self) -> bool | None:
        """The verdict at the largest profile that could tell, None where none could."""
        told = [self.cells[p].holds for p in PROFILES if p in self.cells]
        return next((holds for holds in reversed(told) if holds is not None), None)

    @property
    def differs(self) -> bool:
        """Whether profiles or seeds contradict each other."""
        tallies = [self.seeds(profile).values() for profile in self.cells]
        found = {holds for tally in tallies for holds in tally}
        return {True, False} <= found

    def seeds(self, profile: str) -> dict[int, bool | None]:
        """The verdict of each seed, by its newest run."""
        of_profile = [result for result in self.runs if result.profile == profile]
        return {result.seed: result.holds for result in reversed(of_profile)}

    def tally(self, profile: str) -> str:
        """How many seeds say what, in words; empty where there is only one."""
        seeds = self.seeds(profile)
        if len(seeds) < 2:
            return ""
        counts = Counter(seeds.values())
        if len(counts) == 1:
            return f"{WORDS[next(iter(counts))]} with all {len(seeds)} seeds"
        parts = [f"{words} with {counts[v]}" for v, words in WORDS.items() if counts[v]]
        return f"{len(seeds)} seeds: {', '.join(parts)}"


@dataclass(frozen=True)
class Board:
    """All rows, in the order of the course; what could not be shown; what to know. Lines."""

    rows: tuple[Row, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_records(paths: Iterable[Path | str]) -> list[Path]:
    """The records among ``paths``: files as they are, folders searched for record.json.

    Hidden folders and links to folders are passed by. Raises BoardError where nothing is there.
    """
    return _search(paths)[0]


def read_board(paths: Iterable[Path | str], notebooks: Path | None = None) -> Board:
    """The scoreboard of all records in ``paths``, files or folders.

    ``notebooks`` holds the labs, which tell part and default settings; None is the catalogue's
    own. Unreadable records and unfinished runs are named in ``left_out``. Raises BoardError for a
    path that is not there.
    """
    found, left_out = _search(paths)
    entries = {entry.id: entry for entry in scan(notebooks)[0]}
    runs: dict[tuple, tuple[dict, Path]] = {}
    for path in found:
        try:
            record = read_record(path)
        except RecordError as error:
            left_out.append(str(error))
            continue
        if record["status"] != "finished" or record["finished"] is None:
            left_out.append(f"{path}: the run is {record['status']}, not finished.")
        elif not record["claims"]:
            left_out.append(f"{path}: the run made no claims.")
        else:
            run = (record["lab"], record["run_id"], record["started"])  # a copy counts once
            if run not in runs or _moment(record) > _moment(runs[run][0]):
                runs[run] = (record, path)
    newest_first = sorted(runs.values(), key=lambda run: _moment(run[0]), reverse=True)
    rows: list[Row] = []
    notes: list[str] = []
    for lab in sorted({record["lab"] for record, _ in newest_first}):
        of_lab = [run for run in newest_first if run[0]["lab"] == lab]
        if lab not in entries:
            notes.append(f"{lab}: no lab has this id; its most usual settings count as defaults.")
        rows += _rows(of_lab, entries.get(lab))
    rows.sort(key=lambda row: row.part or "~")  # stable: labs and claims keep their order
    return Board(tuple(rows), tuple(map(_text, left_out)), tuple(map(_text, notes)))


def count_sentence(board: Board) -> str:
    """How many claims there are and how they came out.

    A row of other settings repeats a claim; it is counted apart.
    """
    claims = [row.holds for row in board.rows if not row.settings]
    counts = Counter(claims)
    said = ", ".join(f"{counts[v]} {(WORDS if counts[v] == 1 else MANY)[v]}" for v in MANY)
    others = len(board.rows) - len(claims)
    rest = f"; {others} more with other settings" if others else ""
    return f"{len(claims)} claims: {said}{rest}"


def to_frame(board: Board) -> pandas.DataFrame:
    """One row per claim, settings, profile and run; ``shown`` marks the one the board shows."""
    import pandas

    columns = [
        "lab", "title", "part", "citation", "claim", "settings", "profile", "statement", "paper",
        "observed", "verdict", "note", "warning", "shown", "seed", "device", "date", "data",
        "run_id", "newest", "version", "link",
    ]  # fmt: skip
    lines = []
    for row in board.rows:
        for result in row.runs:
            told = {name: getattr(row, name) for name in columns if hasattr(row, name)}
            told |= {name: getattr(result, name) for name in columns if hasattr(result, name)}
            shown = result is row.cells[result.profile]
            lines.append({**told, "verdict": WORDS[result.holds], "shown": shown})
    return pandas.DataFrame(lines, columns=columns)


def _search(paths: Iterable[Path | str]) -> tuple[list[Path], list[str]]:
    found: dict[Path, Path] = {}
    problems: list[str] = []

    def unreadable(error: OSError) -> None:
        problems.append(f"{error.filename}: cannot be searched ({error.strerror}).")

    for path in map(Path, paths):
        if path.is_file():
            found.setdefault(path.resolve(), path)
            continue
        if not path.is_dir():
            raise BoardError(f"{path}: there is no such file or folder.")
        before = len(found)
        for folder, below, files in os.walk(path, onerror=unreadable):
            below[:] = sorted(name for name in below if not name.startswith("."))
            record = Path(folder, "record.json")
            if record.name in files and record.is_file():
                found.setdefault(record.resolve(), record)
        if len(found) == before:
            problems.append(f"{path}: holds no record.json that is not named before.")
    return list(found.values()), problems


def _rows(runs: list[tuple[dict, Path]], entry: LabEntry | None) -> list[Row]:
    """The rows of one lab; ``runs`` come newest first."""
    found: dict[tuple[str, str], list[Result]] = {}
    claims: dict[str, None] = {}  # in the order of the newest run that makes them
    newest_runs: dict[tuple[str, str], Path] = {}
    defaults = {profile: _defaults(runs, profile, entry) for profile in PROFILES}
    for record, path in runs:
        settings = _changed(record, defaults[record["profile"]])
        is_newest = newest_runs.setdefault((record["profile"], settings), path) == path
        for claim in record["claims"]:
            claims.setdefault(claim["id"])
            result = _result(record, claim, path, is_newest)
            found.setdefault((claim["id"], settings), []).append(result)
    newest = runs[0][0]
    rows = []
    places = {claim_id: place for place, claim_id in enumerate(claims)}
    for claim_id, settings in sorted(found, key=lambda key: (places[key[0]], key[1])):
        results = found[claim_id, settings]
        cells = {r.profile: r for r in reversed(results)}
        said = cells.get("full", results[0])
        row = Row(
            lab=newest["lab"],
            title=one_line(newest["title"], _LONGEST),
            citation=one_line(newest["paper"], _LONGEST),
            part=entry.part if entry else "",
            claim=claim_id.strip(),
            statement=said.statement,
            paper=said.paper,
            settings=settings,
            cells={profile: cells[profile] for profile in PROFILES if profile in cells},
            runs=tuple(results),
        )
        rows.append(row)
    return rows


def _result(record: dict, claim: dict, path: Path, newest: bool) -> Result:
    device, data, page = record["device"], record["data"], path.with_name("lab.html")
    versions = [record["versions"].get(name, "") for name in ("vidlab", "source")]
    return Result(
        profile=record["profile"],
        observed=_text(number(claim["observed"])),
        holds=claim["holds"],
        note=_text(claim["note"]),
        statement=_text(claim["statement"]),
        paper=_text(number(claim["paper"])),
        device=_text(f"{device['type']} ({device['name']})"),
        date=record["finished"][:19].replace("T", " "),
        seed=record["seed"],
        run_id=_text(record["run_id"]),
        data=_text(data["name"]) if data else "",
        warning=_text(leak(record)),
        version=_text(" ".join(versions)),
        newest=newest,
        link=f"{page}#claim-{claim['id'].strip()}" if page.is_file() else "",
    )


def _defaults(runs: list[tuple[dict, Path]], profile: str, entry: LabEntry | None) -> dict:
    """The settings that need no mention: the notebook's, else what most runs have."""
    parameters = [record["parameters"] for record, _ in runs if record["profile"] == profile]
    usual = {}
    for name in {name for given in parameters for name in given}:
        # Ties go to the newest run, which comes first.
        values = Counter(json.dumps(given[name]) for given in parameters if name in given)
        usual[name] = json.loads(values.most_common(1)[0][0])
    if entry is None:
        return usual
    try:
        notebook = read_notebook(entry.path)
        return usual | default_settings(notebook, read_parameters(notebook), profile)
    except (OSError, ValueError, ParameterError):
        return usual


def _changed(record: dict, defaults: dict) -> str:
    """What differs from the defaults, as ``name = value`` in full precision."""
    given = record["parameters"]
    parts = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in given.items()
        if name not in _NOT_SETTINGS and (name not in defaults or defaults[name] != value)
    ]
    if given.get("data_dir") is not None:  # the data count, not where they lie
        name = record["data"]["name"] if record["data"] else "its data"
        parts.append(f"data_dir given ({name})")
    return _text("; ".join(sorted(parts)))


def _moment(record: dict) -> datetime:
    return datetime.fromisoformat(record["finished"])


def _text(text: str) -> str:
    """Plain text on one line: no control codes, no broken Unicode, not endless."""
    return one_line(text, _LONGEST)
