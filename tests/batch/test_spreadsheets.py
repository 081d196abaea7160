"""A spreadsheet that opens a batch's tables computes nothing of what a record says."""

import csv

import pytest

from vidlab.batch.batch import job_folder
from vidlab.batch.overview import means, read_tables, unfinished, verdicts
from vidlab.batch.reproduce import PaperTable, Row, compare, write_comparison
from vidlab.batch.results import tables, write_tables
from vidlab.batch.sweep import sweep_of
from vidlab.labs.record import new_record, now, write_record

pytestmark = pytest.mark.usefixtures("catalogue")
FORMULA = "=HYPERLINK(1)"


def finish(folder, job, **changes):
    """A finished run of a job whose texts are formulas."""
    values = {"profile": "quick", "seed": 0, "device": "cpu"} | dict(job.values)
    run = job_folder(folder, job) / "tiny" / "20260101T000000-abcd"
    run.mkdir(parents=True)
    record = new_record(run.name, lab="tiny", title="t", paper="p", parameters=values)
    claim = {"id": "a", "statement": FORMULA, "paper": 1, "observed": 1, "holds": True, "note": ""}
    record.update(status="finished", finished=now(), claims=[claim])
    record.update(device={"name": "+1", "type": "cpu"}, metrics={"gain/=ours": -0.5})
    write_record(run / "record.json", record | changes)


def cells(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_of_a_batch(tmp_path):
    sweep = sweep_of(["tiny"], name="a", seeds="0..2", grid={"eta": "0.1"})
    first, second, third = sweep.jobs
    finish(tmp_path, first)
    finish(tmp_path, second, device={"name": "@chip", "type": "cpu"})
    error = {"cell": 1, "heading": None, "message": "\t=1+1"}
    finish(tmp_path, third, status="failed", error=error)
    write_tables(tmp_path, tables(tmp_path, sweep))
    results = cells(tmp_path / "results.csv")
    assert [line["value"] for line in results] == ["-0.5", "-0.5"]
    assert [line["variant"] for line in results] == ["'=ours", "'=ours"]
    assert [line["device"] for line in results] == ["+1", "'@chip"]  # +1 is a number
    assert {line["statement"] for line in cells(tmp_path / "claims.csv")} == {f"'{FORMULA}"}
    assert cells(tmp_path / "runs.csv")[2]["message"] == "'\t=1+1"
    back = read_tables(tmp_path)
    assert means(back)["mean"].tolist() == [-0.5]
    assert verdicts(back)["holds"].tolist() == [2]
    assert len(unfinished(back)) == 1


def test_the_table_of_a_paper(tmp_path):
    rows = (Row("=row", "=ours", {"eta": 0.2}, {"gain": -0.25}),)
    table = PaperTable("t", "T", "S", "N", "tiny", {}, {"gain": "@gain"}, 1.0, rows)
    compared = compare(table, tmp_path, profile="quick", seeds=(0,))
    (line,) = cells(write_comparison(tmp_path, table, compared)[0])
    assert (line["row"], line["column"], line["paper"]) == ("'=row", "'@gain", "-0.25")
