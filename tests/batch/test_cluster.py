"""A batch on a real Dask cluster of several processes, one of which is killed at work."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from vidlab.batch.batch import run_batch
from vidlab.batch.sweep import SweepError, sweep_of

pytest.importorskip("distributed")
pytestmark = pytest.mark.lab


@pytest.fixture
def cluster(catalogue, tmp_path):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=3,  # one to spare: on a busy machine a new one may take minutes
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        host="127.0.0.1",
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        yield cluster


def test_a_killed_worker_costs_nothing(cluster, tmp_path):
    """Two workers wait in a run; one is killed; all may go on when its job begins on another."""
    from distributed import Client

    sweep = sweep_of(["tiny"], name="b", seeds="0..1", grid={"mode": "wait"})
    go = tmp_path / "go"
    at_work: set[str] = set()
    events = []

    def take(event):
        events.append(event[0])
        if event[0] == "start" and event[1] in at_work:
            go.touch()
        if event[0] == "job" and event[2][0] == "cell" and event[2][1] == 4:
            at_work.add(event[1])
            if len(at_work) == 2 and not go.exists():
                with Client(cluster.scheduler_address, set_as_default=False) as client:
                    busy = next(w for w, keys in client.processing().items() if keys)
                    pid = client.run(os.getpid, workers=[busy])[busy]
                os.kill(pid, signal.SIGKILL)

    outcomes = run_batch(
        sweep, tmp_path, workers=2, scheduler=cluster.scheduler_address, on_event=take
    )
    assert sorted(outcome.status for outcome in outcomes) == ["finished"] * 2
    records = [json.loads(p.read_text()) for p in tmp_path.glob("b/jobs/*/*/*/record.json")]
    assert [record["status"] for record in records] == ["finished"] * 2, "one run each"
    tries = sorted(record["metrics"]["tries/lab"] for record in records)
    assert tries == [1, 2], "the killed run goes on in its folder, the other one is left alone"
    assert events.count("start") == 3


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9"),
        ("head-node", "got 'head-node'; allowed: tcp://HOST:PORT"),
        ("http://127.0.0.1:9", "allowed: tcp://HOST:PORT"),
    ],
)
def test_a_cluster_that_is_not_there(catalogue, tmp_path, address, message):
    with pytest.raises(SweepError, match=message):
        run_batch(sweep_of(["tiny"], name="b"), tmp_path, workers=1, scheduler=address)


@pytest.fixture
def scheduler(catalogue, tmp_path):
    """A scheduler in a process of its own, with no workers: its process and its address."""
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    command += ["--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(1200):
        if file.is_file() and file.read_text().endswith("}"):
            break
        time.sleep(0.1)
    yield process, json.loads(file.read_text())["address"]
    process.kill()
    process.wait()


def test_a_scheduler_without_workers(scheduler, tmp_path, monkeypatch):
    """It is said and waited for; Ctrl-C leaves nothing behind; a scheduler that dies is said."""
    from distributed import Client

    process, address = scheduler
    sweep = sweep_of(["tiny"], name="b", seeds="0..2")
    events = []

    def stop(event):
        events.append(event)
        if event == ("workers", 0):
            os.kill(os.getpid(), signal.SIGINT)

    def run(on_event):
        return run_batch(
            sweep, tmp_path, workers=1, scheduler=address, resume=True, on_event=on_event
        )

    assert [o.status for o in run(stop)] == ["not started"] * 3
    assert ("stopping",) in events
    with Client(address, set_as_default=False) as client:
        assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0

    def kill(event):
        events.append(event)
        if event == ("workers", 0):
            process.kill()
            process.wait()

    monkeypatch.setattr("vidlab.batch.cluster._CONNECT", 2.0)  # as long Dask tries to reconnect
    assert [o.status for o in run(kill)] == ["not started"] * 3
    assert "the Dask scheduler is gone" in next(e[1] for e in events if e[0] == "note")
    assert not (tmp_path / "b" / ".batch").exists(), "the runs that are left would go on"
