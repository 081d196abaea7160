"""`vidlab course`: notebooks for students, and their answers graded."""

from __future__ import annotations

import os
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


@course.command()
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
    from vidlab.course.release import CourseError
    from vidlab.course.release import release as write_release
    from vidlab.labs.catalogue import CatalogueError, find_lab

    try:
        written = write_release([find_lab(lab) for lab in labs], out)
    except (CatalogueError, CourseError) as error:
        raise Usage(str(error)) from None
    for path in written:
        click.echo(path)
    return 0


@course.command()
@click.argument("lab")
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="marks",
    show_default=True,
    help="Folder of marks and feedback.",
)
@click.option(
    "--timeout",
    metavar="S",
    type=float,
    default=600.0,
    show_default=True,
    help="Seconds for each submission.",
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
    out: Path,
    timeout: float,
    memory: str,
    workers: int | None,
    trust: bool,
) -> int:
    """Grade the answers to LAB in the folder SUBMISSIONS (STUDENT.ipynb or STUDENT/...).

    Only the cells of exercises are taken from a submission. They run inside the lab itself, in a
    sandbox: no network, no files but the run's own, limits on time and memory. OUT/marks.csv has
    a point and a reason for each exercise, OUT/feedback a page for each student. A submission that
    was graded before, and has not changed, keeps its marks: after an interruption, say it again.

    \b
    Examples:
      vidlab course grade radialctc handed-in
      vidlab course grade radialctc handed-in --jobs 4 --timeout 300
    """
    from vidlab.batch.sweep import Limits, SweepError, parse_size
    from vidlab.course.feedback import write_feedback
    from vidlab.course.grade import grade as grade_all
    from vidlab.course.release import CourseError
    from vidlab.labs.catalogue import CatalogueError, find_lab

    console = console_for()
    stopped = False

    def tell(event: tuple) -> None:
        nonlocal stopped
        if event[0] == "reference":
            console.print("running the lab itself once; what it trained is then used again")
        elif event[0] == "stopping":
            stopped = True
            complain("stopping")
        else:
            _, student, done, count = event
            line = f"[{done}/{count}] {student.student}: {student.points} of {len(student.marks)}"
            why = f" ({student.problem})" if student.problem else ""
            console.print(line + why, markup=False, highlight=False, soft_wrap=True)

    try:
        entry = find_lab(lab)
        graded = grade_all(
            entry,
            submissions,
            out,
            limits=Limits(timeout, parse_size(memory)),
            workers=workers or max(1, (os.cpu_count() or 1) // 2),
            sandboxed=not trust,
            on_event=tell,
        )
    except (CatalogueError, CourseError, SweepError) as error:
        raise Usage(str(error)) from None
    for path in write_feedback(entry, graded, out)[:1]:
        click.echo(f"marks     {path}")
    click.echo(f"feedback  {out / 'feedback'}")
    return 130 if stopped else 0
