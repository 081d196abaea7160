"""Whole batches in real processes: nothing stops the others, nothing is lost, nothing doubled."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest

from vidlab.batch.batch import run_batch
from vidlab.batch.report import write_report
from vidlab.batch.sweep import Limits, SweepError, sweep_of

pytestmark = pytest.mark.lab


def modes(*names, limits=None, **grid):
    return sweep_of(["tiny"], name="b", grid={"mode": ",".join(names), **grid}, limits=limits)


def test_one_bad_run_never_stops_the_others(catalogue, tmp_path):
    sweep = modes("greedy", "fail", "good", limits=Limits(None, 700 << 20))
    events = []
    outcomes = run_batch(sweep, tmp_path, workers=2, on_event=events.append)
    mode_of = {job.key: job.values["mode"] for job in sweep.jobs}
    ended = {mode_of[outcome.key]: outcome for outcome in outcomes}
    assert {mode: outcome.status for mode, outcome in ended.items()} == {
        "good": "finished",
        "fail": "failed",
        "greedy": "memory",
    }
    assert "over its memory limit of 700 MB" in ended["greedy"].message
    assert ended["greedy"].peak > 700 << 20

    failed, written, problem = write_report(tmp_path / "b", sweep, outcomes)
    assert not problem
    by_mode = {f.job.values["mode"]: f for f in failed}
    assert by_mode["fail"].cell == 4  # as in In [4]: parameters, those that were given, Lab, this
    assert by_mode["fail"].heading == "Work"
    assert "raise RuntimeError" in by_mode["fail"].traceback
    assert "no luck" in by_mode["fail"].message
    assert "\x1b" not in (tmp_path / "b" / "failures.md").read_text()
    runs = pd.read_csv(tmp_path / "b" / "runs.csv").set_index("mode")
    assert runs.loc["good", "status"] == "finished"
    assert "memory limit" in runs.loc["greedy", "message"]
    assert {path.name for path in written} >= {"results.csv", "failures.md", "summary.ipynb"}
    kinds = {event[0] for event in events}
    assert kinds == {"plan", "start", "job", "end"}


KILLED = """\
import os, signal, subprocess, time
from pathlib import Path
child = subprocess.Popen(["sleep", "600"])
Path(os.environ["VIDLAB_NOTEBOOKS"], "pids.txt").write_text(f"{os.getpid()} {child.pid}")
time.sleep(5)
os.kill(os.getppid(), signal.SIGKILL)
time.sleep(600)
"""


def test_a_killed_run_leaves_nothing_behind(catalogue, tmp_path, write_lab):
    """kill -9 of a run's own process: told, and its kernel and what that started end, too."""
    write_lab(catalogue, ["LAB", KILLED], id="killed")
    (outcome,) = run_batch(sweep_of(["killed"], name="b"), tmp_path, workers=1)
    assert outcome.status == "failed"
    assert outcome.message == "its process died (signal 9)"
    pids = [int(pid) for pid in (catalogue / "pids.txt").read_text().split()]
    alive = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert psutil.wait_procs(alive, timeout=60)[1] == []
    (record,) = (json.loads(p.read_text()) for p in tmp_path.glob("b/jobs/*/*/*/record.json"))
    assert record["status"] == "interrupted", "--resume goes on with it"


def test_a_run_that_ignores_all_requests_is_ended(catalogue, tmp_path):
    (outcome,) = run_batch(modes("hang", limits=Limits(20.0)), tmp_path, workers=1)
    assert outcome.status == "timeout"
    assert "over its time-out of 20 s" in outcome.message


def test_results_are_tidy_and_summed_up(catalogue, tmp_path):
    pytest.importorskip("pyarrow")
    sweep = sweep_of(["tiny"], name="b", seeds="0..1", grid={"eta": "0.2,0.8"})
    outcomes = run_batch(sweep, tmp_path, workers=2)
    failed, _, problem = write_report(tmp_path / "b", sweep, outcomes)
    assert (failed, problem) == ([], "")
    table = pd.read_parquet(tmp_path / "b" / "results.parquet")
    ours = table[(table["metric"] == "accuracy") & (table["variant"] == "ours")]
    assert ours.set_index(["eta", "seed"])["value"].to_dict() == pytest.approx(
        {(0.2, 0): 0.2, (0.2, 1): 0.21, (0.8, 0): 0.8, (0.8, 1): 0.81}
    )
    pd.testing.assert_frame_equal(
        table, pd.read_csv(tmp_path / "b" / "results.csv"), check_dtype=False
    )
    claims = pd.read_csv(tmp_path / "b" / "claims.csv").set_index(["eta", "seed"])["holds"]
    assert claims.to_dict() == {(0.2, 0): False, (0.2, 1): False, (0.8, 0): True, (0.8, 1): True}
    page = (tmp_path / "b" / "summary.html").read_text()
    assert "accuracy" in page
    assert "data:image/png" in page


def test_a_batch_is_never_begun_twice(catalogue, tmp_path):
    sweep = modes("good")
    run_batch(sweep, tmp_path, workers=1)
    with pytest.raises(SweepError, match="1 of 1 finished.*--resume"):
        run_batch(sweep, tmp_path, workers=1)
    record = next((tmp_path / "b").glob("jobs/*/*/*/record.json"))
    before = record.stat().st_mtime_ns
    assert run_batch(sweep, tmp_path, workers=1, resume=True) == []
    assert record.stat().st_mtime_ns == before


def test_killed_in_the_middle_and_resumed(catalogue, tmp_path):
    """kill -9 of the batch and of a run's process: all ends; --resume finishes each job once."""
    command = [
        sys.executable,
        "-m",
        "vidlab",
        "batch",
        "--lab",
        "tiny",
        "-p",
        "mode=good,slow",
        "-p",
        "eta=0.1,0.9",
        "--name",
        "b",
        "--out",
        str(tmp_path),
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    records = []
    for _ in range(6000):
        records = [json.loads(p.read_text()) for p in tmp_path.glob("b/jobs/*/*/*/record.json")]
        done = [r for r in records if r["status"] == "finished"]
        marks = list(tmp_path.glob("b/jobs/*/*/*/checkpoints/marks.txt"))
        if len(done) == 2 and len(marks) == 4:
            break
        time.sleep(0.1)
    else:
        process.kill()
        pytest.fail(f"the batch did not get that far: {records}")
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # The first of them is the process of a run; its kernel has to notice by itself.
    family[0].kill()
    finished = {r["run_id"]: r["updated"] for r in done}

    result = subprocess.run([*command, "--resume", "--json"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert [o["status"] for o in json.loads(result.stdout)] == ["finished", "finished"]
    records = [json.loads(p.read_text()) for p in tmp_path.glob("b/jobs/*/*/*/record.json")]
    assert len(records) == 4, "a job has two runs"
    assert {r["status"] for r in records} == {"finished"}
    assert all(r["updated"] == finished.get(r["run_id"], r["updated"]) for r in records)
    tries = sorted(r["metrics"]["tries/lab"] for r in records)
    assert tries == [1, 1, 2, 2], "a run that was cut short goes on in its folder"
    assert psutil.wait_procs(family, timeout=60)[1] == [], "orphans"


def test_ctrl_c_lets_the_runs_save_their_state(catalogue, tmp_path):
    command = [
        sys.executable,
        "-m",
        "vidlab",
        "batch",
        "--lab",
        "tiny",
        "-p",
        "mode=slow",
        "--seeds",
        "0..1",
        "--name",
        "b",
        "--out",
        str(tmp_path),
        "--jobs",
        "1",
    ]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    for _ in range(6000):
        if list(tmp_path.glob("b/jobs/*/*/*/checkpoints/marks.txt")):
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "--resume" in told
    statuses = [
        json.loads(p.read_text())["status"] for p in tmp_path.glob("b/jobs/*/*/*/record.json")
    ]
    assert statuses == ["interrupted"]


def test_two_batches_in_one_folder(catalogue, tmp_path):
    folder = tmp_path / "b"
    folder.mkdir()
    holds = "import fcntl, sys, time; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX); "
    holds += "f.write('process 7 on mars'); f.flush(); print('ready', flush=True); time.sleep(600)"
    other = subprocess.Popen(
        [sys.executable, "-c", holds, str(folder / "batch.lock")], stdout=subprocess.PIPE
    )
    other.stdout.readline()
    with pytest.raises(SweepError, match="is in use by process 7 on mars"):
        run_batch(modes("good"), tmp_path, workers=1)
    other.kill()  # what it wrote stays behind; its lock does not
    other.wait()
    other.stdout.close()
    assert [o.status for o in run_batch(modes("good"), tmp_path, workers=1)] == ["finished"]


def test_labs_that_share_a_name_only_share_a_table(tmp_path):
    from vidlab.batch.results import _one_type_a_column

    table = pd.DataFrame({"scale": [True, 16.0, None], "seed": [0, 1, 2]})
    pytest.importorskip("pyarrow")
    _one_type_a_column(table).to_parquet(tmp_path / "t.parquet")
    read = pd.read_parquet(tmp_path / "t.parquet")["scale"]
    assert read[:2].tolist() == ["true", "16.0"]
    assert read.isna()[2]
