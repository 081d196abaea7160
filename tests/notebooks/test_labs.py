"""Every lab runs through in its quick profile and leaves a valid record.

Whether a claim comes out true is the lab's result, not this test's business.
"""

import math
import shutil
from pathlib import Path

import pytest

from vidlab.batch.reproduce import paper_tables
from vidlab.labs.catalogue import scan
from vidlab.labs.record import read_record
from vidlab.labs.run import run_lab

ENTRIES, SKIPPED = scan()
# Kept: the book's pages are made of these runs, so that no lab runs twice.
RUNS = Path(__file__).parents[2] / "artefacts" / "runs"
KEPT = {
    *("lab.ipynb", "lab.html", "record.json", "figures", "checkpoints"),
    *("recogniser.safetensors", "sentence.mp4"),  # smkd: to be used on other films
}
LABS = {entry.id: entry for entry in ENTRIES}


@pytest.mark.lab
@pytest.mark.parametrize("lab_id", LABS)
def test_lab_runs_through(lab_id):
    shutil.rmtree(RUNS / lab_id, ignore_errors=True)
    result = run_lab(lab_id, {"device": "cpu"}, out=RUNS, timeout=1800)
    assert result.record["status"] == "finished", result.record["error"]
    record = read_record(result.run_dir / "record.json")
    assert record["profile"] == "quick"
    assert record["metrics"]
    assert all(math.isfinite(value) for value in record["metrics"].values())
    assert record["claims"]
    assert record["data"]["sha256"]
    lacking = [
        f"{table.id}: {metric}/{row.metric}"
        for table in paper_tables().values()
        if table.lab == lab_id
        for row in table.rows
        for metric in table.columns
        if f"{metric}/{row.metric}" not in record["metrics"]
        # Shares other than the default ones are measured when they are asked for.
        and "etas" not in table.settings
    ]
    assert not lacking, "a table of a paper wants what the lab does not measure"
    assert (result.run_dir / "lab.ipynb").stat().st_size > 10_000
    assert (result.run_dir / "lab.html").stat().st_size > 10_000
    assert list((result.run_dir / "figures").glob("*.png"))
    names = {path.name for path in result.run_dir.iterdir()}
    assert names >= {"lab.ipynb", "lab.html", "record.json", "figures", "checkpoints"}
    assert names <= KEPT, "a run left something behind"


def test_every_notebook_is_in_the_catalogue():
    assert not SKIPPED


@pytest.mark.parametrize("lab_id", LABS)
def test_lab_is_complete(lab_id):
    """What the catalogue promises is there: budgets, known prerequisites, its part's folder."""
    entry = LABS[lab_id]
    assert entry.path.parent.name == entry.part
    assert set(entry.prerequisites) <= set(LABS)
    assert entry.quick_s <= 120
