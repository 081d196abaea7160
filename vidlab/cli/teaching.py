"""`vidlab course`: notebooks for students, and their answers graded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from vidlab.cli.common import Usage, complain, console_for


@click.group(short_help="Notebooks for students, and their answers graded.")
def course() -> None:
    """Release the labs as student notebooks, and grade what comes back.

    \b
    Examples:
      vidlab course release radialctc smkd --out for-students
      vidlab course grade radialctc handed-in --out marks
    """


@course.command(short_help="Write student notebooks: no solutions, but the checks.")
@click.argument("labs", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="release",
    show_default=True,
    help="Folder of the notebooks.",
)
def release(labs: tuple[str, ...], out: Path) -> int:
    """Write a notebook of each LAB without its solutions; the checks stay.

    \b
    Examples:
      vidlab course release radialctc
      vidlab course release tour radialctc --out week-1
    """
    import nbformat

    from vidlab.course.exercises import exercises
    from vidlab.course.release import CourseError
    from vidlab.course.release import release as write_release
    from vidlab.labs.catalogue import CatalogueError, find_lab

    try:
        entries = [find_lab(lab) for lab in labs]
        written = write_release(entries, out)
    except (CatalogueError, CourseError) as error:
        raise Usage(str(error)) from None
    for entry, path in zip(entries, written, strict=True):
        asked = exercises(nbformat.read(entry.path, as_version=4))
        graded = [str(exercise.number) for exercise in asked if exercise.cell is not None]
        click.echo(f"{path}  {len(asked)} exercises; with a check: {', '.join(graded)}")
    return 0


@course.command(short_help="Run the answers in a sandbox; marks, reasons and feedback.")
@click.argument("lab")
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of marks and feedback.  [default: marks/LAB]",
)
@click.option(
    "--timeout",
    metavar="S",
    type=float,
    default=600,
    show_default=True,
    help="Seconds for each submission; the lab's own cells take most of them.",
)
@click.option(
    "--answer-timeout",
    "answer_seconds",
    metavar="S",
    type=float,
    default=120,
    show_default=True,
    help="Seconds for each answer.",
)
@click.option(
    "--memory", metavar="4G", default="4G", show_default=True, help="For each submission."
)
@click.option(
    "--jobs",
    "workers",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Submissions at a time; by default half the cores.",
)
@click.option("--trust", is_flag=True, help="Without the sandbox: only for code that you trust.")
def grade(
    lab: str,
    submissions: Path,
    out: Path | None,
    timeout: float,
    answer_seconds: float,
    memory: str,
    workers: int | None,
    trust: bool,
) -> int:
    """Grade the answers to LAB in the folder SUBMISSIONS (STUDENT.ipynb or STUDENT/...).

    Only the cells of exercises are taken from a submission. They run inside the lab itself, in a
    sandbox: no network, no files but the run's own, limits on time and memory. OUT/marks.csv has
    a point and a reason for each exercise, OUT/overview.html the class, OUT/feedback a page for
    each student. A submission that was graded before, and has not changed, keeps its marks: after
    an interruption, say it again. The exit status is 0 however bad the answers are.

    \b
    Examples:
      vidlab course grade radialctc handed-in
      vidlab course grade radialctc handed-in --jobs 4 --timeout 300
    """
    from vidlab.batch.sweep import Limits, SweepError, parse_size
    from vidlab.course.feedback import write_feedback
    from vidlab.course.grade import grade as grade_all
    from vidlab.course.release import CourseError
    from vidlab.course.submission import left_aside
    from vidlab.labs.catalogue import CatalogueError, find_lab

    try:
        entry = find_lab(lab)
        out = out or Path("marks") / entry.id
        aside = left_aside(submissions)
        if aside:
            complain(f"neither notebooks nor folders, left aside: {', '.join(aside)}")
        with _telling(entry.quick_s, timeout) as tell:
            graded = grade_all(
                entry,
                submissions,
                out,
                limits=Limits(timeout, parse_size(memory)),
                answer_seconds=answer_seconds,
                workers=workers or max(1, (os.cpu_count() or 1) // 2),
                sandboxed=not trust,
                on_event=tell,
            )
    except (CatalogueError, CourseError, SweepError) as error:
        raise Usage(str(error)) from None
    written = write_feedback(entry, graded, out)
    _summarise(entry, graded)
    for name, path in zip(("marks", "overview"), written, strict=False):
        click.echo(f"{name:<9} {path}")
    click.echo(f"feedback  {out / 'feedback'}")
    left = sum(not student.marks for student in graded)
    if left:
        complain(f"stopped with {left} not graded yet; the same command goes on")
        return 130
    return 0


@contextmanager
def _telling(quick_s: float, timeout: float) -> Iterator:
    """Yields what takes the events of a grading: lines, and in a terminal a last one that moves."""
    from vidlab.labs.text import duration

    console = console_for()
    status = console.status("") if console.is_terminal else None
    began, first = time.monotonic(), 0

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    def tell(event: tuple) -> None:
        nonlocal began, first
        if event[0] == "plan":
            _, to_do, kept, count = event
            say(f"{count} submissions: {to_do} to grade, {kept} unchanged since they were graded")
            began, first = time.monotonic(), kept
        elif event[0] == "reference":
            say(
                f"running the lab itself once (about {duration(quick_s)} on an idle laptop); "
                "what it trains is then used again"
            )
        elif event[0] == "reference done":
            say(f"the lab took {duration(event[1])}")
            began = time.monotonic()
            if event[1] > timeout / 2:
                complain(
                    f"that is much of the {timeout:g} s that each submission may take; where the "
                    "reason is a time-out, grade again with a longer --timeout or fewer --jobs"
                )
        elif event[0] == "stopping":
            complain("stopping")
        else:
            _, student, done, count = event
            if not student.sha256:  # nothing ran, so nothing is learnt about the time
                began, first = time.monotonic(), done
            each = (time.monotonic() - began) / max(1, done - first)
            left = each * (count - done)
            line = f"[{done}/{count}] {student.student}: {student.points} of {len(student.marks)}"
            line += f" ({student.problem})" if student.problem else ""
            say(line + (f" · about {duration(left)} left" if left >= 1 else ""))

    if status is None:
        yield tell
        return
    with status:
        status.update("at work; Ctrl-C keeps what is graded")
        yield tell


def _summarise(entry, graded) -> None:
    """The class in a few lines."""
    import nbformat

    from vidlab.course.exercises import exercises
    from vidlab.course.feedback import summary

    told = summary(graded)
    of = len(told["done"])
    click.echo(f"{of} graded; on average {told['mean']:.1f} of {told['of']} ({told['percent']} %)")
    for exercise in exercises(nbformat.read(entry.path, as_version=4)):
        right = f"{told['right'].get(exercise.number, 0)} of {of} right"
        right = right if exercise.cell is not None else "no check: read what they wrote"
        click.echo(f"  {exercise.number}. {exercise.title} · {right}")
    for student in told["problems"]:
        click.echo(f"  look at {student.student}: {student.problem}")
