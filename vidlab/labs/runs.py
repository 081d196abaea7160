"""Run folders: OUT/LAB/RUN_ID, and which of them can go on."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from vidlab.labs.record import RecordError, is_alive, read_record

NEWEST = "newest"  #: resume=NEWEST: whichever run is the newest unfinished one

_RUN_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{4}")


class RunRefused(ValueError):
    """A run cannot start; the message is one sentence that says what is allowed."""


def new_run_folder(out: Path, lab_id: str) -> Path:
    """Make OUT/LAB/RUN_ID with a name no other run has (UTC time and four digits by chance).

    Raises OSError when the folder cannot be made.
    """
    parent = out / lab_id
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        folder = parent / f"{stamp}-{secrets.token_hex(2)}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder


def check_writable(out: Path) -> None:
    """Raises RunRefused unless files can be made below ``out``, which need not exist yet."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".writable-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunRefused(
            f"cannot write to {out} ({error.strerror}); choose another folder with --out."
        ) from None


def resumable(out: Path, lab_id: str, run_id: str | None) -> tuple[Path, dict]:
    """The folder and the record of the run to continue: ``run_id``, or the newest unfinished.

    Raises RunRefused when there is none, or it is finished, at work or unreadable.
    """
    parent = out / lab_id
    if run_id is not None:
        return _chosen(parent, run_id)
    for folder in sorted(parent.glob("*-*"), reverse=True):
        if not _RUN_ID.fullmatch(folder.name):
            continue
        try:
            record = read_record(folder / "record.json")
        except RecordError:
            continue  # stopped before its record was begun: nothing to go on from
        if record["status"] == "finished":
            continue
        alive = is_alive(record) if record["status"] == "running" else False
        if alive:
            raise RunRefused(f"run {folder.name} is still at work (process {record['pid']}).")
        if alive is None:
            continue  # another machine may be at work on it; it can still be named
        return folder, record
    raise RunRefused(f"nothing to resume: no unfinished run of {lab_id} in {out}.")


def _chosen(parent: Path, run_id: str) -> tuple[Path, dict]:
    folder = parent / run_id
    if not _RUN_ID.fullmatch(run_id) or not folder.is_dir():
        known = [f.name for f in sorted(parent.glob("*-*")) if _RUN_ID.fullmatch(f.name)]
        there = f"there are: {', '.join(known[-5:])}" if known else "there are none"
        raise RunRefused(f"no run {run_id} in {parent}; {there}.")
    try:
        record = read_record(folder / "record.json")
    except RecordError as error:
        raise RunRefused(f"run {run_id} cannot be resumed: {error}") from None
    if record["status"] == "finished":
        raise RunRefused(f"run {run_id} is finished; leave out --resume to run the lab again.")
    # A run of another machine is let through when it is named: only its owner can know it is gone.
    if record["status"] == "running" and is_alive(record):
        raise RunRefused(f"run {run_id} is still at work (process {record['pid']}).")
    return folder, record
