"""Watching one run in a process of its own: limits, events, and how it ended."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from vidlab.batch.jobs import Job, Limits
from vidlab.batch.sandbox import PASSED, Sandbox
from vidlab.labs.record import RecordError, now, read_record, write_record
from vidlab.labs.text import one_line

_GRACE = 45.0  # seconds beyond its time-out until a run that does not end is killed
_LOOK = 0.5  # seconds between two looks at the memory
#: Numbers of the errors that a full disk, or a full share of one, raises.
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_ROOM = 1 << 20  # bytes on the disk, without which no run starts
_LONGEST = 1 << 16  # characters of a line from a run's process
_MOST_FILES = 50_000  # that a sandboxed run may have
_STATUSES = ("finished", "failed", "timeout", "interrupted")

OnEvent = Callable[[tuple], None]


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        key: of the job.
        status: "finished", "failed", "timeout", "memory", "interrupted" or "not started".
        message: what happened, empty where all is well.
        run: the run's folder, or None where it never began.
        seconds: of wall time that this process spent on it.
        peak: bytes of resident memory at most.
    """

    key: str
    status: str
    message: str
    run: str | None
    seconds: float
    peak: int


def not_started(job: Job) -> Outcome:
    """The outcome of a job that waited when its batch was stopped."""
    return Outcome(job.key, "not started", "the batch was stopped before", None, 0.0, 0)


class Stopper:
    """Asks every run that is watched to end; once more, and they are killed."""

    def __init__(self):
        self.level = 0

    def stop(self) -> None:
        """End the runs: politely at first."""
        self.level += 1


def run_job(
    job: Job,
    folder: Path,
    limits: Limits,
    *,
    threads: int = 1,
    sandbox: Sandbox | None = None,
    env: dict[str, str] | None = None,
    on_event: OnEvent = lambda event: None,
    stopper: Stopper | None = None,
) -> Outcome:
    """Run a job in ``folder`` in a process of its own and wait for it; a bad run never raises.

    Args:
        job: what to run. A finished run in its folder is kept, one that was cut short goes on.
        folder: of this job alone.
        limits: time and memory; the run is killed beyond them.
        threads: for the numerical libraries.
        sandbox: what the run may touch; None: whatever you may.
        env: environment variables besides ours.
        on_event: gets ("cell", i, n, heading), ("progress", text), ("note", text) and
            ("memory", bytes).
        stopper: see :class:`Stopper`.

    Raises:
        OSError: the folder cannot be written to, or its disk is full.
    """
    stopper = stopper or Stopper()
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < _ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    began = time.monotonic()
    order = {
        "lab": job.lab,
        "path": str(job.path),
        "values": dict(job.values),
        "folder": str(folder),
        "timeout": limits.timeout,
        "sandbox": None if sandbox is None else asdict(sandbox),
    }
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            # -P: what lies in the current folder is not taken for a module.
            [sys.executable, "-P", "-m", "vidlab.batch.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(sandbox is not None) | {"OMP_NUM_THREADS": str(threads)} | (env or {}),
            start_new_session=True,  # Ctrl-C in the terminal is ours to pass on
            text=True,
            encoding="utf-8",
        )
    watch = _Watch(process, limits, stopper, on_event, began, sandbox)
    watcher = threading.Thread(target=watch.run, daemon=True)
    outcome = None
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        watcher.start()
        while event := _event(process.stdout.readline(_LONGEST)):
            if event[0] == "end":
                outcome = event[1]
                break
            on_event(event)
        process.wait(_GRACE)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        pass  # it died, or hangs: told below
    finally:
        watch.done.set()
        _kill_tree(process)
        watch.end_orphans()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
    ended = _ended(outcome, watch.reason, process.returncode, stopper.level)
    if (watch.reason or outcome is None) and sandbox is None:
        # It could not say so itself. What a sandboxed run left is not followed.
        cut_short = watch.reason is None  # a resumed batch goes on with it
        _tell_record(folder, job.lab, "interrupted" if cut_short else "failed", ended["message"])
    return Outcome(
        job.key,
        ended["status"],
        ended["message"],
        ended["run"],
        round(time.monotonic() - began, 3),
        watch.peak,
    )


def _event(line: str) -> tuple | None:
    """What a run's process says; None at its end. Whatever runs there may have written the line.

    Raises:
        ValueError: it is no event.
    """
    if not line:
        return None
    try:
        kind, *rest = json.loads(line) if line.endswith("\n") else ()
        if kind == "end":
            told = {name: rest[0][name] for name in ("status", "message", "run")}
            if told["status"] in _STATUSES and (told["run"] is None or type(told["run"]) is str):
                return "end", told | {"message": one_line(str(told["message"]), 2000)}
        elif kind == "cell" and [type(part) for part in rest] == [int, int, str]:
            return kind, *rest[:2], one_line(rest[2])
        elif kind in ("progress", "note") and [type(part) for part in rest] == [str]:
            return kind, one_line(rest[0])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        pass
    raise ValueError("no event of a run")


def _environment(sandboxed: bool) -> dict[str, str]:
    """What a run gets to know of our environment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not sandboxed or name in PASSED or name.startswith("LC_")
    }
    here = str(Path(__file__).resolve().parents[2])
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, [here, kept.get("PYTHONPATH")]))}


class _Watch:
    """Looks at a run's processes from a thread, and ends what goes beyond the limits."""

    def __init__(
        self,
        process,
        limits: Limits,
        stopper: Stopper,
        on_event: OnEvent,
        began: float,
        sandbox: Sandbox | None,
    ):
        self.process, self.limits, self.stopper = process, limits, stopper
        self.on_event, self.began, self.sandbox = on_event, began, sandbox
        self.done = threading.Event()
        self.peak = 0
        self.family: list[psutil.Process] = []  # as it was last seen
        self.reason: tuple[str, str] | None = None

    def run(self) -> None:
        asked = False
        while not self.done.wait(_LOOK):
            self.family = _family(self.process.pid) or self.family
            used = _resident(self.family)
            if used > self.peak:
                self.peak = used
            self.on_event(("memory", used))
            limit = self.limits.memory
            if limit is not None and used > limit and self.reason is None:
                self.reason = ("memory", f"over its memory limit of {_size(limit)}")
                _kill_tree(self.process, itself=False)
            greed = self._greed()
            if greed and self.reason is None:
                self.reason = ("failed", greed)
                _kill_tree(self.process, itself=False)
            timeout = self.limits.timeout
            if timeout is not None and time.monotonic() - self.began > timeout + _GRACE:
                self.reason = ("timeout", f"over its time-out of {timeout:g} s, and did not end")
                _kill_tree(self.process)
            if self.stopper.level and not asked:
                asked = True
                with contextlib.suppress(OSError):
                    self.process.stdin.close()
            if self.stopper.level > 1:
                _kill_tree(self.process)

    def _greed(self) -> str:
        """What a sandboxed run takes too much of, besides memory and time; empty if nothing."""
        if self.sandbox is None:
            return ""
        if len(self.family) > self.sandbox.processes:
            return f"over its limit of {self.sandbox.processes} processes"
        size, files = _on_disk(self.sandbox.write)
        if files > _MOST_FILES:
            return f"over its limit of {_MOST_FILES:,} files"
        if size > self.sandbox.disk:
            return f"over its disk limit of {_size(self.sandbox.disk)}"
        return ""

    def end_orphans(self) -> None:
        """Kill what the run's process left behind when it died; their numbers are not reused."""
        for member in self.family:
            with contextlib.suppress(psutil.Error):
                if member.is_running():
                    member.kill()


def _ended(
    outcome: dict | None, reason: tuple[str, str] | None, code: int | None, stopped: int
) -> dict:
    if outcome is None:
        message = "ended at once by the user" if stopped > 1 else f"its process died ({_why(code)})"
        status = "interrupted" if stopped else "failed"
        outcome = {"status": status, "message": message, "run": None}
    if reason is not None and outcome["status"] != "finished":
        outcome = {**outcome, "status": reason[0], "message": reason[1]}
    return outcome


def _why(code: int | None) -> str:
    if code is None:
        return "killed"
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _tell_record(folder: Path, lab: str, status: str, message: str) -> None:
    """Write into the record of a run that was killed how it ended."""
    from vidlab.batch.worker import newest_run

    found = newest_run(folder, lab)
    over = ("finished",) if status == "failed" else ("finished", "failed", "interrupted")
    if found is None or found[1]["status"] in over:
        return
    path = found[0] / "record.json"
    with contextlib.suppress(RecordError, OSError):
        record = read_record(path)
        error = record["error"] or {"cell": None, "heading": None}
        record.update(status=status, error={**error, "message": message}, updated=now())
        record["finished"] = record["finished"] or record["updated"]
        write_record(path, record)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _resident(family: list[psutil.Process]) -> int:
    total = 0
    for process in family:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def _on_disk(folders: Iterable[str]) -> tuple[int, int]:
    """Bytes and number of files below some folders; stops counting where there are too many."""
    size = files = 0
    waiting = [str(folder) for folder in folders]
    while waiting and files <= _MOST_FILES:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    files += 1
                    if files > _MOST_FILES:
                        break
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += 512 * entry.stat(follow_symlinks=False).st_blocks
        except OSError:  # gone, or locked up
            continue
    return size, files


def _kill_tree(process: subprocess.Popen, itself: bool = True) -> None:
    """Kill a process and all that it started; without ``itself`` only the latter."""
    if process.poll() is not None:
        return  # its number may belong to another one by now
    for member in _family(process.pid)[0 if itself else 1 :]:
        with contextlib.suppress(psutil.Error):
            member.kill()
    if itself:
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()


def _size(count: int) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count / 1024:.3g} KB"
