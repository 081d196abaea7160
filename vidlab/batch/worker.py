"""The process of one run: ``python -m vidlab.batch.worker``, with the run's order as JSON on stdin.

It prints what happens, one JSON list a line, and at last ``["end", outcome]``. It stops its run
when stdin closes: whoever started it may die at any moment, and no run may outlive its batch.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

from vidlab.batch.sandbox import Sandbox, enter
from vidlab.labs.record import RecordError, read_record

_PATIENCE = 60.0  # seconds that an earlier process of the same run gets to save its state


def newest_run(folder: Path, lab: str) -> tuple[Path, dict] | None:
    """The newest run of a job that has a readable record."""
    for run in sorted((folder / lab).glob("*-*"), reverse=True):
        if run.is_symlink():
            continue
        try:
            return run, read_record(run / "record.json")
        except RecordError:
            continue  # ended before its record was begun
    return None


def locked(file: IO) -> bool:
    """Lock a file for this process, unless another one holds it; the system unlocks it."""
    try:
        import fcntl
    except ImportError:  # Windows: without it, do not start two
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def main() -> int:
    """Run one job and print its events; the exit status says nothing, the last line does."""
    # Whatever a library prints must not get between the lines of the protocol.
    lines = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def tell(*event: object) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more: the run still ends well
            lines.write(json.dumps(event, ensure_ascii=True) + "\n")

    order = json.loads(sys.stdin.readline())
    try:
        if order["sandbox"] is not None:
            # Before anything else: threads that run already would stay outside.
            enter(Sandbox(**order["sandbox"]))
    except OSError as error:
        tell("end", {"status": "failed", "message": str(error), "run": None})
        return 0
    threading.Thread(target=_watch_parent, daemon=True).start()
    try:
        outcome = _run(order, tell)
    except ValueError as error:  # refused, in one sentence
        outcome = {"status": "failed", "message": str(error), "run": None}
    except Exception as error:  # the batch goes on whatever happened here
        outcome = {"status": "failed", "message": f"{type(error).__name__}: {error}", "run": None}
    tell("end", outcome)
    return 0


def _run(order: dict, tell) -> dict:
    from vidlab.labs.run import run_lab

    folder = Path(order["folder"])
    # One process a job: an earlier one may still be closing its record. The lock goes with it.
    lock = (folder / ".lock").open("w")
    waited = time.monotonic() + _PATIENCE
    while not locked(lock):
        if time.monotonic() > waited:
            return {
                "status": "failed",
                "message": "another process is at work on it",
                "run": None,
            }
        time.sleep(0.5)
    earlier = newest_run(folder, order["lab"])
    # A failed run would fail again at the same place: it gets a new one. Others go on.
    status = earlier[1]["status"] if earlier else None
    if status == "finished":
        return {"status": "finished", "message": "", "run": str(earlier[0])}
    result = run_lab(
        order["path"],
        order["values"],
        out=folder,
        timeout=order["timeout"],
        resume=earlier[0].name if status in ("running", "interrupted") else None,
        on_event=lambda event: tell(*event),
    )
    error = result.record["error"] or {"message": ""}
    return {
        "status": "timeout" if result.stopped_by == "timeout" else result.record["status"],
        "message": error["message"],
        "run": str(result.run_dir),
    }


def _watch_parent() -> None:
    while sys.stdin.read(1 << 10):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # run_lab lets the lab save its state, then ends


if __name__ == "__main__":
    sys.exit(main())
