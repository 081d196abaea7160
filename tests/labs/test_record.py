import json
import os
import subprocess
import sys
import time

import pytest

from vidlab.labs.record import (
    RecordError,
    check_record,
    is_alive,
    new_record,
    read_record,
    write_record,
    write_text,
)
from vidlab.labs.runs import RunRefused, check_writable, new_run_folder, resumable

PARAMETERS = {
    "profile": "quick",
    "seed": 3,
    "device": "auto",
    "output_dir": "runs",
    "data_dir": None,
    "etas": [0.0, 0.2],
}


def record(**changes):
    made = new_record(
        "20260101T000000-abcd", lab="tiny", title="T", paper="P", parameters=PARAMETERS
    )
    made["claims"] = [
        {"id": "a", "statement": "s", "paper": 1, "observed": [1], "holds": None, "note": ""}
    ]
    return made | changes


def test_round_trip(tmp_path):
    path = tmp_path / "record.json"
    made = record(metrics={"wer/ws+gsba": 0.25}, title="κ <b>")
    write_record(path, made)
    assert read_record(path) == made
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def claim(**changes):
    return [record()["claims"][0] | changes]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schema": 2}, "schema"),
        ({"profile": "huge"}, "profile"),
        ({"seed": True}, "seed"),
        ({"seed": -1}, "seed"),
        ({"lab": "../x"}, "lab"),
        ({"device": {"name": "x", "type": "tpu"}}, "device/type"),
        ({"device": {"name": "x"}}, "device"),
        ({"versions": {"python": 3}}, "versions/python"),
        ({"data": {"name": "d", "source": "s", "sha256": "abc"}}, "data/sha256"),
        ({"metrics": {"accuracy": 1.0}}, "metrics"),
        ({"metrics": {"a/b": "1"}}, "metrics/a/b"),
        ({"metrics": {"a/b": True}}, "metrics/a/b"),
        ({"claims": claim(holds="yes")}, "claims/0/holds"),
        ({"claims": claim(holds=1)}, "claims/0/holds"),
        ({"claims": claim(id="A b")}, "claims/0/id"),
        ({"claims": claim() + claim()}, "claims"),
        ({"timings": {"total_s": -1, "sections": {}}}, "timings/total_s"),
        ({"started": "yesterday"}, "started"),
        ({"finished": "2026-99-99T99:99:99Z"}, "finished"),
        ({"updated": "2026-02-30T10:00:00Z"}, "updated"),
        ({"started": "0000-01-01T10:00:00Z"}, "started"),
        ({"status": "done"}, "status"),
        ({"error": {"cell": 1}}, "error"),
        ({"extra": 1}, "the record"),
    ],
)
def test_violations_are_refused_and_named(tmp_path, changes, field):
    path = tmp_path / "record.json"
    with pytest.raises(RecordError) as caught:
        write_record(path, record(**changes))
    assert str(caught.value).startswith(f"{path}: {field}: ")
    assert not path.exists()
    path.write_text(json.dumps(record(**changes)))
    with pytest.raises(RecordError):
        read_record(path)


@pytest.mark.parametrize("field", list(record()))
def test_every_field_is_required(field):
    broken = record()
    del broken[field]
    with pytest.raises(RecordError, match=field):
        check_record(broken)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(tmp_path, value):
    path = tmp_path / "record.json"
    with pytest.raises(RecordError):
        write_record(path, record(metrics={"a/b": value}))
    path.write_text(json.dumps(record(metrics={"a/b": value})))
    with pytest.raises(RecordError, match="not a JSON number"):
        read_record(path)


def nested(depth):
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize("where", [{"observed": nested(400)}, {"paper": nested(400)}])
def test_a_record_is_not_nested_without_end(tmp_path, where):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record(claims=claim(**where))))
    with pytest.raises(RecordError, match="nested deeper than 20 levels"):
        read_record(path)
    path.write_text(json.dumps(record(claims=claim(observed=nested(10)))))
    assert read_record(path)["claims"][0]["observed"] == nested(10)


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "-1e999"])
def test_numbers_fit_into_floats(tmp_path, number):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record(metrics={"a/b": 0.5})).replace("0.5", number))
    with pytest.raises(RecordError, match="not finite or beyond all floats"):
        read_record(path)


def test_a_record_is_not_endless(tmp_path):
    path = tmp_path / "record.json"
    made = record(title="x" * (1 << 20))
    with pytest.raises(RecordError, match="more than 1 MB"):
        write_record(path, made)
    path.write_text(json.dumps(made))
    with pytest.raises(RecordError, match="more than 1 MB"):
        read_record(path)


def test_many_claims_are_checked_in_no_time(tmp_path):
    """As many as a record can hold; a check of each against each would take minutes."""
    path = tmp_path / "record.json"
    (one,) = claim()
    made = record(claims=[one | {"id": f"c{n}"} for n in range(8_000)])
    path.write_text(json.dumps(made))
    start = time.process_time()
    assert len(read_record(path)["claims"]) == 8_000
    assert time.process_time() - start < 30


def test_unreadable_records(tmp_path):
    with pytest.raises(RecordError, match="cannot be read"):
        read_record(tmp_path / "gone.json")
    path = tmp_path / "record.json"
    for content in (b"", b"{", b"\xff", b"[]", b"3", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(RecordError):
            read_record(path)


def test_a_write_replaces_the_file_in_one_step(tmp_path):
    """Who has the old file open goes on reading the old record: it is never written into."""
    path, old = tmp_path / "record.json", tmp_path / "old.json"
    write_record(path, record(title="old"))
    os.link(path, old)
    write_record(path, record(title="new"))
    assert (read_record(old)["title"], read_record(path)["title"]) == ("old", "new")


def test_a_failed_write_leaves_the_old_record(tmp_path):
    path = tmp_path / "record.json"
    write_record(path, record())
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half\ud800")
    assert read_record(path)["lab"] == "tiny"
    assert len(list(tmp_path.iterdir())) == 1


def test_alive_and_dead():
    assert is_alive(record()) is True
    assert is_alive(record(host="another-machine")) is None
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert is_alive(record(pid=child.pid)) is False
    # The number of a dead process, given to a new one: this one is younger than the record.
    assert is_alive(record(updated="2001-01-01T00:00:00.000Z")) is False


def put(out, run_id, **changes):
    folder = out / "tiny" / run_id
    folder.mkdir(parents=True)
    write_record(folder / "record.json", record(run_id=run_id, **changes))
    return folder


def test_the_newest_unfinished_run_is_resumed(tmp_path):
    with pytest.raises(RunRefused, match="nothing to resume: no unfinished run of tiny"):
        resumable(tmp_path, "tiny", None)
    put(tmp_path, "20260101T000000-0000", status="failed")
    older = put(tmp_path, "20260102T000000-0000", status="interrupted")
    put(tmp_path, "20260103T000000-0000", status="finished")
    put(tmp_path, "20260104T000000-0000", status="running", host="another-machine")
    (tmp_path / "tiny" / "20260105T000000-0000").mkdir()
    assert resumable(tmp_path, "tiny", None)[0] == older
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    newest = put(tmp_path, "20260106T000000-0000", status="running", pid=dead.pid)
    assert resumable(tmp_path, "tiny", None)[0] == newest


def test_a_running_run_is_not_resumed(tmp_path):
    put(tmp_path, "20260101T000000-0000", status="failed")
    put(tmp_path, "20260102T000000-0000", status="running", pid=os.getpid())
    for run_id in (None, "20260102T000000-0000"):
        with pytest.raises(RunRefused, match="still at work"):
            resumable(tmp_path, "tiny", run_id)


def test_a_named_run(tmp_path):
    first = put(tmp_path, "20260101T000000-0000", status="failed")
    put(tmp_path, "20260102T000000-0000", status="finished")
    other = put(tmp_path, "20260103T000000-0000", status="running", host="another-machine")
    assert resumable(tmp_path, "tiny", first.name)[0] == first
    assert resumable(tmp_path, "tiny", other.name)[0] == other
    with pytest.raises(RunRefused, match="is finished"):
        resumable(tmp_path, "tiny", "20260102T000000-0000")
    for name in ("20990101T000000-0000", "../tiny/20260101T000000-0000", "", ".."):
        with pytest.raises(RunRefused, match="no run .* there are: 20260101"):
            resumable(tmp_path, "tiny", name)
    (first / "record.json").write_text("{")
    with pytest.raises(RunRefused, match="cannot be resumed: .*not JSON"):
        resumable(tmp_path, "tiny", first.name)


def test_run_folders_are_new(tmp_path):
    folders = {new_run_folder(tmp_path, "tiny") for _ in range(20)}
    assert len(folders) == 20
    assert all(folder.is_dir() and folder.parent == tmp_path / "tiny" for folder in folders)


def test_unwritable_out(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    for out in (file, file / "below"):
        with pytest.raises(RunRefused, match="cannot write to .*choose another folder"):
            check_writable(out)
    check_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
