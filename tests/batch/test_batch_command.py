"""`vidlab batch`: what it refuses before anything runs, and what its views say."""

import io
import os
import subprocess
import sys

import pandas as pd
import pytest
from rich.console import Console

from vidlab.batch.live import View, shown
from vidlab.batch.overview import curves, means, read_tables, show_table
from vidlab.batch.sweep import sweep_of
from vidlab.batch.watch import Outcome
from vidlab.cli import main


@pytest.fixture(autouse=True)
def here(catalogue, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a sweep file or labs with --lab"),
        (("s.yaml", "--lab", "tiny"), "one of the two"),
        (("none.yaml",), "none.yaml: cannot be read"),
        (("s.yaml", "--seeds", "1"), "--seeds: with a sweep file this stands in the file"),
        (("--lab", "tiny", "-p", "eta"), "allowed is NAME=V1,V2"),
        (("--lab", "tiny", "-p", "eta=0.1", "-p", "eta=0.2"), "once for each name"),
        (("--lab", "tiny", "-p", "eta=7"), "parameter eta: got 7.0; allowed: a number in 0 .. 1"),
        (("--lab", "tiny", "--memory", "4 apples"), "as in 4G"),
        (("--lab", "tiny", "--jobs", "0"), "0 is not in the range"),
        (("--lab", "tiny", "--name", "a/b"), "name: got 'a/b'"),
    ],
)
def test_wrong_usage_is_one_sentence(words, message, capsys, tmp_path):
    assert main(["batch", *words]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "batches").exists()


def test_the_view_counts_and_estimates(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("vidlab.batch.live.time.monotonic", lambda: clock[0])
    jobs = sweep_of(["tiny"], name="b", seeds="0..4").jobs
    view = View(workers=2)
    view.take(("plan", list(jobs), []))
    assert view.eta() is None
    for job in jobs[:2]:
        view.take(("start", job.key))
    clock[0] = 30.0
    view.take(("end", Outcome(jobs[0].key, "finished", "", "run", 30.0, 0)))
    # Three wait at 30 s each, one is overdue, two run at a time: 30 + 30 s at the free place.
    assert view.eta() == pytest.approx(60.0)
    view.take(("end", Outcome(jobs[1].key, "failed", "no\nluck", None, 30.0, 0)))
    assert view.head() == "2/5 ended · 1 failed · about 60 s left"
    assert "no luck" in view.line(("end", Outcome(jobs[1].key, "failed", "no\nluck", None, 1, 0)))


def test_what_is_left_is_never_a_lie(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("vidlab.batch.live.time.monotonic", lambda: clock[0])
    jobs = sweep_of(["tiny"], name="b", seeds="0..2").jobs
    view = View(workers=3)
    view.take(("plan", list(jobs), []))
    for job in jobs:
        view.take(("start", job.key))
    clock[0] = 20.0
    view.take(("end", Outcome(jobs[0].key, "finished", "", "run", 20.0, 0)))
    assert view.eta() == 0.0
    assert view.head() == "1/3 ended · longer than usual"
    view.take(("start", jobs[1].key))  # its worker died: it began anew
    assert view.head() == "1/3 ended · about 20 s left"
    view.take(("stopping",))
    assert view.head() == "1/3 ended · stopping"


def test_waiting_for_workers_is_said():
    (job,) = sweep_of(["tiny"], name="b").jobs
    view = View(workers=0)
    view.take(("plan", [job], []))
    view.take(("workers", 0))
    assert view.head() == "0/1 ended · waiting for workers"
    assert "no workers yet" in view.line(("workers", 0))


@pytest.mark.parametrize(("width", "height"), [(60, 30), (100, 30), (100, 8)])
def test_the_table_fits_the_terminal_and_tells_runs_apart(width, height):
    jobs = sweep_of(["tiny"], name="b", seeds="0..9", grid={"etas": "[0.1, 0.25, 0.5, 0.75]"}).jobs
    view = View(workers=10)
    view.take(("plan", list(jobs), []))
    for job in jobs:
        view.take(("start", job.key))
        view.take(("job", job.key, ("cell", 4, 12, "Training of the baseline and " * 3)))
        view.take(("job", job.key, ("progress", "epoch 3/9  loss 0.2345  accuracy 0.91  " * 2)))
        view.take(("job", job.key, ("memory", 3 << 30)))
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=True, color_system=None)
    console.print(view)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    rows = [line for line in lines if "00:00  3.0 GB  4/12 epoch 3/9" in line]
    assert len(rows) == min(10, height - 5)
    assert len({row.split()[0] for row in rows}) == len(rows)
    assert rows[0].startswith("seed=0 ")
    assert "0/10 ended" in lines[-1]


def test_a_log_has_a_line_for_what_matters_and_no_codes():
    jobs = sweep_of(["tiny"], name="b", seeds="0..2").jobs
    file = io.StringIO()
    with shown(Console(file=file, width=140), 2) as take:
        take(("plan", list(jobs), []))
        take(("start", jobs[0].key))
        take(("job", jobs[0].key, ("progress", "epoch 1")))
        take(("end", Outcome(jobs[0].key, "failed", "no [b]luck\x1b[31m", None, 3.0, 0)))
        take(("end", Outcome(jobs[1].key, "not started", "", None, 0.0, 0)))
    assert file.getvalue().splitlines() == [
        "3 runs to make, 0 finished before",
        "started   tiny seed=0",
        "failed    tiny seed=0 (3 s): no [b]luck   [1/3 ended · 1 failed]",
    ]


def _tables(folder, rows):
    columns = ["job", "lab", "profile", "seed", "eta", "epochs", "device", "run_id"]
    fixed = {"job": "j", "lab": "tiny", "profile": "quick", "device": "cpu", "run_id": "r"}
    results = pd.DataFrame([fixed | {"metric": "accuracy", "variant": "a"} | row for row in rows])
    results = results[[*columns, "metric", "variant", "value"]]
    results.to_csv(folder / "results.csv", index=False)
    runs = results[columns].drop_duplicates().assign(status="finished", seconds=1.0, message="")
    runs.to_csv(folder / "runs.csv", index=False)
    claims = results[columns].head(0).assign(claim="", holds=None, statement="")
    claims.to_csv(folder / "claims.csv", index=False)
    return read_tables(folder)


def test_only_seeds_are_averaged(tmp_path):
    """Runs with other epochs are other lines, not more seeds; the interval is Student's t."""
    rows = [
        {"seed": seed, "eta": eta, "epochs": epochs, "value": eta + 10 * epochs + seed}
        for eta in (0.2, 0.4)
        for epochs in (1, 2)
        for seed in (0, 1, 2)
    ]
    tables = _tables(tmp_path, rows)
    assert tables.swept == ["eta", "epochs"]
    found = means(tables).set_index(["eta", "epochs"])
    assert found.loc[(0.4, 2), "mean"] == pytest.approx(21.4)
    # By hand: deviation 1, t = 4.3027 for two degrees of freedom, over the root of 3.
    assert found["± 95 %"].tolist() == pytest.approx([4.3027 / 3**0.5] * 4, rel=1e-4)
    assert found["seeds"].tolist() == [3] * 4
    ((figure, caption),) = curves(tables, "tiny", "eta")
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("eta", "accuracy")
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["a, epochs=1", "a, epochs=2"]
    assert axes.lines[0].get_ydata() == pytest.approx([11.2, 11.4])
    assert "95 % confidence intervals (Student's t" in caption
    assert "over 3 seeds" in caption


def test_one_seed_has_no_interval_and_names_are_only_names(tmp_path, capsys):
    rows = [
        {"seed": 0, "eta": eta, "epochs": None, "value": eta, "metric": "a$b", "variant": "$<b>"}
        for eta in (0.2, 0.4)
    ]
    tables = _tables(tmp_path, rows)
    assert means(tables)["± 95 %"].isna().all()
    ((figure, caption),) = curves(tables, "tiny", "eta")
    figure.savefig(io.BytesIO())
    assert "one seed each" in caption
    show_table(means(tables))
    assert "$<b>" in capsys.readouterr().out


def test_a_full_disk_is_one_sentence(tmp_path, catalogue):
    small = tmp_path / "small"
    small.mkdir()
    script = f"mount -t tmpfs -o size=600k none {small} && exec {sys.executable} -m vidlab batch "
    script += f"--lab tiny --name b --out {small}"
    command = ["unshare", "-rm", "sh", "-c"]
    try:
        subprocess.run([*command, f"mount -t tmpfs none {small}"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small disk can be made here")
    done = subprocess.run([*command, script], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "make room, then go on with --resume" in done.stderr
    assert done.stderr.count("\n") == 1
