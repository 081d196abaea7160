"""Notebooks for students: a lab without its solutions."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from vidlab.course.exercises import exercises, without_solution
from vidlab.labs.catalogue import LabEntry
from vidlab.labs.record import write_text


class CourseError(ValueError):
    """A course cannot be made or graded; the message is one sentence."""


def student_notebook(notebook: NotebookNode) -> NotebookNode:
    """A copy without solutions and outputs; everything else, checks included, is kept."""
    student = copy.deepcopy(notebook)
    for cell in student.cells:
        if cell.cell_type == "markdown":
            cell.source = without_solution(cell.source)
        else:
            cell.outputs, cell.execution_count = [], None
    return student


def release(entries: list[LabEntry], folder: Path) -> list[Path]:
    """Write FOLDER/LAB.ipynb for each lab; returns the files.

    Raises:
        CourseError: a file is there already (a student's work is never written over), or a lab has
            no exercise that a check could grade.
    """
    written = []
    for entry in entries:
        notebook = nbformat.read(entry.path, as_version=4)
        if not any(exercise.cell is not None for exercise in exercises(notebook)):
            raise CourseError(f"{entry.id} has no exercise with a check.")
        path = folder / f"{entry.id}.ipynb"
        if path.exists():
            raise CourseError(f"{path} is there already; choose another folder with --out.")
        written.append((path, student_notebook(notebook)))
    folder.mkdir(parents=True, exist_ok=True)
    for path, notebook in written:
        write_text(path, nbformat.writes(notebook) + "\n")
    return [path for path, _ in written]
