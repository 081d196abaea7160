"""What was handed in: which notebook is whose, and the notebook that grades it.

A submission is data until it runs in the sandbox: it is read as JSON, with a limit on its size.
Of a student's notebook only the cells of exercises are taken. The rest is the lab's own.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from vidlab.course.exercises import Exercise, answer_of, exercises, titled
from vidlab.course.release import CourseError, student_notebook

_LARGEST = 64 << 20  # bytes of a notebook; pictures in outputs count
_CODE_LIMIT = 100_000  # characters of an answer

# The answer may fail as it likes; the check then says so, and the next exercise is still graded.
FAILED = "\x1efailed "  #: begins a line that says why an answer or a check failed
_GUARD = """\
try:
    exec(compile({code!r}, {name!r}, "exec"), globals())
except KeyboardInterrupt:
    raise  # the time is over
except BaseException as error:
    import traceback
    traceback.print_exc(limit=-3)
    print()
    print({failed!r} + type(error).__name__ + ": " + str(error))
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
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder; it should hold a notebook or folder a student.")
    found = []
    for place in sorted(folder.iterdir()):
        if place.name.startswith(".") or place.is_symlink():
            continue
        if place.is_file() and place.suffix == ".ipynb":
            other = _lab_of(place) not in (None, lab)
            problem = "a notebook of another lab" if other else ""
            found.append(Submission(_plain(place.stem), None if other else place, problem))
        elif place.is_dir():
            found.append(_in_folder(place, lab))
    if not found:
        raise CourseError(f"{folder} holds neither notebooks nor folders.")
    once: dict[str, Submission] = {}
    for each in found:
        if each.student in once:
            each = Submission(each.student, None, "handed in twice, as a file and as a folder")
        once[each.student] = each
    return list(once.values())


def _plain(name: str) -> str:
    """A name that any page and table can hold."""
    return "".join(c if c.isprintable() else "_" for c in name.encode("utf-8", "replace").decode())


def _in_folder(place: Path, lab: str) -> Submission:
    notebooks = [
        path
        for path in sorted(place.rglob("*.ipynb"))
        if not any(part.startswith(".") for part in path.relative_to(place).parts)
        and not path.is_symlink()
    ]
    ours = [path for path in notebooks if _lab_of(path) == lab]
    if len(ours) == 1:
        return Submission(_plain(place.name), ours[0])
    if not ours:
        return Submission(
            _plain(place.name), None, f"no notebook of the lab {lab} among {len(notebooks)}"
        )
    names = ", ".join(str(path.relative_to(place)) for path in ours[:3])
    return Submission(_plain(place.name), None, f"{len(ours)} notebooks of the lab: {names}")


def _lab_of(path: Path) -> str | None:
    try:
        return read_notebook(path).metadata.get("vidlab", {}).get("id")
    except (CourseError, AttributeError):
        return None


def read_notebook(path: Path) -> NotebookNode:
    """A notebook as data.

    Raises:
        CourseError: it is too large, or no notebook.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise CourseError(f"the notebook has more than {_LARGEST >> 20} MB")
        notebook = nbformat.reads(path.read_text("utf-8"), as_version=4)
        nbformat.validate(notebook)
    except CourseError:
        raise
    except Exception as error:  # the library raises many kinds for a broken file
        raise CourseError(f"not a notebook ({type(error).__name__})") from None
    return notebook


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


def grading_notebook(lab: NotebookNode, given: dict[int, str]) -> NotebookNode:
    """The lab with a student's answers, each guarded, and each followed by the lab's own check.

    Cells of answers carry the metadata ``{"vidlab_answer": number}``, checks ``"vidlab_check"``.
    """
    notebook = student_notebook(lab)
    at = {exercise.cell: exercise for exercise in exercises(lab) if exercise.cell is not None}
    cells = []
    for place, cell in enumerate(notebook.cells):
        exercise = at.get(place)
        if exercise is None:
            cells.append(cell)
            continue
        cells += _graded(exercise, given.get(exercise.number, exercise.start))
    graded = copy.copy(notebook)
    graded.cells = cells
    return graded


def _graded(exercise: Exercise, answer: str) -> list[NotebookNode]:
    number = exercise.number
    code = _GUARD.format(code=answer, name=f"exercise {number}", failed=FAILED)
    check = _GUARD.format(code=exercise.check, name=f"check {number}", failed=FAILED)
    return [
        new_code_cell(code, metadata={"vidlab_answer": number}),
        new_code_cell(check, metadata={"vidlab_check": number}),
    ]
