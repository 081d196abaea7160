"""The jobs of a batch on a Dask cluster: whatever starts the workers, Slurm for instance.

The workers must see the batch's folder under the same path and have the same vidlab installed. A
job whose worker dies is given to another one, which goes on from the last checkpoint.
"""

from __future__ import annotations

import queue
import time
from pathlib import Path

from vidlab.batch.sweep import Job, Limits, SweepError
from vidlab.batch.watch import OnEvent, Outcome, run_job
from vidlab.labs.record import write_text
from vidlab.labs.supervise import stop_signals

_CONNECT = 15.0  # seconds
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
            return int(self._path.read_text("utf-8") != self._batch)
        except OSError:
            return 1


def run_on_dask(
    jobs: list[Job], folder: Path, limits: Limits, address: str, on_event: OnEvent
) -> list[Outcome]:
    """Run jobs on the workers of the scheduler at ``address``, one on each thread of a worker.

    Raises:
        SweepError: Dask is not installed, or there is no scheduler.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise SweepError("--scheduler needs Dask: pip install 'vidlab[cluster]'.") from None
    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise SweepError(f"no Dask scheduler answers at {address} ({error}).") from None
    events: queue.SimpleQueue = queue.SimpleQueue()
    outcomes: list[Outcome] = []
    futures = []  # Dask forgets what nobody holds
    started: set[str] = set()
    topic = f"vidlab-{folder.name}-{time.time_ns()}"
    write_text(folder / ".batch", topic)

    def stop() -> None:
        (folder / ".batch").unlink(missing_ok=True)
        events.put(("stopping",))

    with client, stop_signals(stop):
        client.subscribe_topic(topic, lambda event: events.put(tuple(event[1])))
        for job in jobs:
            future = client.submit(
                _work, job, folder, limits, topic, key=f"{topic}-{job.key}", pure=False
            )
            future.add_done_callback(lambda future, job=job: events.put(("done", job, future)))
            futures.append((job.key, future))
        while len(outcomes) < len(jobs):
            event = events.get()
            if event[0] == "start":
                started.add(event[1])
            elif event[0] == "stopping":
                for key, future in futures:
                    if key not in started:
                        future.cancel()
            if event[0] == "done":
                outcomes.append(_outcome(*event[1:]))
                event = ("end", outcomes[-1])
            elif event[0] == "job":
                event = (*event[:2], tuple(event[2]))
            on_event(event)
        client.unsubscribe_topic(topic)
    return outcomes


def _work(job: Job, folder: Path, limits: Limits, topic: str) -> Outcome:
    """What a Dask worker does: one job, its events sent to whoever listens."""
    from distributed import get_worker

    if not (folder / "sweep.json").is_file():
        message = f"this worker sees no {folder}; all workers need the same folder"
        return Outcome(job.key, "failed", message, None, 0.0, 0)
    stopper = _StopFile(folder, topic)
    if stopper.level:
        return Outcome(job.key, "interrupted", "not started", None, 0.0, 0)
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


def _outcome(job: Job, future) -> Outcome:
    if future.cancelled():
        return Outcome(job.key, "interrupted", "not started", None, 0.0, 0)
    error = future.exception()
    if error is None:
        return future.result()
    message = f"{type(error).__name__}: {error}"
    return Outcome(job.key, "failed", message, None, 0.0, 0)
