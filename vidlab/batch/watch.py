"""Watching one run in a process of its own: limits, events, and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from vidlab.batch.sandbox import PASSED, Sandbox
from vidlab.batch.sweep import Job, Limits
from vidlab.labs.record import RecordError, now, read_record, write_record

_GRACE = 45.0  # seconds beyond its time-out until a run that does not end is killed
_LOOK = 0.5  # seconds between two looks at the memory

OnEvent = Callable[[tuple], None]


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        key: of the job.
        status: "finished", "failed", "timeout", "memory" or "interrupted".
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
    """Run a job in ``folder`` in a process of its own and wait for it. Never raises for the run.

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
    """
    stopper = stopper or Stopper()
    folder.mkdir(parents=True, exist_ok=True)
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
    watch = _Watch(process, limits, stopper, on_event, began)
    watcher = threading.Thread(target=watch.run, daemon=True)
    outcome = None
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        watcher.start()
        for line in process.stdout:
            event = json.loads(line)
            if event[0] == "end":
                outcome = event[1]
                break
            on_event(tuple(event))
        process.wait(_GRACE)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        pass  # it died, or hangs: told below
    finally:
        watch.done.set()
        _kill_tree(process)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
    ended = _ended(outcome, watch.reason, process.returncode, stopper.level)
    if watch.reason is not None and sandbox is None:  # what a sandboxed run left is not followed
        _tell_record(folder, job.lab, ended["message"])
    return Outcome(
        job.key,
        ended["status"],
        ended["message"],
        ended["run"],
        round(time.monotonic() - began, 3),
        watch.peak,
    )


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

    def __init__(self, process, limits: Limits, stopper: Stopper, on_event: OnEvent, began: float):
        self.process, self.limits, self.stopper = process, limits, stopper
        self.on_event, self.began = on_event, began
        self.done = threading.Event()
        self.peak = 0
        self.reason: tuple[str, str] | None = None

    def run(self) -> None:
        asked = False
        while not self.done.wait(_LOOK):
            used = _resident(self.process.pid)
            if used > self.peak:
                self.peak = used
            self.on_event(("memory", used))
            limit = self.limits.memory
            if limit is not None and used > limit and self.reason is None:
                self.reason = ("memory", f"over its memory limit of {_size(limit)}")
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


def _ended(
    outcome: dict | None, reason: tuple[str, str] | None, code: int | None, stopped: int
) -> dict:
    outcome = outcome or {
        "status": "interrupted" if stopped else "failed",
        "message": f"its process died ({_why(code)})",
        "run": None,
    }
    if reason is not None and outcome["status"] != "finished":
        outcome = {**outcome, "status": reason[0], "message": reason[1]}
    return outcome


def _why(code: int | None) -> str:
    if code is None:
        return "killed"
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _tell_record(folder: Path, lab: str, message: str) -> None:
    """Write into the run's record why it was killed; it could not do so itself."""
    from vidlab.batch.worker import newest_run

    found = newest_run(folder, lab)
    if found is None or found[1]["status"] == "finished":
        return
    path = found[0] / "record.json"
    with contextlib.suppress(RecordError, OSError):
        record = read_record(path)
        error = record["error"] or {"cell": None, "heading": None}
        record.update(status="failed", error={**error, "message": message}, updated=now())
        record["finished"] = record["finished"] or record["updated"]
        write_record(path, record)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _resident(pid: int) -> int:
    total = 0
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


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
