"""Grading: every answer runs in a sandbox, in the lab it belongs to, and the lab's check decides.

A student's code may loop for ever, take all memory, delete files, print a gigabyte or kill its own
process: it harms nothing outside of its folder and costs that student's marks only. Whoever wants
to cheat the check from inside the same kernel can; the feedback shows the code that earned a mark.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from vidlab.batch.sandbox import Sandbox, missing
from vidlab.batch.sweep import Job, Limits
from vidlab.batch.watch import Outcome, Stopper, run_job
from vidlab.batch.worker import newest_run
from vidlab.course.exercises import exercises
from vidlab.course.marks import Graded, Mark, Printed, left_behind, mark_of, printed_in
from vidlab.course.release import CourseError, student_notebook
from vidlab.course.submission import (
    Submission,
    answers,
    digest,
    find_submissions,
    grading_notebook,
    read_notebook,
)
from vidlab.labs.catalogue import LabEntry
from vidlab.labs.record import source_digest, write_record, write_text
from vidlab.labs.supervise import stop_signals

OnEvent = Callable[[tuple], None]


def grade(
    entry: LabEntry,
    submissions: Path,
    out: Path,
    *,
    limits: Limits,
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
        workers: submissions at a time.
        sandboxed: False only where all students are trusted, or all runs in a container.
        on_event: ("reference",), ("graded", Graded, done, of), ("stopping",).

    Raises:
        CourseError: nothing to grade, no sandbox, or the lab itself does not run.
    """
    lab = nbformat.read(entry.path, as_version=4)
    asked = [exercise for exercise in exercises(lab) if exercise.cell is not None]
    if not asked:
        raise CourseError(f"{entry.id} has no exercise with a check.")
    found = find_submissions(submissions.resolve(), entry.id)
    lacking = missing() if sandboxed else ""
    if lacking:
        raise CourseError(f"{lacking[:-1]}; --trust grades without one.")
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    stopper = Stopper()
    with _scratch() as scratch:
        bench = _Bench(entry, lab, out, scratch, limits, sandboxed, stopper)
        graded: dict[str, Graded] = {}

        def stop() -> None:
            stopper.stop()
            on_event(("stopping",))

        with stop_signals(stop):
            to_do = []
            for submission in found:
                kept = bench.kept(submission)
                if kept is None:
                    to_do.append(submission)
                else:
                    graded[submission.student] = kept
                    on_event(("graded", kept, len(graded), len(found)))
            if to_do:
                on_event(("reference",))
                bench.make_reference()
            with ThreadPoolExecutor(workers) as pool:
                futures = [pool.submit(bench.grade_one, submission) for submission in to_do]
                for future in as_completed(futures):
                    result = future.result()
                    if result is not None:
                        graded[result.student] = result
                        on_event(("graded", result, len(graded), len(found)))
    return [graded[s.student] for s in found if s.student in graded]


@dataclass(frozen=True)
class _Bench:
    """Where submissions of one lab are graded."""

    entry: LabEntry
    lab: NotebookNode
    out: Path
    scratch: Path
    limits: Limits
    sandboxed: bool
    stopper: Stopper

    def kept(self, submission: Submission) -> Graded | None:
        """The marks of an earlier grading of the same file by the same lab."""
        path = self._folder(submission.student) / "marks.json"
        if submission.path is None or not path.is_file():
            return None
        try:
            told = json.loads(path.read_text("utf-8"))
            same = told["sha256"] == digest(submission.path) and told["lab"] == self._version()
            same = same and not told["problem"]  # more time or memory may help those
            marks = tuple(Mark(**mark) for mark in told["marks"])
            return Graded(told["student"], told["sha256"], marks, told["problem"]) if same else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def make_reference(self) -> None:
        """Run the lab itself once: its trainings need not be repeated for every student."""
        if self._reference() is not None:
            return
        self._clear(self.out / "reference")
        outcome = self._run("reference", student_notebook(self.lab), Limits())
        if self.stopper.level:
            return
        if outcome.status != "finished":
            raise CourseError(f"the lab itself does not run here: {outcome.message}")
        write_text(self.out / "reference" / "version", self._version())

    def grade_one(self, submission: Submission) -> Graded | None:
        """Grade one; None where it was stopped."""
        if self.stopper.level:
            return None
        try:
            return self._graded(submission)
        except Exception as error:  # one submission, however odd, costs its own marks only
            problem = f"could not be graded ({type(error).__name__})"
            return Graded(submission.student, "", self._marks({}, problem, {}), problem)

    def _graded(self, submission: Submission) -> Graded | None:
        if submission.path is None:
            return self._write(submission, {}, submission.problem, {})
        try:
            given = answers(self.lab, read_notebook(submission.path))
        except CourseError as error:
            return self._write(submission, {}, str(error), {})
        self._clear(self._folder(submission.student))
        place = f"students/{submission.student}"
        notebook = grading_notebook(self.lab, given)
        outcome = self._run(place, notebook, self.limits, seed=self._reference())
        if self.stopper.level:
            return None
        problem = "" if outcome.status == "finished" else outcome.message
        printed = {}
        for run in sorted((self.out / place / "run" / self.entry.id).iterdir()):
            printed |= printed_in(left_behind(self.out / place, run / "lab.ipynb"))
        return self._write(submission, given, problem, printed)

    def _run(self, place: str, notebook, limits: Limits, seed: Path | None = None) -> Outcome:
        """Run a notebook in a folder of its own, in the sandbox."""
        folder = self.out / place
        runs = folder / "run"
        runs.mkdir(parents=True)
        path = folder / f"{self.entry.id}.ipynb"
        write_text(path, nbformat.writes(notebook))
        if seed is not None:
            _begin_from(seed, runs / self.entry.id)
        temporary = Path(tempfile.mkdtemp(dir=self.scratch, prefix=""))
        home = temporary / "home"
        if seed is not None and (self.out / "reference" / "home").is_dir():
            shutil.copytree(self.out / "reference" / "home", home)
        home.mkdir(exist_ok=True)
        env = {
            "HOME": str(home),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
            "JUPYTER_DATA_DIR": str(home / "jupyter"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "MPLCONFIGDIR": str(home / "matplotlib"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "NUMBA_CACHE_DIR": str(home / "numba"),
            "TMPDIR": str(temporary),
            "VIDLAB_NOTEBOOKS": str(folder),
        }
        sandbox = Sandbox((str(path),), (str(runs), str(temporary))) if self.sandboxed else None
        job = Job(self.entry.id, path, {"device": "cpu"})
        try:
            return run_job(job, runs, limits, sandbox=sandbox, env=env, stopper=self.stopper)
        finally:
            if seed is None and home.is_dir():  # caches that took a while to make
                shutil.copytree(home, folder / "home", dirs_exist_ok=True)
            _remove(temporary)

    def _write(
        self, submission: Submission, given: dict[int, str], problem: str, printed: Printed
    ) -> Graded:
        marks = self._marks(given, problem, printed)
        sha256 = digest(submission.path) if submission.path is not None else ""
        graded = Graded(submission.student, sha256, marks, problem)
        folder = self._folder(submission.student)
        folder.mkdir(parents=True, exist_ok=True)
        told = {
            "student": graded.student,
            "lab": self._version(),
            "sha256": sha256,
            "problem": problem,
            "marks": [asdict(mark) for mark in marks],
        }
        write_text(folder / "marks.json", json.dumps(told, indent=1) + "\n")
        return graded

    def _marks(self, given: dict[int, str], problem: str, printed: Printed) -> tuple[Mark, ...]:
        return tuple(
            mark_of(e.number, given.get(e.number), e.start, printed, problem)
            for e in exercises(self.lab)
            if e.cell is not None
        )

    def _reference(self) -> Path | None:
        """The run of the lab itself, if it was made of this very lab and code."""
        version = self.out / "reference" / "version"
        if not version.is_file() or version.read_text("utf-8") != self._version():
            return None
        found = newest_run(self.out / "reference" / "run", self.entry.id)
        return found[0] if found and found[1]["status"] == "finished" else None

    def _version(self) -> str:
        return f"{self.entry.id} {digest(self.entry.path)[:16]} {source_digest()}"

    def _folder(self, student: str) -> Path:
        return self.out / "students" / student

    @staticmethod
    def _clear(folder: Path) -> None:
        if folder.is_dir():
            _remove(folder)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A temporary folder with a short name: sockets in it must fit."""
    folder = Path(tempfile.mkdtemp(prefix="vl-"))
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove what a run left, however deep and however locked up."""
    subprocess.run(["chmod", "-R", "u+rwX", "--", folder], stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", "--", folder], check=True)


def _begin_from(reference: Path, folder: Path) -> None:
    """Make a run that was cut short at its beginning, with all trainings of the reference done."""
    from vidlab.labs.record import read_record

    run = folder / reference.name
    run.mkdir(parents=True)
    shutil.copytree(reference / "checkpoints", run / "checkpoints")
    record = read_record(reference / "record.json")
    record.update(status="interrupted", metrics={}, claims=[], finished=None)
    record["error"] = {"cell": None, "heading": None, "message": "prepared for grading"}
    write_record(run / "record.json", record)
