"""The jobs of a batch on a Dask cluster: whatever starts the workers, Slurm for instance.

The workers must see the batch's folder under the same path and have the same vidlab installed. A
job whose worker dies is given to another one, which goes on from the last checkpoint.
"""

from __future__ import annotations

import logging
import queue
import socket
import time
from pathlib import Path

from vidlab.batch.jobs import Job, Limits, SweepError
from vidlab.batch.watch import FULL, OnEvent, Outcome, not_started, run_job
from vidlab.labs.record import write_text
from vidlab.labs.supervise import stop_signals
from vidlab.labs.text import one_line

_CONNECT = 15.0  # seconds
_LOOK = 2.0  # seconds between two looks at the cluster
_PATIENCE = 60.0  # seconds that runs which are to end may take to say so
_AT_ONCE = " at once"
_PROGRESS = 2.0  # seconds between two lines of progress that a worker sends


class _StopFile:
    """A stopper that all machines see: a file in the batch's folder names the batch at work.

    Another name, or none, and the run is to end: its batch was stopped, or died and was resumed.
    """

    def __init__(self, folder: Path, batch: str):
        self._path, self._batch = folder / ".batch", batch

    @property
    def level(self) -> int:
        try:
            told = self._path.read_text("utf-8")
        except OSError:
            return 1
        return 0 if told == self._batch else 1 + (told == f"{self._batch}{_AT_ONCE}")


def run_on_dask(
    jobs: list[Job], folder: Path, limits: Limits, address: str, on_event: OnEvent
) -> list[Outcome]:
    """Run jobs on the workers of the scheduler at ``address``, one on each thread of a worker.

    Waits for workers where there are none yet. A scheduler that is gone ends the batch: what was at
    work is "interrupted", what waited "not started".

    Raises:
        SweepError: Dask is not installed, or there is no scheduler.
        OSError: the disk of the folder is full.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise SweepError("--scheduler needs Dask: pip install 'vidlab[cluster]'.") from None
    _knock(address)
    # It logs what we say in one sentence.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        why = one_line(str(error)) or type(error).__name__
        raise SweepError(f"no Dask scheduler answers at {address} ({why}).") from None
    mark = folder / ".batch"
    topic = f"vidlab-{folder.name}-{time.time_ns()}"
    events: queue.SimpleQueue = queue.SimpleQueue()
    write_text(mark, topic)

    def stop() -> None:
        if mark.exists():
            mark.unlink(missing_ok=True)
        else:  # once more
            write_text(mark, f"{topic}{_AT_ONCE}")
        events.put(("stopping",))

    with client, stop_signals(stop):
        try:
            client.subscribe_topic(topic, lambda event: events.put(tuple(event[1])))
            futures = {}  # Dask forgets what nobody holds
            for job in jobs:
                future = client.submit(
                    _work, job, folder, limits, topic, key=f"{topic}-{job.key}", pure=False
                )
                future.add_done_callback(lambda future, job=job: events.put(("done", job, future)))
                futures[job.key] = future
            return _wait(jobs, futures, client, events, on_event)
        finally:
            mark.unlink(missing_ok=True)  # whatever still runs is to end


def _knock(address: str) -> None:
    """Raises SweepError unless something listens there; Dask would take a minute to say so."""
    scheme, _, place = address.rpartition("://")
    host, _, port = place.rpartition(":")
    if scheme not in ("", "tcp", "tls") or not host or not port.isdecimal():
        raise SweepError(f"--scheduler: got {address!r}; allowed: tcp://HOST:PORT.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT).close()
    except (OSError, OverflowError) as error:
        raise SweepError(f"no Dask scheduler answers at {address} ({error}).") from None


def _wait(
    jobs: list[Job], futures: dict, client, events: queue.SimpleQueue, on_event: OnEvent
) -> list[Outcome]:
    """Relay events until all jobs have ended, or until there is no scheduler any more."""
    outcomes: dict[str, Outcome] = {}
    started: set[str] = set()
    places: int | None = None  # threads of all workers
    looked = -_LOOK
    stopped: float | None = None
    while len(outcomes) < len(jobs):
        if time.monotonic() > looked + _LOOK:
            before, places = places, _places(client)
            looked = time.monotonic()
            if places is None:
                break
            if places != before:
                on_event(("workers", places))
            if stopped is not None and (not places or looked > stopped + _PATIENCE):
                for future in futures.values():  # nobody is there to answer
                    future.cancel()
        try:
            event = events.get(timeout=_LOOK / 4)
        except queue.Empty:
            continue
        if event[0] == "done":
            _, job, future = event
            if client.status != "running":
                break
            outcomes[job.key] = _outcome(job, future, job.key in started)
            on_event(("end", outcomes[job.key]))
        elif event[0] == "stopping":
            stopped = stopped or time.monotonic()
            for key, future in futures.items():
                if key not in started:
                    future.cancel()
            on_event(event)
        elif event[1] not in outcomes:  # of a run that ended, it comes too late
            if event[0] == "start":
                started.add(event[1])
            on_event((*event[:2], tuple(event[2])) if event[0] == "job" else event)
    if len(outcomes) < len(jobs):
        on_event(("note", "the Dask scheduler is gone; with another one, go on with --resume"))
    for job in jobs:
        if job.key not in outcomes:
            lost = Outcome(job.key, "interrupted", "the scheduler is gone", None, 0.0, 0)
            outcomes[job.key] = lost if job.key in started else not_started(job)
            on_event(("end", outcomes[job.key]))
    return list(outcomes.values())


def _places(client) -> int | None:
    """How many runs the workers can take at a time; None where the scheduler is gone."""
    try:
        return sum(client.nthreads().values()) if client.status == "running" else None
    except (OSError, TimeoutError):
        return None


def _work(job: Job, folder: Path, limits: Limits, topic: str) -> Outcome:
    """What a Dask worker does: one job, its events sent to whoever listens."""
    from distributed import get_worker

    if not (folder / "sweep.json").is_file():
        message = f"this worker sees no {folder}; all workers need the same folder"
        return Outcome(job.key, "failed", message, None, 0.0, 0)
    stopper = _StopFile(folder, topic)
    if stopper.level:
        return not_started(job)
    worker = get_worker()
    sent = 0.0

    def tell(event: tuple) -> None:
        nonlocal sent
        if event[0] in ("progress", "memory"):
            if time.monotonic() - sent < _PROGRESS:
                return
            sent = time.monotonic()
        worker.log_event(topic, ("job", job.key, event))

    worker.log_event(topic, ("start", job.key))
    return run_job(job, folder / "jobs" / job.key, limits, on_event=tell, stopper=stopper)


def _outcome(job: Job, future, started: bool) -> Outcome:
    if future.cancelled():
        lost = Outcome(job.key, "interrupted", "its worker did not answer", None, 0.0, 0)
        return lost if started else not_started(job)
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, OSError) and error.errno in FULL:
        raise error
    message = f"{type(error).__name__}: {error}"
    return Outcome(job.key, "failed", message, None, 0.0, 0)
