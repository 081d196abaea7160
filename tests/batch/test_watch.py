"""What a watched process may say, and what a sandboxed one may take."""

import os

import pytest

from vidlab.batch.jobs import Limits
from vidlab.batch.sandbox import Sandbox
from vidlab.batch.watch import _MOST_FILES, Stopper, _event, _on_disk, _Watch


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('["cell", 3, 9, "Training"]\n', ("cell", 3, 9, "Training")),
        ('["note", "\\u001b[2Jgone\\n"]\n', ("note", "gone")),
        (
            '["end", {"status": "failed", "message": "a\\u001b]0;x\\u0007b\\nc", "run": null}]\n',
            ("end", {"status": "failed", "message": "a\ufffd]0;x\ufffdb c", "run": None}),
        ),
        ("", None),
    ],
)
def test_what_a_run_says(line, event):
    assert _event(line) == event


@pytest.mark.parametrize(
    "line",
    [
        "no JSON\n",
        '["note", "cut short"]',
        "5\n",
        "[]\n",
        "[" * 60_000 + "\n",
        '["note", 5]\n',
        '["cell", 1, 2]\n',
        '["cell", "1", 2, "x"]\n',
        '["memory", 5]\n',
        '["end", {"status": "perfect", "message": "", "run": null}]\n',
        '["end", {"status": "finished", "message": "", "run": 3}]\n',
        '["end", {}]\n',
        '["end"]\n',
    ],
)
def test_nothing_else_is_believed(line):
    with pytest.raises(ValueError, match="no event of a run"):
        _event(line)


def watch(sandbox):
    return _Watch(None, Limits(), Stopper(), print, 0.0, sandbox)


def test_a_sandboxed_run_that_takes_too_much_is_told(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("a", "deep/b"):
        (tmp_path / name).write_bytes(b"x" * 300_000)
    (tmp_path / "link").symlink_to("/")
    size, files = _on_disk([str(tmp_path)])
    assert 600_000 <= size < 700_000
    assert files == 4
    for disk, told in ((1 << 20, ""), (1 << 19, "over its disk limit of 512 KB")):
        assert watch(Sandbox((), (str(tmp_path),), disk=disk))._greed() == told
    crowd = watch(Sandbox((), (), processes=3))
    crowd.family = [None] * 4
    assert crowd._greed() == "over its limit of 3 processes"
    assert watch(None)._greed() == "", "without a sandbox a run may take what it likes"


def test_counting_ends_where_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("vidlab.batch.watch._MOST_FILES", 50)
    for number in range(60):
        os.mkfifo(tmp_path / str(number))
    assert _on_disk([str(tmp_path)])[1] == 51
    assert "files" in watch(Sandbox((), (str(tmp_path),)))._greed()
    assert _MOST_FILES > 50
