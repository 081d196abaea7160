"""The exercises of a lab: where they stand, what is asked, what a student writes, what checks it.

An exercise is a Markdown cell that begins with ``**1. Its title.**`` (below a heading, perhaps),
with the solution folded in ``<details>``, and the code cell after it. That cell begins with what
the student changes (imports, then one function or one assignment); the rest checks it and prints
"right", or "not yet: why", or that it is waiting. What has no such check is for people to judge.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from nbformat import NotebookNode

_TITLE = re.compile(r"\A(?:#{1,6} [^\n]{1,200}\n{1,3})?\*\*(\d{1,3})\. ([^*]{1,200})\*\*")
_SOLUTION = re.compile(r"<details><summary>Solution.*?</details>", re.DOTALL)
#: What a check says of a right answer: the word in quotes, alone or at the end of a sentence.
_VERDICT = re.compile(r"""["']right["' ]""")


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lab.

    Attributes:
        number, title: as the lab has them.
        question: Markdown, without the solution.
        cell: index of the code cell, None where there is nothing to check.
        start: of that cell, what the student changes.
        check: of that cell, the rest.
    """

    number: int
    title: str
    question: str
    cell: int | None
    start: str
    check: str


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """The exercises of a lab's own notebook, in their order."""
    found = []
    for place, cell in enumerate(notebook.cells):
        match = _TITLE.match(cell.source) if cell.cell_type == "markdown" else None
        if match is None:
            continue
        behind = notebook.cells[place + 1] if place + 1 < len(notebook.cells) else None
        start, check = ("", "")
        if behind is not None and behind.cell_type == "code":
            start, check = split_cell(behind.source)
        asked = "waiting" in check and bool(_VERDICT.search(check))
        found.append(
            Exercise(
                int(match[1]),
                " ".join(match[2].split()).rstrip("."),
                without_solution(cell.source),
                place + 1 if asked else None,
                start if asked else "",
                check if asked else "",
            )
        )
    return found


def titled(markdown: str) -> int | None:
    """The number of the exercise that a Markdown cell asks for, None where it asks for none."""
    match = _TITLE.match(markdown)
    return None if match is None else int(match[1])


def without_solution(markdown: str) -> str:
    """A Markdown text without its folded solutions."""
    return _SOLUTION.sub("", markdown).rstrip()


def split_cell(source: str) -> tuple[str, str]:
    """What the student changes (imports and one statement), and the check behind it.

    >>> split_cell("import math\\n\\nshare = None\\n\\nif share is None:\\n    print('waiting')")
    ('import math\\n\\nshare = None', "if share is None:\\n    print('waiting')")
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source, ""
    lines = source.splitlines()
    for place, statement in enumerate(statements):
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            if place + 1 == len(statements):
                return source, ""
            behind = statements[place + 1].lineno - 1
            return "\n".join(lines[:behind]).rstrip(), "\n".join(lines[behind:])
    return source, ""


def answer_of(exercise: Exercise, source: str) -> str:
    """What a student wrote in the cell of an exercise: all of it but the check, if it is intact."""
    wrote = source.rstrip()
    check = exercise.check.rstrip()
    return wrote.removesuffix(check).rstrip() if wrote.endswith(check) else wrote
