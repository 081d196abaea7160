"""`vidlab data check` on sign language corpora: all is looked at, nothing stops it."""

import json
import shutil

import pytest

from vidlab.cli import main
from vidlab.datasets.gloss_check import check

NAMES = ("phoenix2014", "phoenix2014t", "csl-daily")


@pytest.fixture
def data_dir(signs, tmp_path):
    signs.make_phoenix2014(
        tmp_path / "phoenix2014" / "phoenix2014-release/phoenix-2014-multisigner"
    )
    signs.make_phoenix2014t(tmp_path / "phoenix2014t")
    signs.make_csl_daily(tmp_path / "csl-daily")
    return tmp_path


def rows(data_dir, **settings):
    return {found.name: found for found in check(data_dir, **settings)}


def test_all_is_well(data_dir):
    calls = []
    found = rows(data_dir, progress=lambda *call: calls.append(call))
    assert tuple(found) == NAMES
    for name in NAMES:
        assert found[name].ok
        assert found[name].detail == (
            "5 sentences of 5 glosses, 1 word unknown to training, looked into all clips"
        )
        assert [call for call in calls if call[0] == name] == [(name, k, 5) for k in range(1, 6)]


def test_folders_that_are_not_there(tmp_path):
    for folder, detail in ((None, "no data_dir given"), (tmp_path, "there is no such folder")):
        for name, found in rows(folder).items():
            assert (found.ok, found.detail, found.shipped) == (False, detail, False)
            assert found.remedy.startswith("optional: unpack")
            assert f"DATA_DIR/{name}; the layouts are in data/README.md" in found.remedy
    (tmp_path / "phoenix2014t").mkdir()
    assert "has no folder 'annotations'" in rows(tmp_path)["phoenix2014t"].detail


def test_every_problem_is_found(data_dir):
    root = data_dir / "phoenix2014t"
    frames = root / "features" / "fullFrame-210x260px"
    clips = sorted(path for path in frames.glob("*/*") if path.is_dir())
    shutil.rmtree(clips[0])
    for path in clips[1].iterdir():
        path.unlink()
    for name in ("images0000.png", "images0003.png"):  # the first and the middle one
        (clips[2] / name).write_text("no picture")
    lines = root / "annotations" / "manual" / "PHOENIX-2014-T.dev.corpus.csv"
    lines.write_text(lines.read_text(encoding="utf-8") + "a|b|c\n", encoding="utf-8")
    found = rows(data_dir)
    bad = found["phoenix2014t"]
    assert (bad.ok, bad.problem_count) == (False, 5)
    assert bad.detail.endswith("3 clips cannot be used, 5 problems")
    shown = "\n".join(bad.problems)
    for sentence in (
        "PHOENIX-2014-T.dev.corpus.csv, line 3: too few fields, 3; expected 7",
        f"{clips[0]} cannot be listed",
        f"{clips[1]} holds no pictures",
        "images0000.png cannot be read (neither PNG nor JPEG)",
        "images0003.png cannot be read",
    ):
        assert sentence in shown
    assert found["phoenix2014"].ok
    assert found["csl-daily"].ok


def test_a_corpus_without_its_pictures_is_counted_and_not_all_told(data_dir, capsys):
    shutil.rmtree(data_dir / "csl-daily" / "sentence")
    assert rows(data_dir)["csl-daily"].problem_count == 5
    assert main(["data", "check", "--data-dir", str(data_dir), "--json"]) == 0
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)["found"]}
    assert found["csl-daily"]["problem_count"] == 5
    assert found["phoenix2014"]["ok"] is True


def test_a_broken_file_is_said_in_the_row(data_dir):
    (data_dir / "csl-daily" / "sentence_label" / "split_1.txt").unlink()
    found = rows(data_dir)["csl-daily"]
    assert not found.ok
    assert "split_1.txt: cannot be read (No such file or directory)" in found.detail
