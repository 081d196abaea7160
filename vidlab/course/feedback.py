"""What comes back: a table of marks and a page of the class for the lecturer, a page a student."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import nbformat
from jinja2 import Environment, FileSystemLoader

from vidlab.course.exercises import Exercise, exercises
from vidlab.course.marks import NOT_YET_GRADED, Graded
from vidlab.labs.catalogue import LabEntry
from vidlab.labs.record import write_text

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_feedback(entry: LabEntry, graded: Sequence[Graded], out: Path) -> list[Path]:
    """Write OUT/marks.csv, OUT/overview.html and OUT/feedback/STUDENT.html; returns the files.

    A student without marks (the grading was stopped before) has a row, and no page.
    """
    asked = exercises(nbformat.read(entry.path, as_version=4))
    checked = [exercise for exercise in asked if exercise.cell is not None]
    out.mkdir(parents=True, exist_ok=True)
    pages = out / "feedback"
    pages.mkdir(exist_ok=True)
    files = {student.student: _page_name(student.student) for student in graded}
    shared = {"lab": entry, "titles": {e.number: e.title for e in asked}, "files": files}
    shared |= {"checked": checked, "questions": [e for e in asked if e.cell is None]}

    written = [_write(out / "marks.csv", _table(graded, checked))]
    told = {"graded": graded, "links": {s: quote(file) for s, file in files.items()}}
    overview = _PAGES.get_template("overview.html.j2").render(shared | told | summary(graded))
    written.append(_write(out / "overview.html", overview))
    for student in graded:
        path = pages / files[student.student]
        if student.problem == NOT_YET_GRADED:
            path.unlink(missing_ok=True)  # of an earlier notebook
            continue
        page = _PAGES.get_template("feedback.html.j2").render(
            shared, student=student, written=dict(student.written)
        )
        written.append(_write(path, page))
    return written


def summary(graded: Sequence[Graded]) -> dict:
    """Of the class: ``done`` (students with marks), ``of`` (points), ``mean``, ``percent`` of it,
    ``right`` (students by exercise) and ``problems`` (students whose run as a whole had one).
    """
    done = [student for student in graded if student.marks]
    of = len(done[0].marks) if done else 0
    mean = sum(student.points for student in done) / len(done) if done else 0.0
    right: dict[int, int] = {}
    for mark in (mark for student in done for mark in student.marks):
        right[mark.exercise] = right.get(mark.exercise, 0) + mark.points
    return {
        "done": done,
        "of": of,
        "mean": mean,
        "percent": round(100 * mean / of) if of else 0,
        "right": right,
        "problems": [student for student in done if student.problem],
    }


def _table(graded: Sequence[Graded], checked: Sequence[Exercise]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    heads = [name for e in checked for name in (f"exercise {e.number}", f"reason {e.number}")]
    table.writerow(["student", "points", "of", "percent", *heads, "problem"])
    for student in graded:
        of = len(checked)
        total: list[object] = [student.points, of, round(100 * student.points / of)]
        cells = [cell for mark in student.marks for cell in (mark.points, _cell(mark.reason))]
        if not student.marks:  # no points is not the same as none yet
            total, cells = ["", of, ""], [""] * len(heads)
        table.writerow([_cell(student.student), *total, *cells, _cell(student.problem)])
    return text.getvalue()


def _page_name(student: str) -> str:
    """A name of a file, which may have 255 bytes (some are needed while it is written)."""
    if len(student.encode("utf-8", "replace")) <= 200:
        return f"{student}.html"
    mark = hashlib.sha256(student.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{student.encode()[:180].decode('utf-8', 'ignore')}-{mark}.html"


def _write(path: Path, text: str) -> Path:
    write_text(path, text.encode("utf-8", "replace").decode())
    return path


def _cell(text: str) -> str:
    """On one line; what a spreadsheet would compute gets a leading apostrophe."""
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
