"""What was handed in: which notebook is whose, and the notebook that grades it.

A submission is data until it runs in the sandbox: it is read as JSON, with a limit on its size.
Of a student's notebook only the cells of exercises are taken. The rest is the lab's own.
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from vidlab.course.exercises import Exercise, answer_of, exercises, titled
from vidlab.course.release import CourseError, student_notebook

_LARGEST = 16 << 20  # bytes of a notebook; pictures in outputs count, ours need half of it
_CODE_LIMIT = 100_000  # characters of an answer

_SHOWN = 20_000  # characters of what a person is to read
_CELL = """\
from vidlab.course.guard import guarded

guarded({code!r}, {name!r}, globals(), {seconds!r})
"""


@dataclass(frozen=True)
class Submission:
    """A notebook that was handed in.

    Attributes:
        student: the folder's or the file's name.
        path: of the notebook; None where there is none to grade.
        problem: why not, empty where all is well.
    """

    student: str
    path: Path | None
    problem: str = ""


def find_submissions(folder: Path, lab: str) -> list[Submission]:
    """One submission for each ``STUDENT.ipynb`` and each folder ``STUDENT/`` below ``folder``.

    Raises:
        CourseError: no such folder, or nothing in it.
    """
    found = []
    for place in _places(folder):
        if _is_notebook(place):
            found.append(_of_file(_plain(place.stem), place, lab))
        elif place.is_dir() and not place.is_symlink():
            found.append(_in_folder(_plain(place.name), place, lab))
    if not found:
        raise CourseError(f"{folder} holds neither notebooks nor folders.")
    once: dict[str, Submission] = {}
    for each in found:
        if each.student in once:
            each = Submission(each.student, None, "handed in twice, as a file and as a folder")
        once[each.student] = each
    return list(once.values())


def left_aside(folder: Path) -> list[str]:
    """Names in ``folder`` that are nobody's submission: other files, and links."""
    return [
        _plain(place.name)
        for place in _places(folder)
        if not _is_notebook(place) and (place.is_symlink() or not place.is_dir())
    ]


def _places(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder; it should hold a notebook or folder a student.")
    places = [place for place in folder.iterdir() if not place.name.startswith(".")]
    return sorted(places, key=lambda place: (place.name.casefold(), place.name))


def _is_notebook(place: Path) -> bool:
    """By its name; what it really is will show."""
    return place.suffix.lower() == ".ipynb" and place.is_file() and not place.is_symlink()


def _plain(name: str) -> str:
    """A name that any page and table can hold."""
    return "".join(c if c.isprintable() else "_" for c in name.encode("utf-8", "replace").decode())


def _of_file(student: str, path: Path, lab: str) -> Submission:
    try:
        told = read_notebook(path).metadata.lab
    except CourseError as error:
        return Submission(student, None, str(error))
    if told in (None, lab):  # some programs drop what a notebook says of itself
        return Submission(student, path)
    return Submission(student, None, f"a notebook of another lab, not of {lab}")


def _in_folder(student: str, place: Path, lab: str) -> Submission:
    notebooks = [
        path
        for path in sorted(place.rglob("*"))
        if _is_notebook(path)
        and not any(part.startswith(".") for part in path.relative_to(place).parts)
    ]
    if len(notebooks) == 1:
        return _of_file(student, notebooks[0], lab)
    ours = [path for path in notebooks if _lab_of(path) == lab]
    if len(ours) == 1:
        return Submission(student, ours[0])
    if not ours:
        several = f"none of the {len(notebooks)} notebooks is of the lab {lab}"
        return Submission(student, None, several if notebooks else "no notebook in the folder")
    names = ", ".join(_plain(str(path.relative_to(place))) for path in ours[:3])
    return Submission(student, None, f"{len(ours)} notebooks of the lab: {names}")


def _lab_of(path: Path) -> str | None:
    try:
        return read_notebook(path).metadata.lab
    except CourseError:
        return None


def read_notebook(path: Path) -> NotebookNode:
    """What counts of a notebook: type, source and id of its cells, and ``metadata.lab``.

    All else is left behind, valid or not: programs that students use write odd outputs.

    Raises:
        CourseError: it is too large, or no notebook.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise CourseError(f"the notebook has more than {_LARGEST >> 20} MB: clear its outputs")
        told = json.loads(path.read_text("utf-8-sig"))
        cells = [_cell(cell) for cell in told["cells"]]
        lab = told.get("metadata", {}).get("vidlab", {}).get("id")
    except CourseError:
        raise
    except Exception:  # a broken file breaks in many ways
        raise CourseError("not a notebook: the file is damaged, or of another kind") from None
    return NotebookNode(cells=cells, metadata=NotebookNode(lab=lab))


def _cell(told: dict) -> NotebookNode:
    source = told["source"]
    source = source if isinstance(source, str) else "".join(source)
    return NotebookNode(cell_type=str(told["cell_type"]), source=source, id=str(told.get("id", "")))


def digest(path: Path) -> str:
    """Of what was handed in: the same file is not graded twice."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def answers(lab: NotebookNode, handed_in: NotebookNode) -> dict[int, str]:
    """The code that a student wrote for each exercise, by number.

    The cell is found by its id, else as the one behind the exercise's title.
    """
    by_id = {c.get("id"): c for c in handed_in.cells if c.cell_type == "code" and c.get("id")}
    by_number = {
        titled(cell.source[:1000]): behind
        for cell, behind in pairwise(handed_in.cells)
        if cell.cell_type == "markdown" and behind.cell_type == "code"
    }
    found = {}
    for exercise in exercises(lab):
        if exercise.cell is None:
            continue
        cell = by_id.get(lab.cells[exercise.cell].get("id"))
        cell = cell or by_number.get(exercise.number)
        if cell is not None:
            found[exercise.number] = answer_of(exercise, cell.source)[:_CODE_LIMIT]
    return found


def for_people(lab: NotebookNode, handed_in: NotebookNode) -> dict[int, str]:
    """What a student wrote below the questions that no check can judge, by number.

    That is every cell behind the question, up to the next one, that is not the lab's own.
    """
    asked = {exercise.number for exercise in exercises(lab) if exercise.cell is None}
    ours = {cell.source.strip() for cell in student_notebook(lab).cells}
    found: dict[int, list[str]] = {}
    number = None
    for cell in handed_in.cells:
        title = titled(cell.source[:1000]) if cell.cell_type == "markdown" else None
        if title is not None:
            number = title if title in asked else None
        source = cell.source.strip()
        if number is not None and source and source not in ours:
            found.setdefault(number, []).append(source)
    return {number: "\n\n".join(parts)[:_SHOWN] for number, parts in found.items()}


def grading_notebook(lab: NotebookNode, given: dict[int, str], seconds: float) -> NotebookNode:
    """The lab with a student's answers, each guarded, and each followed by the lab's own check.

    Cells of answers carry the metadata ``{"vidlab_answer": number}``, checks ``"vidlab_check"``.
    Each of both may take ``seconds``.
    """
    notebook = student_notebook(lab)
    at = {exercise.cell: exercise for exercise in exercises(lab) if exercise.cell is not None}
    cells = []
    for place, cell in enumerate(notebook.cells):
        exercise = at.get(place)
        if exercise is None:
            cells.append(cell)
        else:
            cells += _graded(exercise, given.get(exercise.number, exercise.start), seconds)
    graded = copy.copy(notebook)
    graded.cells = cells
    return graded


def _graded(exercise: Exercise, answer: str, seconds: float) -> list[NotebookNode]:
    number = exercise.number
    code = _CELL.format(code=answer, name=f"exercise {number}", seconds=seconds)
    check = _CELL.format(code=exercise.check, name=f"check {number}", seconds=seconds)
    return [
        new_code_cell(code, metadata={"vidlab_answer": number}),
        new_code_cell(check, metadata={"vidlab_check": number}),
    ]
