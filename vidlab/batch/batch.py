"""A batch: all runs of a sweep in one folder, on this machine or on a Dask cluster.

::

    OUT/NAME/sweep.json             what was asked for
             jobs/KEY/LAB/RUN_ID/   the run of each job, as `vidlab run` makes it
             results.csv, claims.csv, runs.csv (and .parquet), failures.md, summary.ipynb

There is no other state than the runs' own records: whatever dies, at whatever moment, the next
``--resume`` reads there what is finished.
"""

from __future__ import annotations

import json
import os
import queue
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from vidlab.batch.jobs import Job, Sweep, SweepError
from vidlab.batch.watch import Outcome, Stopper, not_started, run_job
from vidlab.batch.worker import locked, newest_run
from vidlab.labs.record import write_text
from vidlab.labs.runs import RunRefused, check_writable
from vidlab.labs.supervise import stop_signals

OnEvent = Callable[[tuple], None]


def job_folder(folder: Path, job: Job) -> Path:
    """Where a batch keeps the runs of a job."""
    return folder / "jobs" / job.key


def finished_run(folder: Path, job: Job) -> tuple[Path, dict] | None:
    """The finished run of a job with its record, if there is one."""
    found = newest_run(job_folder(folder, job), job.lab)
    return found if found is not None and found[1]["status"] == "finished" else None


def run_batch(
    sweep: Sweep,
    out: Path,
    *,
    workers: int,
    scheduler: str | None = None,
    resume: bool = False,
    on_event: OnEvent = lambda event: None,
) -> list[Outcome]:
    """Run all jobs of a sweep that are not finished; returns how those ended.

    Args:
        sweep: what to run.
        out: the batch gets the folder OUT/NAME.
        workers: runs at a time on this machine.
        scheduler: address of a Dask scheduler; its workers run the jobs then, and must see OUT.
        resume: go on with a batch that was begun; needed where its folder holds runs.
        on_event: called in this thread with ("plan", jobs to run, jobs finished before),
            ("start", key), ("job", key, event of the run), ("end", outcome), ("stopping",) and, on
            a cluster, ("workers", runs at a time) and ("note", text).

    Raises:
        SweepError: nothing to run, or the folder is another batch's or in use.
        OSError: the folder cannot be written to any more; the runs were ended.
    """
    folder = (out / sweep.name).expanduser().resolve()
    try:
        check_writable(folder)
    except RunRefused as error:
        raise SweepError(str(error)) from None
    done = [job for job in sweep.jobs if finished_run(folder, job)]
    begun = any((folder / "jobs").glob("*/*/*"))
    if begun and not resume:
        raise SweepError(
            f"{folder} holds runs already ({len(done)} of {len(sweep.jobs)} finished); "
            "go on with --resume, or choose another --name."
        )
    with _locked(folder):
        plan = {
            "name": sweep.name,
            "limits": {"timeout": sweep.limits.timeout, "memory": sweep.limits.memory},
            "jobs": [{"key": j.key, "lab": j.lab, "values": dict(j.values)} for j in sweep.jobs],
        }
        write_text(folder / "sweep.json", json.dumps(plan, indent=1) + "\n")
        kept = {job.key for job in done}
        jobs = [job for job in sweep.jobs if job.key not in kept]
        on_event(("plan", jobs, done))
        if scheduler is not None:
            from vidlab.batch.cluster import run_on_dask

            return run_on_dask(jobs, folder, sweep.limits, scheduler, on_event)
        return _run_here(jobs, folder, sweep, workers, on_event)


def _run_here(
    jobs: list[Job], folder: Path, sweep: Sweep, workers: int, on_event: OnEvent
) -> list[Outcome]:
    """Runs in processes of their own, each watched by a thread."""
    events: queue.SimpleQueue = queue.SimpleQueue()
    stopper = Stopper()
    threads = max(1, (os.cpu_count() or 1) // workers)
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        threads = int(os.environ["OMP_NUM_THREADS"])

    def work(job: Job) -> None:
        try:
            events.put(("end", run(job)))
        except BaseException as error:
            events.put(("broken", error))

    def run(job: Job) -> Outcome:
        if stopper.level:
            return not_started(job)
        events.put(("start", job.key))
        return run_job(
            job,
            job_folder(folder, job),
            sweep.limits,
            threads=threads,
            on_event=lambda event: events.put(("job", job.key, event)),
            stopper=stopper,
        )

    def stop() -> None:
        stopper.stop()
        events.put(("stopping",))

    outcomes: list[Outcome] = []
    with stop_signals(stop), ThreadPoolExecutor(workers) as pool:
        try:
            for job in jobs:
                pool.submit(work, job)
            while len(outcomes) < len(jobs):
                event = events.get()
                if event[0] == "broken":
                    raise event[1]
                if event[0] == "end":
                    outcomes.append(event[1])
                on_event(event)
        except BaseException:  # a full disk, a closed terminal: not the runs' fault
            stopper.stop()
            raise
    return outcomes


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other batches out of the folder, for as long as this process lives."""
    with (folder / "batch.lock").open("a+", encoding="utf-8") as file:
        if not locked(file):
            file.seek(0)
            holder = file.read(200).strip() or "another batch"
            raise SweepError(f"{folder} is in use by {holder}.")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
