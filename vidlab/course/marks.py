"""Marks: what an exercise got, read from what its answer and its check printed."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from vidlab.course.submission import FAILED

Printed = dict[tuple[str, int], str]  # by ("answer" or "check", number)
_LARGEST = 64 << 20  # bytes of a notebook that a run left behind
_RIGHT = re.compile(r"\bright\b")


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
    """A student's marks; ``problem`` says what went wrong with the whole, empty where nothing."""

    student: str
    sha256: str
    marks: tuple[Mark, ...]
    problem: str

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
    told = printed.get(("answer", number), "")
    check = printed.get(("check", number))
    both = (text.replace(FAILED, "") for text in (told, check or ""))
    output = "\n".join(_short(text) for text in both if text.strip())
    if answer is None:
        reason = problem or "there is no cell for this exercise"
    elif "".join(answer.split()) == "".join(start.split()):
        reason = "no answer"
    elif check is None:
        reason = problem or "not reached"
    elif FAILED in told:
        reason = "the answer fails: " + _short(told.rpartition(FAILED)[2], 300)
    elif FAILED in check:
        reason = "the check fails on it: " + _short(check.rpartition(FAILED)[2], 300)
    elif "not yet" in check or "waiting" in check:
        reason = _short(check, 300)
    elif _RIGHT.search(check):
        return Mark(number, 1, "right", answer, output)
    else:
        reason = problem or "the check says nothing"
    return Mark(number, 0, reason, answer or "", output)


def _short(text: str, limit: int = 4000) -> str:
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 10] + "\n... (cut)"
