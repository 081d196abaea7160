"""What comes back: a table of marks for the lecturer, a page for each student."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import nbformat
from jinja2 import Environment

from vidlab.course.exercises import exercises
from vidlab.course.marks import Graded
from vidlab.labs.catalogue import LabEntry
from vidlab.labs.record import write_text

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ lab.title }}: {{ student.student }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2rem; font-size: 1.15rem; }
pre { overflow-x: auto; padding: .7rem; border: 1px solid #8888; border-radius: 4px; }
.points { font-weight: 600; }
.right { color: light-dark(#1a6b2b, #7ad38a); }
.wrong { color: light-dark(#a3320b, #ff9c73); }
</style>
</head>
<body>
<h1>{{ lab.title }}</h1>
<p>{{ student.student }}:
<span class="points">{{ student.points }} of {{ student.marks|length }}</span>
{% if student.problem %}
<p class="wrong">The run as a whole: {{ student.problem }}
{% endif %}
{% for mark in student.marks %}
<h2>{{ mark.exercise }}. {{ titles[mark.exercise] }}</h2>
<p class="{{ 'right' if mark.points else 'wrong' }}">{{ mark.points }} of 1: {{ mark.reason }}
{% if mark.answer %}
<p>Your answer, as it was graded:
<pre tabindex="0">{{ mark.answer }}</pre>
{% endif %}
{% if mark.output %}
<p>What it printed:
<pre tabindex="0">{{ mark.output }}</pre>
{% endif %}
{% endfor %}
</body>
</html>
""")


def write_feedback(entry: LabEntry, graded: Sequence[Graded], out: Path) -> list[Path]:
    """Write OUT/marks.csv and OUT/feedback/STUDENT.html; returns the files."""
    lab = nbformat.read(entry.path, as_version=4)
    titles = {e.number: e.title for e in exercises(lab) if e.cell is not None}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    heads = [name for n in titles for name in (f"exercise {n}", f"reason {n}")]
    table.writerow(["student", "points", "of", *heads, "problem"])
    for student in graded:
        cells = [cell for mark in student.marks for cell in (mark.points, _cell(mark.reason))]
        row = [_cell(student.student), student.points, len(student.marks), *cells]
        table.writerow([*row, _cell(student.problem)])
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "marks.csv", text.getvalue().encode("utf-8", "replace").decode())
    pages = out / "feedback"
    pages.mkdir(exist_ok=True)
    written = [out / "marks.csv"]
    for student in graded:
        path = pages / f"{student.student}.html"
        page = _PAGE.render(lab=entry, student=student, titles=titles)
        write_text(path, page.encode("utf-8", "replace").decode())
        written.append(path)
    return written


def _cell(text: str) -> str:
    """On one line; what a spreadsheet would compute gets a leading apostrophe."""
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
