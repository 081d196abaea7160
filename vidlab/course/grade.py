"""Grading: every answer runs in a sandbox, in the lab it belongs to, and the lab's check decides.

A student's code may loop for ever, take all memory, delete files, print a gigabyte or kill its own
process: it harms nothing outside of its folder and costs that student's marks only. Whoever wants
to cheat the check from inside the same kernel can; the feedback shows the code that earned a mark.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import nbformat

from vidlab.batch.sandbox import missing
from vidlab.batch.sweep import Limits
from vidlab.batch.watch import Stopper
from vidlab.course.bench import Bench, clear, scratch_folder, version_of
from vidlab.course.exercises import exercises
from vidlab.course.guard import OVER_TIME
from vidlab.course.marks import (
    NOT_YET_GRADED,
    Graded,
    Mark,
    Printed,
    mark_of,
)
from vidlab.course.release import CourseError
from vidlab.course.submission import (
    Submission,
    answers,
    digest,
    find_submissions,
    for_people,
    grading_notebook,
    read_notebook,
)
from vidlab.labs.catalogue import LabEntry
from vidlab.labs.record import write_text
from vidlab.labs.supervise import stop_signals

OnEvent = Callable[[tuple], None]


def grade(
    entry: LabEntry,
    submissions: Path,
    out: Path,
    *,
    limits: Limits,
    answer_seconds: float = 120.0,
    workers: int = 1,
    sandboxed: bool = True,
    on_event: OnEvent = lambda event: None,
) -> list[Graded]:
    """Grade all submissions of a lab; those that were graded before, and are unchanged, are kept.

    Args:
        entry: the lab.
        submissions: holds ``STUDENT.ipynb`` or ``STUDENT/…`` each.
        out: where marks and feedback are written.
        limits: of each submission's run.
        answer_seconds: that each answer may take, and each check of one.
        workers: submissions at a time.
        sandboxed: False only where all students are trusted, or all runs in a container.
        on_event: ("plan", to grade, kept, of), ("reference",), ("reference done", seconds),
            ("graded", Graded, done, of), ("stopping",).

    Returns:
        One a student, in the order of names. Where the grading was stopped, those that it did not
        come to have no marks, and say so.

    Raises:
        CourseError: nothing to grade, no sandbox, marks of another lab are in ``out``, or the lab
            itself does not run.
    """
    lab = nbformat.read(entry.path, as_version=4)
    if not any(exercise.cell is not None for exercise in exercises(lab)):
        raise CourseError(f"{entry.id} has no exercise with a check.")
    if not 0 < answer_seconds < 1e9:
        raise CourseError(f"time of an answer: got {answer_seconds:g}; allowed: positive seconds.")
    found = find_submissions(submissions.resolve(), entry.id)
    lacking = missing() if sandboxed else ""
    if lacking:
        raise CourseError(f"{lacking[:-1]}; --trust grades without one, for code that you trust.")
    _refuse_other_lab(out, entry.id)
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    stopper = Stopper()

    def stop() -> None:
        stopper.stop()
        on_event(("stopping",))

    with scratch_folder() as scratch, stop_signals(stop):
        version = version_of(entry, digest(entry.path))
        write_text(out / "lab", entry.id + "\n")
        bench = Bench(entry, lab, version, out, scratch, limits, sandboxed, stopper)
        kept = {s.student: _kept(bench, s, answer_seconds) for s in found}
        graded = {student: marks for student, marks in kept.items() if marks is not None}
        to_do = [submission for submission in found if submission.student not in graded]
        to_do.sort(key=lambda submission: submission.path is not None)  # at once told
        on_event(("plan", len(to_do), len(graded), len(found)))
        if any(s.path is not None for s in to_do) and bench.reference() is None:
            on_event(("reference",))
            began = time.monotonic()
            bench.make_reference()
            if not stopper.level:
                on_event(("reference done", time.monotonic() - began))
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(_grade_one, bench, s, answer_seconds) for s in to_do]
            for future in as_completed(futures):
                result = future.result()
                if result is not None:
                    graded[result.student] = result
                    on_event(("graded", result, len(graded), len(found)))
    return [graded.get(s.student) or Graded(s.student, "", (), NOT_YET_GRADED) for s in found]


def _refuse_other_lab(out: Path, lab: str) -> None:
    path = out / "lab"
    other = path.read_text("utf-8").strip() if path.is_file() else lab
    if other != lab:
        raise CourseError(f"{out} holds the marks of {other}; choose another folder with --out.")


def _kept(bench: Bench, submission: Submission, answer_seconds: float) -> Graded | None:
    """The marks of an earlier grading of the same file by the same lab."""
    path = _folder(bench, submission) / "marks.json"
    if submission.path is None or not path.is_file():
        return None
    try:
        told = json.loads(path.read_text("utf-8"))
        marks = tuple(Mark(**mark) for mark in told["marks"])
        if told["sha256"] != digest(submission.path) or told["lab"] != bench.version:
            return None
        if told["problem"]:  # more time or memory, or another try, may help those
            return None
        if answer_seconds > told["answer_seconds"] and any(OVER_TIME in m.reason for m in marks):
            return None
        written = tuple((int(number), str(text)) for number, text in told["written"])
        return Graded(told["student"], told["sha256"], marks, "", written)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _grade_one(bench: Bench, submission: Submission, answer_seconds: float) -> Graded | None:
    """Grade one; None where it was stopped."""
    if bench.stopper.level:
        return None
    try:
        return _graded(bench, submission, answer_seconds)
    except Exception as error:  # one submission, however odd, costs its own marks only
        problem = f"could not be graded ({type(error).__name__})"
        return Graded(submission.student, "", _marks(bench, {}, problem, {}), problem)


def _graded(bench: Bench, submission: Submission, answer_seconds: float) -> Graded | None:
    folder = _folder(bench, submission)
    if submission.path is None:
        clear(folder)
        marks = _marks(bench, {}, submission.problem, {})
        return Graded(submission.student, "", marks, submission.problem)
    try:
        handed_in = read_notebook(submission.path)
    except CourseError as error:
        clear(folder)
        return Graded(submission.student, "", _marks(bench, {}, str(error), {}), str(error))
    sha256 = digest(submission.path)
    given = answers(bench.lab, handed_in)
    clear(folder)
    folder.mkdir(parents=True)
    marks, problem = _marks(bench, given, "", {}), ""
    if any(mark.answer for mark in marks):  # else there is nothing to run
        outcome, printed = bench.run(grading_notebook(bench.lab, given, answer_seconds))
        if bench.stopper.level:
            return None
        problem = "" if outcome.status == "finished" else outcome.message
        if problem and not printed:
            problem += ", before the first exercise was reached"
        marks = _marks(bench, given, problem, printed)
    written = tuple(for_people(bench.lab, handed_in).items())
    graded = Graded(submission.student, sha256, marks, problem, written)
    told = asdict(graded) | {"lab": bench.version, "answer_seconds": answer_seconds}
    write_text(folder / "marks.json", json.dumps(told, indent=1) + "\n")
    return graded


def _marks(bench: Bench, given: dict[int, str], problem: str, printed: Printed) -> tuple[Mark, ...]:
    return tuple(
        mark_of(e.number, given.get(e.number), e.start, printed, problem)
        for e in exercises(bench.lab)
        if e.cell is not None
    )


def _folder(bench: Bench, submission: Submission) -> Path:
    return bench.out / "students" / submission.student
