"""Marks: what an exercise got, read from what its answer and its check printed."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from vidlab.course.guard import FAILED
from vidlab.labs.text import plain_output

Printed = dict[tuple[str, int], str]  # by ("answer" or "check", number)
NOT_YET_GRADED = "not graded yet"
_LARGEST = 32 << 20  # bytes of a notebook that a run left behind; ours have up to nine million
_VERDICT = re.compile(r"\bright\b|not yet|waiting")
_RIGHT = re.compile(r"\bright\b")
_CUT = "... (cut)"  # ends what is kept of a flood


@dataclass(frozen=True)
class Mark:
    """What an exercise got.

    Attributes:
        exercise: its number.
        points: 1 or 0.
        reason: "right", or why not.
        answer: the code that was graded.
        output: what answer and check printed, shortened.
    """

    exercise: int
    points: int
    reason: str
    answer: str
    output: str


@dataclass(frozen=True)
class Graded:
    """A student's marks.

    Attributes:
        student: name.
        sha256: of the notebook that was graded, empty where there was none.
        marks: one an exercise; none where a grading was stopped before it came to this student.
        problem: what went wrong with the whole, empty where nothing did.
        written: what the student wrote to questions without a check, by their numbers.
    """

    student: str
    sha256: str
    marks: tuple[Mark, ...]
    problem: str
    written: tuple[tuple[int, str], ...] = ()

    @property
    def points(self) -> int:
        return sum(mark.points for mark in self.marks)


def left_behind(folder: Path, path: Path) -> str:
    """A text file that a run left in its folder; empty where it is anything else.

    Whoever wrote it is not trusted: no links out of the folder, no pipes, nothing endless.
    """
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve()):
            return ""
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                return ""
            return file.read(_LARGEST).decode("utf-8", "replace")
    except (OSError, RuntimeError):
        return ""


def printed_in(notebook: str) -> Printed:
    """What the cells of answers and checks printed on their standard output."""
    found: Printed = {}
    try:
        for cell in json.loads(notebook)["cells"]:
            for kind in ("answer", "check"):
                number = cell["metadata"].get(f"vidlab_{kind}")
                if isinstance(number, int) and cell.get("execution_count") is not None:
                    streams = [o for o in cell["outputs"] if o["output_type"] == "stream"]
                    found[kind, number] = "".join(
                        "".join(o["text"]) for o in streams if o["name"] == "stdout"
                    )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # what a run that was killed, or that meant harm, left may be anything
    return found


def mark_of(number: int, answer: str | None, start: str, printed: Printed, problem: str) -> Mark:
    """The mark of one exercise.

    Args:
        number: of the exercise.
        answer: the student's code, None where its cell is missing.
        start: what stood there before.
        printed: by all answers and checks of the run.
        problem: why the run ended early, empty where it did not.
    """
    told = printed.get(("answer", number), "")
    check = printed.get(("check", number))
    # What the check says of an answer that failed is about something that is not there.
    said = (told,) if FAILED in told else (told, check or "")
    shown = (_shown(text.replace(FAILED, "")) for text in said)
    output = "\n".join(text for text in shown if text)
    points, verdict = _verdict(check or "")
    if answer is None:
        reason = problem or "there is no cell for this exercise"
    elif "".join(answer.split()) == "".join(start.split()):
        answer, reason = "", "no answer"
    elif check is None:
        begun = ("answer", number) in printed
        reason = (problem or "its check was not reached") if begun else _not_reached(problem)
    elif FAILED in told:
        reason = "the answer fails: " + _first_line(told.rpartition(FAILED)[2])
    elif FAILED in check:
        reason = "the check fails on it: " + _first_line(check.rpartition(FAILED)[2])
        if told.rstrip().endswith(_CUT):  # the line that says why the answer failed is behind it
            reason += "; the answer printed so much that its own end is lost"
    elif verdict:
        return Mark(number, points, verdict, answer, output)
    elif check.rstrip().endswith(_CUT):
        reason = "it printed so much that what the check said is lost"
    else:
        reason = problem or "the check says nothing"
    return Mark(number, 0, reason, answer or "", output)


def _not_reached(problem: str) -> str:
    return f"not reached: {problem}" if problem else "not reached"


def _verdict(check: str) -> tuple[int, str]:
    """Points and reason by the last line that says one; before it an answer may print anything."""
    for line in reversed(check.splitlines()):
        if _VERDICT.search(line):
            wrong = "not yet" in line or "waiting" in line
            return (0, _first_line(line)) if wrong or not _RIGHT.search(line) else (1, "right")
    return 0, ""


def _first_line(text: str, limit: int = 300) -> str:
    line = plain_output(text.strip().partition("\n")[0])
    return line if len(line) <= limit else line[: limit - 2] + " …"


def _shown(text: str, limit: int = 4000) -> str:
    """The beginning and the end, where the verdict stands."""
    text = plain_output(text.strip().expandtabs())
    if len(text) <= limit:
        return text
    return f"{text[: limit * 3 // 4]}\n\n… (cut)\n\n{text[-limit // 4 :]}"
