"""A run that used a leaky split says so in its record, its notebook and on the terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

import vidlab
from vidlab.datasets.splits import split
from vidlab.labs import cards, report
from vidlab.labs.record import RecordError, read_record, write_record
from vidlab.labs.run import RunResult

GROUPS = [i // 5 for i in range(50)]
LEAKY = split(GROUPS, seed=0, leaky=True)
FAIR = split(GROUPS, seed=0)


@pytest.fixture
def lab(lab_folder, write_lab, tmp_path):
    write_lab(lab_folder, [])
    values = {
        "profile": "quick",
        "seed": 0,
        "device": "cpu",
        "output_dir": str(tmp_path / "runs"),
        "data_dir": None,
        "eta": 0.4,
        "epochs": None,
        "etas": [],
    }
    profiles = {"quick": {"epochs": 1}, "full": {"epochs": 1}}
    return vidlab.Lab("tiny", values, profiles=profiles)


def record_of(lab):
    return read_record(lab.run_dir / "record.json")


def terminal(lab):
    stream = io.StringIO()
    console = Console(file=stream, width=200)
    report.print_result(console, RunResult(record_of(lab), Path(lab.run_dir), None))
    return stream.getvalue()


def test_a_leak_shows_everywhere(lab, capsys):
    lab.data(name="HMDB51", source="<b>mine</b>", split=LEAKY)
    noted = record_of(lab)["data"]["split"]
    assert noted == {
        "how": "single items",
        "leaky": True,
        "shared_groups": LEAKY.shared_groups,
        "sizes": {"train": 40, "test": 10},
    }
    warning = (
        f"LEAKY SPLIT (single items: 40 train, 10 test): {LEAKY.shared_groups} groups are in more "
        "than one part, so the scores are too good"
    )
    assert warning in capsys.readouterr().out  # in the notebook, at once
    assert warning in repr(lab)
    assert warning in lab._repr_html_()
    lab.finish()
    assert warning in capsys.readouterr().out
    assert warning in cards.claims_html(record_of(lab), [])
    assert warning in terminal(lab)


def test_a_fair_split_is_noted_and_nothing_is_shouted(lab, capsys):
    lab.data(name="videos", source="mine", split=FAIR)
    assert record_of(lab)["data"]["split"]["leaky"] is False
    lab.finish()
    assert "LEAK" not in capsys.readouterr().out + lab._repr_html_() + terminal(lab)


def test_words_of_a_split_are_escaped(lab):
    lab.data(name="d", source="s", split=split(GROUPS, seed=0, leaky=True))
    record = record_of(lab)
    record["data"]["split"]["how"] = "<script>x</script>"
    assert "<script>" not in cards.header_html(record, lab.run_dir)
    assert "&lt;script&gt;" in cards.claims_html(record, [])


@pytest.mark.parametrize(
    "change", [{"leaky": "yes"}, {"shared_groups": -1}, {"sizes": {"train": 0.8}}, {"extra": 1}]
)
def test_a_malformed_split_is_refused(lab, tmp_path, change):
    lab.data(name="d", source="s", split=FAIR)
    record = record_of(lab)
    record["data"]["split"] |= change
    with pytest.raises(RecordError, match="data/split"):
        write_record(tmp_path / "record.json", record)


def test_a_leak_is_not_wiped_out_by_a_second_note(lab):
    lab._unattended = True
    lab.data(name="HMDB51", source="mine", split=LEAKY)
    with pytest.raises(ValueError, match="data d: the data of this run were noted before"):
        lab.data(name="d", source="s")
    lab._unattended = False  # by hand, a cell that is run again
    lab.data(name="HMDB51", source="mine", split=FAIR)
    assert "LEAK" not in repr(lab)


def test_a_leak_that_was_asked_for_shows_even_where_chance_was_kind(lab, capsys):
    lab.data(name="d", source="s", split=split(range(10), seed=0, leaky=True))
    wanted = "LEAKY SPLIT (single items: 8 train, 2 test): 0 groups are in more than one part, but"
    assert wanted in capsys.readouterr().out
