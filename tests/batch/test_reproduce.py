"""Tables of papers: what they run, and how ours are put beside the printed numbers."""

import math
from dataclasses import replace

import pytest

from vidlab.batch.batch import job_folder
from vidlab.batch.reproduce import (
    PaperTable,
    Row,
    compare,
    paper_tables,
    sweep_of_table,
    write_comparison,
)
from vidlab.batch.sweep import SweepError, seeds_of
from vidlab.cli import main
from vidlab.labs.record import new_record, now, write_record

TABLES = paper_tables()
TINY = PaperTable(
    "tiny-table",
    "A table",
    "A Paper, Table 1",
    "A note.",
    "tiny",
    {"mode": "good"},
    {"accuracy": "accuracy, %", "speed": "speed"},
    100.0,
    (
        Row("low", "ours", {"eta": 0.2}, {"accuracy": 30.0}),
        Row("high", "ours", {"eta": 0.8}, {"accuracy": 70.0, "speed": 1.0}),
        Row("same run", "theirs", {"eta": 0.8}, {}),
    ),
)


@pytest.mark.parametrize("name", TABLES)
def test_a_shipped_table_asks_for_what_its_lab_allows(name):
    table = TABLES[name]
    sweep = sweep_of_table(table, profile="full", seeds=(0, 1))
    settings = {tuple(sorted(row.settings.items())) for row in table.rows}
    assert len(sweep.jobs) == 2 * len(settings)
    assert all(set(row.paper) <= set(table.columns) for row in table.rows)
    assert len({row.name for row in table.rows}) == len(table.rows)


def finish(folder, job, metrics):
    """A finished run of a job, as the lab would leave it."""
    values = {"profile": "quick", "seed": 0, "device": "cpu"} | dict(job.values)
    run = job_folder(folder, job) / "tiny" / "20260101T000000-abcd"
    run.mkdir(parents=True)
    record = new_record(run.name, lab="tiny", title="t", paper="p", parameters=values)
    record.update(status="finished", finished=now(), metrics=metrics)
    write_record(run / "record.json", record)


def test_ours_beside_the_papers(catalogue, tmp_path):
    sweep = sweep_of_table(TINY, seeds=(0, 1, 2))
    assert len(sweep.jobs) == 6
    for job in sweep.jobs:
        if job.values["eta"] == 0.8 and job.values["seed"] != 2:
            value = {0: 0.70, 1: 0.80}[job.values["seed"]]
            finish(tmp_path, job, {"accuracy/ours": value, "accuracy/theirs": 0.5})
    table = compare(TINY, tmp_path, profile="quick", seeds=(0, 1, 2)).set_index(["row", "column"])
    high = table.loc["high", "accuracy, %"]
    assert (high["ours"], high["low"], high["high"]) == pytest.approx((75, 70, 80))
    assert high["difference"] == pytest.approx(5)
    assert high["seeds"] == 2, "a run that is not finished does not count"
    low = table.loc["low", "accuracy, %"]
    assert (low["seeds"], math.isnan(low["ours"]), low["paper"]) == (0, True, 30)
    assert table.loc["same run", "accuracy, %"]["ours"] == pytest.approx(50)
    assert table.loc["high", "speed"]["seeds"] == 0

    _, page = write_comparison(
        tmp_path, TINY, compare(TINY, tmp_path, profile="quick", seeds=(0, 1, 2))
    )
    assert "| high | accuracy, % | 70 | 75 | 70 … 80 | +5 | 2 |" in page.read_text()
    assert "| low | accuracy, % | 30 | – | – | – | 0 |" in page.read_text()


def test_runs_of_other_settings_do_not_count(catalogue, tmp_path):
    for job in sweep_of_table(TINY).jobs:
        finish(tmp_path, job, {"accuracy/ours": 0.5})
    other = replace(TINY, settings={"mode": "slow"})
    assert compare(TINY, tmp_path, profile="quick", seeds=(0,))["seeds"].sum() == 2
    assert compare(other, tmp_path, profile="quick", seeds=(0,))["seeds"].sum() == 0
    assert compare(TINY, tmp_path, profile="full", seeds=(0,))["seeds"].sum() == 0


def test_settings_for_all_rows_make_runs_of_their_own_but_a_rows_own_stay(catalogue, tmp_path):
    plain, slow = (
        sweep_of_table(TINY),
        sweep_of_table(TINY, settings={"mode": "slow", "eta": "0.5"}),
    )
    assert not {job.key for job in plain.jobs} & {job.key for job in slow.jobs}
    assert {job.values["mode"] for job in slow.jobs} == {"slow"}
    assert {job.values["eta"] for job in slow.jobs} == {0.2, 0.8}
    for job in slow.jobs:
        finish(tmp_path, job, {"accuracy/ours": 0.5})
    asked = {"profile": "quick", "seeds": (0,)}
    assert compare(TINY, tmp_path, **asked)["seeds"].sum() == 0
    assert compare(TINY, tmp_path, **asked, settings={"mode": "slow"})["seeds"].sum() == 2


def test_a_table_that_asks_for_too_much_is_named(catalogue):
    wrong = replace(TINY, settings={"eta": 7.0}, rows=(Row("r", "ours", {}, {}),))
    with pytest.raises(SweepError, match="tiny-table, row r: parameter eta: got 7.0"):
        sweep_of_table(wrong)


def test_seeds():
    assert seeds_of("0..2") == [0, 1, 2]
    with pytest.raises(SweepError, match="a range 0..4 or a list"):
        seeds_of("one")


def test_the_command_lists_and_refuses(capsys):
    assert main(["reproduce"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in TABLES)
    assert main(["reproduce", "table-9"]) == 2
    assert "there is no table table-9; there are: bitconv3d-ablations" in capsys.readouterr().err
    assert main(["reproduce", "smkd-receptive-fields", "-p", "epochs=many"]) == 2
    assert "row C5, r = 5: parameter epochs" in capsys.readouterr().err
