"""From a lab to student notebooks and back: nothing hostile does harm, every mark has a reason."""

import csv
import json
import sys

import nbformat
import pytest

from vidlab.batch.sandbox import missing
from vidlab.batch.sweep import Limits
from vidlab.cli import main
from vidlab.course.exercises import exercises, split_cell
from vidlab.course.feedback import write_feedback
from vidlab.course.grade import grade
from vidlab.course.release import CourseError, student_notebook
from vidlab.course.submission import answers, find_submissions, grading_notebook
from vidlab.labs.catalogue import find_lab, scan

CELLS = [
    "LAB",
    "lab.data(name='none', source='made up')\nsecret = 41\n"
    "marks = lab.checkpoint_dir / 'trained.txt'\nmarks.touch()",
    "## Exercises\n\n**1. Add one.** Set `answer`.\n\n"
    "<details><summary>Solution</summary><pre><code>answer = secret + 1</code></pre></details>",
    "answer = None\n\nif answer is None:\n    print('Exercise 1 is waiting for you.')\nelse:\n"
    "    print('right' if answer == 42 else 'not yet: one more')",
    "### More\n\n**2. Double.** Write `double`.\n\n"
    "<details><summary>Solution</summary>\n\n2x\n\n</details>",
    "import math\n\ndef double(x):\n    return None\n\n\nfound = double(2.5)\n"
    "print('waiting' if found is None else 'right' if math.isclose(found, 5) else 'not yet')",
    "### And more\n\n**3. Think.** Nothing to check.\n\n"
    "<details><summary>Solution</summary>\n\nAh.\n\n</details>",
    "lab.finish()",
]
GOOD = ["answer = secret + 1", "import math\n\n\ndef double(x):\n    return 2 * x"]


@pytest.fixture
def lab(lab_folder, write_lab):
    write_lab(lab_folder, CELLS, id="tiny")
    return find_lab("tiny")


def hand_in(folder, lab, name, *wrote, keep_checks=True):
    """A student's notebook with these answers."""
    notebook = student_notebook(nbformat.read(lab.path, as_version=4))
    for exercise, answer in zip(exercises(notebook), wrote, strict=False):
        check = exercise.check if keep_checks else "print('right')"
        notebook.cells[exercise.cell].source = f"{answer}\n\n{check}"
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def test_exercises_are_found(lab):
    found = exercises(nbformat.read(lab.path, as_version=4))
    assert [(e.number, e.title, e.cell is not None) for e in found] == [
        (1, "Add one", True),
        (2, "Double", True),
        (3, "Think", False),
    ]
    assert found[1].start == "import math\n\ndef double(x):\n    return None"
    assert found[1].check.startswith("found = double(2.5)")
    assert "Solution" not in found[0].question


@pytest.mark.parametrize("entry", scan()[0], ids=lambda entry: entry.id)
def test_every_lab_can_be_released(entry):
    """No solution is left, every check has one, and a cell splits where the check begins."""
    notebook = nbformat.read(entry.path, as_version=4)
    found = exercises(notebook)
    assert [e.number for e in found] == list(range(1, len(found) + 1))
    assert any(e.cell is not None for e in found)
    text = json.dumps(student_notebook(notebook))
    assert "<details" not in text
    for exercise in found:
        if exercise.cell is not None:
            assert f"Exercise {exercise.number}" in exercise.check


def test_split_cell_leaves_odd_cells_alone():
    assert split_cell("1 +") == ("1 +", "")
    assert split_cell("x = 1") == ("x = 1", "")


def test_release_never_writes_over_work(lab, tmp_path, capsys):
    assert main(["course", "release", "tiny", "--out", str(tmp_path / "r")]) == 0
    student = nbformat.read(tmp_path / "r" / "tiny.ipynb", as_version=4)
    assert "secret + 1" not in str(student)
    assert "is waiting for you" in str(student)
    assert main(["course", "release", "tiny", "--out", str(tmp_path / "r")]) == 2
    assert "is there already" in capsys.readouterr().err


def test_answers_are_found_by_id_or_by_title(lab, tmp_path):
    ours = nbformat.read(lab.path, as_version=4)
    hand_in(tmp_path / "in", lab, "a", *GOOD)
    theirs = nbformat.read(tmp_path / "in" / "a.ipynb", as_version=4)
    assert answers(ours, theirs) == {1: GOOD[0], 2: GOOD[1]}
    for cell in theirs.cells:
        cell["id"] = cell["id"][::-1] + "x"
    assert answers(ours, theirs) == {1: GOOD[0], 2: GOOD[1]}


def test_checks_are_the_labs_own(lab, tmp_path):
    ours = nbformat.read(lab.path, as_version=4)
    hand_in(tmp_path / "in", lab, "a", "answer = 1", keep_checks=False)
    theirs = nbformat.read(tmp_path / "in" / "a.ipynb", as_version=4)
    graded = grading_notebook(ours, answers(ours, theirs))
    checks = [cell for cell in graded.cells if "vidlab_check" in cell.metadata]
    assert "not yet: one more" in checks[0].source


def test_which_notebook_is_whose(lab, tmp_path):
    folder = tmp_path / "in"
    hand_in(folder, lab, "ann", *GOOD)
    hand_in(folder / "bob", lab, "mine", *GOOD)
    (folder / "eve").mkdir()
    hand_in(folder / "two", lab, "a", *GOOD)
    hand_in(folder / "two", lab, "b", *GOOD)
    (folder / "link").symlink_to("/etc")
    found = {s.student: s for s in find_submissions(folder, "tiny")}
    assert set(found) == {"ann", "bob", "eve", "two"}
    assert found["bob"].path.name == "mine.ipynb"
    assert "no notebook of the lab tiny among 0" in found["eve"].problem
    assert "2 notebooks of the lab" in found["two"].problem
    with pytest.raises(CourseError, match="is no folder"):
        find_submissions(tmp_path / "none", "tiny")


HOSTILE = {
    "good": GOOD,
    "half": [GOOD[0], "import math\n\n\ndef double(x):\n    return x"],
    "lazy": [],
    "typo": ["answer = secert + 1", GOOD[1]],
    "broken": ["answer = (", GOOD[1]],
    "loops": [GOOD[0], "import math\n\n\ndef double(x):\n    while True:\n        pass"],
    "greedy": [
        "kept = bytearray(3 << 30)\nfor i in range(0, len(kept), 4096):\n    kept[i] = 1\n"
        "import time; time.sleep(600)",
        GOOD[1],
    ],
    "prints": ["for _ in range(1 << 14):\n    print('x' * (1 << 16))\nanswer = 42", GOOD[1]],
    "dies": [GOOD[0], "import os\n\nos._exit(0)"],
    "deletes": [
        "import os, pathlib, shutil\n"
        "target = pathlib.Path({victim!r})\n"
        "for act in (lambda: target.unlink(), lambda: target.write_text('gone'),\n"
        "            lambda: target.chmod(0), lambda: shutil.rmtree(target.parent),\n"
        "            lambda: target.read_text()):\n"
        "    try:\n        act()\n        print('DID IT')\n"
        "    except OSError as error:\n        print('refused', type(error).__name__)\n"
        "answer = 42",
        GOOD[1],
    ],
    "calls": [
        "import socket\ntry:\n"
        "    socket.create_connection(('127.0.0.1', {port}), 3)\n    print('DID IT')\n"
        "except OSError as error:\n    print('refused')\nanswer = 42",
        GOOD[1],
    ],
    "kills": [
        "import os, signal\ntry:\n    os.kill({pid}, signal.SIGKILL)\n    print('DID IT')\n"
        "except OSError:\n    print('refused')\nanswer = 42",
        GOOD[1],
    ],
    "connects": [
        "import socket\ntry:\n"
        "    socket.socket(socket.AF_UNIX).connect({socket})\n    print('DID IT')\n"
        "except OSError as error:\n    print('refused')\nanswer = 42",
        GOOD[1],
    ],
    "stays": [
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import os, time; os.fork() and os._exit(0); "
        "os.setsid(); time.sleep(3600)', '{marker}'])\nanswer = 42",
        GOOD[1],
    ],
    "tells": ["import os\nprint(dict(os.environ))\nanswer = 42", GOOD[1]],
    "shouts": ["print('WORD ERROR RATE, not yet, waiting')\nanswer = 42", GOOD[1]],
    "traps": [
        GOOD[0],
        "import os, shutil\nrun = str(lab.run_dir)\n"
        "for name in ('record.json', 'lab.ipynb'):\n"
        "    if os.path.exists(f'{run}/{name}'):\n        os.unlink(f'{run}/{name}')\n"
        "    os.mkfifo(f'{run}/{name}')\n"
        "os.symlink('/dev/zero', f'{run}/../z-z')\n"
        "deep = run\nfor _ in range(900):\n    deep += '/d'\n    os.chdir('/') or None\n"
        "    os.mkdir(deep) if len(deep) < 3900 else None\n"
        "os.kill(os.getppid(), 9)\nimport time; time.sleep(600)",
    ],
    "script": ["print('<script>alert(1)</script>')\nanswer = 42", GOOD[1]],
}


@pytest.mark.lab
@pytest.mark.skipif(bool(missing()), reason="this machine cannot make the sandbox")
def test_hostile_submissions_harm_nothing_and_get_a_reason(lab, tmp_path, monkeypatch):
    import socket
    import subprocess

    import psutil

    monkeypatch.setenv("COURSE_TOKEN", "a-token-of-the-lecturer")
    marker = f"marker-{tmp_path.name}-{id(tmp_path)}"
    door = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tmp_path)  # a socket's whole path may be too long
    door.bind("door")
    door.listen()

    victim = tmp_path / "precious" / "thesis.txt"
    victim.parent.mkdir()
    victim.write_text("years of work")
    folder = tmp_path / "in"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander,
    ):
        port, pid = server.getsockname()[1], bystander.pid
        for name, wrote in HOSTILE.items():
            filled = [
                w.replace("{victim!r}", repr(str(victim)))
                .replace("{port}", str(port))
                .replace("{pid}", str(pid))
                .replace("{socket}", repr(str(tmp_path / "door")))
                .replace("{marker}", marker)
                for w in wrote
            ]
            hand_in(folder, lab, name, *filled)
        (folder / "junk.ipynb").write_text("{")
        events = []
        graded = grade(
            lab, folder, tmp_path / "out", limits=Limits(90, 2 << 30), workers=2,
            on_event=events.append,
        )  # fmt: skip
        assert bystander.poll() is None, "a process outside was killed"
        bystander.communicate(b"\n")
    assert victim.read_text() == "years of work"
    marks = {g.student: [m.points for m in g.marks] for g in graded}
    reasons = {g.student: [m.reason for m in g.marks] for g in graded}
    assert marks["good"] == [1, 1]
    assert (marks["half"], reasons["half"][1]) == ([1, 0], "not yet")
    assert reasons["lazy"] == ["no answer", "no answer"]
    assert (marks["typo"], "NameError" in reasons["typo"][0]) == ([0, 1], True)
    assert (marks["broken"], "SyntaxError" in reasons["broken"][0]) == ([0, 1], True)
    assert (marks["loops"], "time-out of 90 s" in reasons["loops"][1]) == ([1, 0], True)
    assert (marks["greedy"], "memory limit of 2 GB" in reasons["greedy"][0]) == ([0, 0], True)
    # A flood may be swallowed, or end at the memory limit; what is kept of it is small.
    assert marks["prints"] == [1, 1] or "memory limit of 2 GB" in reasons["prints"][0]
    kept = tmp_path / "out" / "students" / "prints"
    assert sum(path.stat().st_size for path in kept.rglob("*") if path.is_file()) < 8 << 20
    assert (marks["dies"], "kernel died" in reasons["dies"][1]) == ([1, 0], True)
    door.close()
    here = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in here if marker in line], "a process outlived its run"
    assert marks["shouts"] == [1, 1]
    assert marks["traps"][1] == 0
    told = next(g for g in graded if g.student == "tells").marks[0]
    assert (told.points, "a-token-of-the-lecturer" in told.output) == (1, False)
    for name in ("deletes", "calls", "kills", "connects"):
        output = next(g for g in graded if g.student == name).marks[0].output
        assert "refused" in output
        assert "DID IT" not in output
    assert "not a notebook" in reasons["junk"][0]

    written = write_feedback(lab, graded, tmp_path / "out")
    rows = list(csv.DictReader(written[0].open()))
    assert {row["student"]: row["points"] for row in rows}["half"] == "1"
    page = (tmp_path / "out" / "feedback" / "script.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page

    # Said again, nothing that is unchanged runs again.
    hand_in(folder, lab, "half", *GOOD)
    events.clear()
    again = grade(lab, folder, tmp_path / "out", limits=Limits(90, 2 << 30), on_event=events.append)
    assert {g.student: g.points for g in again}["half"] == 2
    assert [g.points for g in again if g.student != "half"] == [
        g.points for g in graded if g.student != "half"
    ]


def test_without_a_sandbox_nothing_is_graded(lab, tmp_path, monkeypatch):
    hand_in(tmp_path / "in", lab, "ann", *GOOD)
    monkeypatch.setattr("vidlab.course.grade.missing", lambda: "there is no sandbox here.")
    with pytest.raises(CourseError, match="there is no sandbox here; --trust grades without one"):
        grade(lab, tmp_path / "in", tmp_path / "out", limits=Limits())
    assert not (tmp_path / "out").exists()


def test_nothing_to_grade(lab, tmp_path, capsys, lab_folder, write_lab):
    assert main(["course", "grade", "tiny", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err
    write_lab(lab_folder, ["LAB"], id="plain")
    assert main(["course", "release", "plain"]) == 2
    assert "plain has no exercise with a check" in capsys.readouterr().err
