"""From a lab to student notebooks and back: nothing hostile does harm, every mark has a reason."""

import csv
import json
import os
import re
import signal
import sys
import warnings
from functools import partial
from itertools import count
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from vidlab.batch.sandbox import Sandbox, missing
from vidlab.batch.sweep import Limits
from vidlab.cli import main
from vidlab.cli.teaching import course
from vidlab.course.exercises import exercises, split_cell
from vidlab.course.feedback import write_feedback
from vidlab.course.grade import grade
from vidlab.course.guard import FAILED, guarded
from vidlab.course.marks import NOT_YET_GRADED, Graded, Mark, mark_of
from vidlab.course.release import CourseError, student_notebook
from vidlab.course.submission import (
    answers,
    find_submissions,
    for_people,
    grading_notebook,
    left_aside,
    read_notebook,
)
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
    folder.mkdir(parents=True, exist_ok=True)
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
    graded = grading_notebook(ours, answers(ours, theirs), 60)
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
    assert found["eve"].problem == "no notebook in the folder"
    assert "2 notebooks of the lab" in found["two"].problem
    with pytest.raises(CourseError, match="is no folder"):
        find_submissions(tmp_path / "none", "tiny")


def test_what_programs_drop_and_add_does_not_matter(lab, tmp_path):
    """A notebook without ids, outputs or metadata, with odd outputs, as other programs write it."""
    hand_in(tmp_path / "in" / "ann", lab, "work", *GOOD)
    path = tmp_path / "in" / "ann" / "work.ipynb"
    told = json.loads(path.read_text())
    told.update(metadata={}, nbformat_minor=0)
    for cell in told["cells"]:
        del cell["id"]
        if cell["cell_type"] == "code":
            del cell["execution_count"]
            cell["outputs"] = [{"output_type": "odd"}]
        cell["source"] = "".join(cell["source"])
    path.write_text(json.dumps(told), encoding="utf-8-sig")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = find_submissions(tmp_path / "in", "tiny")
        theirs = read_notebook(found.path)
    assert answers(nbformat.read(lab.path, as_version=4), theirs) == {1: GOOD[0], 2: GOOD[1]}


def test_what_is_left_aside_is_named(lab, tmp_path):
    hand_in(tmp_path / "in", lab, "ann", *GOOD)
    (tmp_path / "in" / "Bob.IPYNB").write_text("{}")
    (tmp_path / "in" / "work.zip").touch()
    (tmp_path / "in" / "link").symlink_to("/etc")
    (tmp_path / "in" / "eve").mkdir()
    assert left_aside(tmp_path / "in") == ["link", "work.zip"]
    assert [s.student for s in find_submissions(tmp_path / "in", "tiny")] == ["ann", "Bob", "eve"]


def test_what_is_for_people_to_read(lab, tmp_path):
    ours = nbformat.read(lab.path, as_version=4)
    theirs = student_notebook(ours)
    place = next(i for i, cell in enumerate(theirs.cells) if "Think" in cell.source)
    theirs.cells[place + 1 : place + 1] = [
        nbformat.v4.new_markdown_cell("I thought."),
        nbformat.v4.new_code_cell("1 + 1"),
    ]
    assert for_people(ours, theirs) == {3: "I thought.\n\n1 + 1"}
    assert for_people(ours, student_notebook(ours)) == {}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("while True:\n    pass", "it took longer than 0.2 s"),
        (
            "import time\nfor _ in range(2):\n    try:\n        time.sleep(2)\n"
            "    except Exception:\n        pass",
            "it took",
        ),
        ("x = 1\ny = x + z", "NameError: name 'z' is not defined (line 2)"),
        ("x = (", "SyntaxError: '(' was never closed (exercise 1, line 1)"),
        ("import sys; sys.exit()", "SystemExit"),
    ],
)
def test_an_answer_that_fails_says_why(code, told, capsys):
    before = signal.getsignal(signal.SIGALRM)
    guarded(code, "exercise 1", {}, 0.2)
    printed = capsys.readouterr().out
    assert printed.rpartition(FAILED)[2].startswith(told)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize(
    ("check", "points", "reason"),
    [
        ("right\n", 1, "right"),
        ("right or wrong?\nnot yet: one more\n", 0, "not yet: one more"),
        ("waiting, not yet ...\nright\n", 1, "right"),
        ("noise\n" * 5000 + "not yet: one more\n", 0, "not yet: one more"),
        (
            "noise\n" * 5000 + "... (cut)\n",
            0,
            "it printed so much that what the check said is lost",
        ),
        ("WORD ERROR RATE: brightness\n", 0, "the check says nothing"),
        (f"\n{FAILED}ValueError: no\n", 0, "the check fails on it: ValueError: no"),
    ],
)
def test_the_last_word_of_a_check_counts(check, points, reason):
    """An answer may print what it likes before."""
    printed = {("answer", 1): "mine, not yet waiting\n", ("check", 1): check}
    mark = mark_of(1, "x = 1", "x = None", printed, "")
    assert (mark.points, mark.reason) == (points, reason)
    assert mark.output.endswith(check.replace(FAILED, "").strip()[-20:])
    assert len(mark.output) < 5000


def test_an_answer_that_fails_is_not_blamed_twice():
    printed = {("answer", 1): f"\n{FAILED}SyntaxError: no\n"}
    printed["check", 1] = f"\n{FAILED}NameError: name 'double' is not defined\n"
    mark = mark_of(1, "x = (", "x = None", printed, "")
    assert (mark.reason, mark.output) == ("the answer fails: SyntaxError: no", "SyntaxError: no")


def test_a_flood_that_hides_why_an_answer_failed_is_the_reason():
    printed = {("answer", 1): "x" * 5000 + "\n... (cut)\n", ("check", 1): f"\n{FAILED}NameError: n"}
    mark = mark_of(1, "x = 1", "x = None", printed, "")
    assert mark.reason.startswith("the check fails on it: NameError: n; the answer printed so much")


def test_who_was_not_reached_is_not_told_that_the_answer_is_wrong():
    mark = mark_of(2, "x = 1", "x = None", {("answer", 1): ""}, "over its time-out of 9 s")
    assert mark.reason == "not reached: over its time-out of 9 s"
    mark = mark_of(2, "x = 1", "x = None", {("answer", 2): ""}, "over its time-out of 9 s")
    assert mark.reason == "over its time-out of 9 s"


def test_tables_and_pages(lab, tmp_path):
    """Every name makes a row and a page; who was not graded yet is not given no points."""
    marks = (Mark(1, 1, "right", "answer = 42", "right"), Mark(2, 0, "=1+1", "<b>", ""))
    odd = "Zoë <script>alert(1)</script> & Ümit".replace("/", "_")
    graded = [
        Graded(odd, "ab", marks, "", ((3, "<i>I thought.</i>"),)),
        Graded("é" * 127, "cd", marks, "over its time-out"),
        Graded("later", "", (), NOT_YET_GRADED),
    ]
    stale = tmp_path / "feedback" / "later.html"
    stale.parent.mkdir()
    stale.touch()
    written = write_feedback(lab, graded, tmp_path)
    rows = list(csv.DictReader(written[0].open(encoding="utf-8")))
    assert [(r["student"], r["points"], r["of"], r["percent"]) for r in rows] == [
        (odd, "1", "2", "50"), ("é" * 127, "1", "2", "50"), ("later", "", "2", ""),
    ]  # fmt: skip
    assert (rows[0]["reason 2"], rows[2]["problem"]) == ("'=1+1", NOT_YET_GRADED)
    assert not stale.exists()
    assert len(written) == 4
    for path in written[1:]:
        page = path.read_text("utf-8")
        assert not re.search(r"<(script|b|i)\b", page)
    overview = written[1].read_text("utf-8")
    assert "2 of 3 graded" in overview
    assert "Add one · 2 of 2 right" in overview
    for link in re.findall(r'href="([^"]+)"', overview):
        assert (tmp_path / unquote(link)).is_file()
    assert "&lt;i&gt;I thought.&lt;/i&gt;" in written[2].read_text("utf-8")


def test_marks_of_two_labs_do_not_mix(lab, tmp_path):
    hand_in(tmp_path / "in", lab, "ann")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "lab").write_text("tour\n")
    with pytest.raises(CourseError, match="out holds the marks of tour; choose another folder"):
        grade(lab, tmp_path / "in", tmp_path / "out", limits=Limits(), sandboxed=False)


def test_the_lecturers_page_is_true():
    """The options that it names exist, and it names all of them, with their defaults."""
    page = (Path(__file__).parents[2] / "book" / "lecturers.md").read_text("utf-8")
    options = {option.opts[0]: option for option in course.commands["grade"].params[2:]}
    known = set(options) | {"--out", "--help"}
    assert set(re.findall(r"--[a-z][a-z-]+", page)) <= known
    assert set(options) <= set(re.findall(r"--[a-z][a-z-]+", page))
    for name in ("--timeout", "--answer-timeout", "--memory"):
        assert f"`{name}`, {options[name].default}" in page


HOSTILE = {
    "good": GOOD,
    "half": [
        "print('<script>alert(1)</script>')\nanswer = secret + 1",
        "import math\n\n\ndef double(x):\n    return x",
    ],
    "lazy": [],
    "typo": ["answer = (", "import math\n\n\ndef double(x):\n    return twice(x)"],
    "loops": ["answer = 42\nwhile True:\n    pass", GOOD[1]],
    "stubborn": [
        GOOD[0],
        "import math, time\n\n\ndef double(x):\n    while True:\n        try:\n"
        "            time.sleep(600)\n        except BaseException:\n            pass",
    ],
    "greedy": [
        "kept = bytearray(3 << 30)\nfor i in range(0, len(kept), 4096):\n    kept[i] = 1\n"
        "import time; time.sleep(600)",
        GOOD[1],
    ],
    "prints": ["for _ in range(1 << 14):\n    print('x' * (1 << 16))\nanswer = 42", GOOD[1]],
    "hoards": [
        "for number in range(12):\n    (lab.run_dir / str(number)).write_bytes(bytes(16 << 20))\n"
        "os = __import__('os')\nos.chmod(lab.run_dir / '0', 0o4755)\n"
        "import time; time.sleep(600)",
        GOOD[1],
    ],
    "dies": [GOOD[0], "import os\n\nos._exit(0)"],
    # Each act is tried by itself; what is refused raises.
    "pries": [
        "import ctypes, os, pathlib, shutil, signal, socket, subprocess, sys, vidlab\n"
        "victim = pathlib.Path({victim})\n"
        "def call(name, *arguments):\n"
        "    if getattr(ctypes.CDLL(None), name)(*arguments):\n"
        "        raise OSError(name)\n"
        "def powers():\n"
        "    told = dict(x.split(':') for x in open('/proc/self/status') if ':' in x)\n"
        "    if int(told['CapEff'], 16) == 0:\n        raise OSError('none')\n"
        "acts = [\n"
        "    lambda: victim.unlink(), lambda: victim.write_text('gone'),\n"
        "    lambda: victim.chmod(0), lambda: shutil.rmtree(victim.parent),\n"
        "    lambda: victim.read_text(), lambda: os.kill({pid}, signal.SIGKILL),\n"
        "    lambda: socket.create_connection(('127.0.0.1', {port}), 3),\n"
        "    lambda: socket.socket(socket.AF_UNIX).connect({socket}),\n"
        "    lambda: open(os.path.dirname(vidlab.__file__) + '/OWNED', 'w'),\n"
        "    lambda: open('/etc/shadow').read(), lambda: os.listdir('/opt'),\n"
        "    lambda: open(f'/proc/{os.getppid()}/fd/1', 'w'), lambda: os.memfd_create('m'),\n"
        "    lambda: call('unshare', 0x10000000),\n"
        "    lambda: call('mount', b'none', b'/tmp', b'tmpfs', 0, None), powers,\n"
        "    lambda: open(lab.run_dir / 'huge', 'wb').truncate(1 << 30),\n"
        "]\n"
        "for act in acts:\n    try:\n        act()\n        print('DID IT')\n"
        "    except OSError as error:\n        print('refused', type(error).__name__)\n"
        "subprocess.Popen([sys.executable, '-c', 'import os, time; os.fork() and os._exit(0); "
        "os.setsid(); time.sleep(3600)', {marker}])\n"
        "print(dict(os.environ))\n"
        "answer = 42",
        GOOD[1],
    ],
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
}


@pytest.mark.lab
@pytest.mark.skipif(bool(missing()), reason="this machine cannot make the sandbox")
def test_hostile_submissions_harm_nothing_and_get_a_reason(lab, tmp_path, monkeypatch):
    import socket
    import subprocess

    import psutil

    monkeypatch.setenv("COURSE_TOKEN", "a-token-of-the-lecturer")
    monkeypatch.setattr("vidlab.course.bench.Sandbox", partial(Sandbox, disk=128 << 20))
    marker = f"marker-{tmp_path.name}-{id(tmp_path)}"
    door = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tmp_path)  # a socket's whole path may be too long
    door.bind("door")
    door.listen()

    victim = tmp_path / "precious" / "thesis.txt"
    victim.parent.mkdir()
    victim.write_text("years of work")
    folder = tmp_path / "in"
    limits = {"limits": Limits(120, 2 << 30), "answer_seconds": 30}
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander,
    ):
        facts = {"victim": str(victim), "port": server.getsockname()[1], "pid": bystander.pid}
        facts |= {"socket": str(tmp_path / "door"), "marker": marker}
        for name, wrote in HOSTILE.items():
            for fact, value in facts.items():
                wrote = [text.replace(f"{{{fact}}}", repr(value)) for text in wrote]
            hand_in(folder, lab, name, *wrote)
        (folder / "junk.ipynb").write_text("{")
        graded = grade(lab, folder, tmp_path / "out", workers=2, **limits)
        assert bystander.poll() is None, "a process outside was killed"
        bystander.communicate(b"\n")
    assert victim.read_text() == "years of work"
    marks = {g.student: [m.points for m in g.marks] for g in graded}
    reasons = {g.student: [m.reason for m in g.marks] for g in graded}
    assert marks["good"] == [1, 1]
    assert (marks["half"], reasons["half"][1]) == ([1, 0], "not yet")
    assert reasons["lazy"] == ["no answer", "no answer"]
    assert marks["typo"] == [0, 0]
    assert "SyntaxError" in reasons["typo"][0]
    assert "NameError: name 'twice' is not defined" in reasons["typo"][1]
    assert (marks["loops"], "took longer than 30 s" in reasons["loops"][0]) == ([0, 1], True)
    assert (marks["stubborn"], "time-out of 120 s" in reasons["stubborn"][1]) == ([1, 0], True)
    assert (marks["greedy"], "memory limit of 2 GB" in reasons["greedy"][0]) == ([0, 0], True)
    # A flood may be swallowed, or end at a limit; what is kept of it is small.
    ends = ("memory limit of 2 GB", "took longer", "the answer printed so much")
    ended = any(why in reasons["prints"][0] for why in ends)
    assert marks["prints"] == [1, 1] or ended
    assert (marks["hoards"], "disk limit of 128 MB" in reasons["hoards"][0]) == ([0, 0], True)
    kept = [path for path in (tmp_path / "out" / "students").rglob("*") if path.is_file()]
    assert {path.name for path in kept} == {"marks.json"}, "what students made does not stay"
    assert sum(path.stat().st_size for path in kept) < 1 << 20
    assert (marks["dies"], "kernel died" in reasons["dies"][1]) == ([1, 0], True)
    door.close()
    here = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in here if marker in line], "a process outlived its run"
    assert marks["traps"][1] == 0
    pried = next(g for g in graded if g.student == "pries").marks[0]
    assert pried.points == 1
    assert pried.output.count("refused") == 17
    assert "DID IT" not in pried.output
    assert "a-token-of-the-lecturer" not in pried.output
    assert "not a notebook" in reasons["junk"][0]

    written = write_feedback(lab, graded, tmp_path / "out")
    rows = list(csv.DictReader(written[0].open()))
    assert {row["student"]: row["points"] for row in rows}["half"] == "1"
    page = (tmp_path / "out" / "feedback" / "half.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.lab
def test_a_grading_that_is_stopped_goes_on(lab, tmp_path, monkeypatch):
    """Nothing is graded twice, nothing is lost; trainings of the lab are used by all."""
    codes = (f"code-{i}" for i in count())  # somebody updates vidlab in the middle
    monkeypatch.setattr("vidlab.course.bench.source_digest", lambda: next(codes))
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("ann", "bob", "eve"):
        hand_in(folder, lab, name, GOOD[0] + "\nprint(lab.run_dir.name)")

    events = []

    def stop_after_the_first(event):
        events.append(event)
        if event[0] == "graded":
            os.kill(os.getpid(), signal.SIGINT)

    options = {"limits": Limits(600), "sandboxed": False}
    graded = grade(lab, folder, out, on_event=stop_after_the_first, **options)
    assert [event[0] for event in events if event[0] != "stopping"] == [
        "plan", "reference", "reference done", "graded",
    ]  # fmt: skip
    assert [len(g.marks) for g in graded] == [2, 0, 0]
    assert graded[1].problem == NOT_YET_GRADED
    (reference,) = (out / "reference" / "run" / "tiny").iterdir()
    assert reference.name in graded[0].marks[0].output
    assert [path.name for path in (out / "students/ann").iterdir()] == ["marks.json"]

    monkeypatch.setattr("vidlab.course.bench.source_digest", lambda: "code-0")
    hand_in(folder, lab, "eve")  # she takes her answer back: nothing to run
    events.clear()
    graded = grade(lab, folder, out, on_event=events.append, **options)
    assert [(e[0], e[1].student if e[0] == "graded" else e[1:]) for e in events] == [
        ("plan", (2, 1, 3)), ("graded", "bob"), ("graded", "eve"),
    ]  # fmt: skip
    assert [g.points for g in graded] == [1, 1, 0]
    assert not list((out / "students").glob("*/run"))


def test_without_a_sandbox_nothing_is_graded(lab, tmp_path, monkeypatch):
    hand_in(tmp_path / "in", lab, "ann", *GOOD)
    monkeypatch.setattr("vidlab.course.grade.missing", lambda: "there is no sandbox here.")
    with pytest.raises(CourseError, match="there is no sandbox here; --trust grades without"):
        grade(lab, tmp_path / "in", tmp_path / "out", limits=Limits())
    assert not (tmp_path / "out").exists()


def test_nothing_to_grade(lab, tmp_path, capsys, lab_folder, write_lab):
    assert main(["course", "grade", "tiny", str(tmp_path / "none"), "--trust"]) == 2
    assert "is no folder" in capsys.readouterr().err
    write_lab(lab_folder, ["LAB"], id="plain")
    assert main(["course", "release", "plain"]) == 2
    assert "plain has no exercise with a check" in capsys.readouterr().err
