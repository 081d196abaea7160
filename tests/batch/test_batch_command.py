"""`vidlab batch`: what it refuses before anything runs, and what its views say."""

import pytest

from vidlab.batch.live import View
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
    # Three wait at 30 s each and one is nearly done; two at a time.
    assert view.eta() == pytest.approx(45.0)
    view.take(("end", Outcome(jobs[1].key, "failed", "no\nluck", None, 30.0, 0)))
    assert view.head() == "2/5 ended · 1 failed · about 45 s left"
    assert "no luck" in view.line(("end", Outcome(jobs[1].key, "failed", "no\nluck", None, 1, 0)))
