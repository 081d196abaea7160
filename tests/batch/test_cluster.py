"""A batch on a real Dask cluster of several processes, one of which is killed at work."""

import json
import os
import signal

import pytest

from vidlab.batch.batch import run_batch
from vidlab.batch.sweep import SweepError, sweep_of

pytest.importorskip("distributed")
pytestmark = pytest.mark.lab


@pytest.fixture
def cluster(catalogue, tmp_path):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        host="127.0.0.1",
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        yield cluster


def test_a_killed_worker_costs_nothing(cluster, tmp_path):
    """Both workers wait in a run; one worker is killed; all may go on when its job begins anew."""
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
                    pids = client.run(os.getpid)
                os.kill(next(iter(pids.values())), signal.SIGKILL)

    outcomes = run_batch(
        sweep, tmp_path, workers=2, scheduler=cluster.scheduler_address, on_event=take
    )
    assert sorted(outcome.status for outcome in outcomes) == ["finished"] * 2
    records = [json.loads(p.read_text()) for p in tmp_path.glob("b/jobs/*/*/*/record.json")]
    assert [record["status"] for record in records] == ["finished"] * 2, "one run each"
    tries = sorted(record["metrics"]["tries/lab"] for record in records)
    assert tries == [1, 2], "the killed run goes on in its folder, the other one is left alone"
    assert events.count("start") == 3


def test_a_cluster_that_is_not_there(catalogue, tmp_path, monkeypatch):
    monkeypatch.setattr("vidlab.batch.cluster._CONNECT", 1.0)
    with pytest.raises(SweepError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        run_batch(sweep_of(["tiny"], name="b"), tmp_path, workers=1, scheduler="tcp://127.0.0.1:9")
