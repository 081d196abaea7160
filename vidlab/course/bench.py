"""Where notebooks are graded: a folder a student, a sandbox each, and one run of the lab itself.

What that run trained is given to all others, so that grading a class does not train for each.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from vidlab.batch.sandbox import Sandbox
from vidlab.batch.sweep import Job, Limits
from vidlab.batch.watch import Outcome, Stopper, run_job
from vidlab.batch.worker import newest_run
from vidlab.course.marks import Printed, left_behind, printed_in
from vidlab.course.release import CourseError, student_notebook
from vidlab.labs.catalogue import LabEntry
from vidlab.labs.record import read_record, source_digest, write_record, write_text


@dataclass(frozen=True)
class Bench:
    """Where the submissions of one lab run.

    Attributes:
        entry, lab: the lab, and its notebook.
        version: of lab and vidlab; other marks and other trainings than those of it are not used.
        out: absolute; holds ``reference/`` and ``students/``.
        scratch: a temporary folder with a short name.
        limits: of each submission's run.
        sandboxed: False where everybody is trusted.
        stopper: ends what runs.
    """

    entry: LabEntry
    lab: NotebookNode
    version: str
    out: Path
    scratch: Path
    limits: Limits
    sandboxed: bool
    stopper: Stopper

    def reference(self) -> Path | None:
        """The run of the lab itself, if it was made of this very lab and code."""
        version = self.out / "reference" / "version"
        if not version.is_file() or version.read_text("utf-8") != self.version:
            return None
        found = newest_run(self.out / "reference" / "run", self.entry.id)
        return found[0] if found and found[1]["status"] == "finished" else None

    def make_reference(self) -> None:
        """Run the lab itself, once.

        Raises:
            CourseError: it does not run here.
        """
        clear(self.out / "reference")
        outcome = self._run(self.out / "reference", student_notebook(self.lab), Limits(), None)
        if self.stopper.level:
            return
        if outcome.status != "finished":
            raise CourseError(f"the lab itself does not run here: {outcome.message}")
        write_text(self.out / "reference" / "version", self.version)

    def run(self, notebook: NotebookNode) -> tuple[Outcome, Printed]:
        """Run a student's notebook; of what it leaves behind, only what was printed is kept."""
        reference = self.reference()
        folder = Path(tempfile.mkdtemp(dir=self.scratch, prefix=""))
        try:
            outcome = self._run(folder, notebook, self.limits, reference)
            name = reference.name if reference else ""
            left = left_behind(folder, folder / "run" / self.entry.id / name / "lab.ipynb")
            return outcome, printed_in(left)
        finally:
            clear(folder)

    def _run(
        self, folder: Path, notebook: NotebookNode, limits: Limits, reference: Path | None
    ) -> Outcome:
        runs = folder / "run"
        runs.mkdir(parents=True)
        path = folder / f"{self.entry.id}.ipynb"
        write_text(path, nbformat.writes(notebook))
        temporary = Path(tempfile.mkdtemp(dir=self.scratch, prefix=""))
        home, caches = temporary / "home", self.out / "reference" / "home"
        if reference is not None:
            _begin_from(reference, runs / self.entry.id)
            if caches.is_dir():
                shutil.copytree(caches, home)
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
            if folder == self.out / "reference" and home.is_dir():  # caches that took a while
                shutil.copytree(home, caches, dirs_exist_ok=True)
            clear(temporary)


def version_of(entry: LabEntry, lab_digest: str) -> str:
    """Changes with the lab's notebook and with vidlab's code; begins with the lab's id."""
    return f"{entry.id} {lab_digest[:16]} {source_digest()}"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder with a short name: sockets in it must fit."""
    folder = Path(tempfile.mkdtemp(prefix="vl-"))
    try:
        yield folder
    finally:
        clear(folder)


def clear(folder: Path) -> None:
    """Remove what a run left, if anything, however deep and however locked up."""
    if folder.is_dir():
        subprocess.run(["chmod", "-R", "u+rwX", "--", folder], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--", folder], check=True)


def _begin_from(reference: Path, folder: Path) -> None:
    """Make a run that was cut short at its beginning, with all trainings of the reference done."""
    run = folder / reference.name
    run.mkdir(parents=True)
    if (reference / "checkpoints").is_dir():
        shutil.copytree(reference / "checkpoints", run / "checkpoints")
    record = read_record(reference / "record.json")
    record.update(status="interrupted", metrics={}, claims=[], finished=None)
    record["error"] = {"cell": None, "heading": None, "message": "prepared for grading"}
    write_record(run / "record.json", record)
