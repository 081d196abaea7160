"""Building the book: prose, runs, scoreboard and API into a source folder, then Sphinx."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import yaml

import vidlab
from vidlab.book import pages
from vidlab.book.runs import BookError, LabRun, runs_of
from vidlab.labs.catalogue import LabEntry, notebooks_folder, scan

_PACKAGE = Path(vidlab.__file__).parent
OVERFLOW = 8000  #: characters of Sphinx's complaints that an error repeats


def book_folder() -> Path:
    """Where the book's prose lies: inside an installed wheel, else in the clone."""
    installed = _PACKAGE / "_book"
    return installed if installed.is_dir() else _PACKAGE.parent / "book"


def build_book(
    entries: Sequence[LabEntry],
    out: Path,
    runs: Path,
    *,
    records: Iterable[Path] = (),
    on_run: Callable[[LabEntry], None] = lambda entry: None,
    on_event: Callable[[tuple], None] | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> Path:
    """Build the book of some labs and return its first page.

    Args:
        entries: the labs with a page.
        out: folder of the finished pages: a new or an empty one, or an earlier book, which is
            replaced when all is built.
        runs: where the labs' runs lie or are made (see `vidlab.book.runs.runs_of`).
        records: more records for the scoreboard, files or folders (those under the book's own
            ``records/`` are always shown).
        on_run, on_event: told of labs that must be run first.
        on_step: told what is done next, in a few words.

    Raises:
        BookError: ``out`` holds something else, the ``book`` extra is missing, there are no labs,
            a lab failed or Sphinx complained.
    """
    out = out.expanduser().resolve()
    _check_out(out)
    _check_tools()
    if not entries:
        raise BookError(f"there are no labs in {notebooks_folder()} to make pages of.")
    stage, fresh = out.with_name(f".{out.name}.source"), out.with_name(f".{out.name}.new")
    out.parent.mkdir(parents=True, exist_ok=True)
    lab_runs = runs_of(entries, runs, on_run, on_event)
    for folder in (stage, fresh):
        shutil.rmtree(folder, ignore_errors=True)
    on_step("collecting pages")
    write_source(lab_runs, stage, records)
    on_step("building pages")
    _sphinx(stage, fresh, partial=len(entries) < len(scan()[0]))
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    shutil.rmtree(stage)
    return out / "index.html"


def write_source(lab_runs: Sequence[LabRun], stage: Path, records: Iterable[Path] = ()) -> None:
    """The source folder that Sphinx reads: the committed prose and what is made for it."""
    book = book_folder()
    shutil.copytree(book, stage, ignore=shutil.ignore_patterns("_build", "*.py.bak", "records"))
    (stage / "labs").mkdir()
    (stage / "generated").mkdir()
    for run in lab_runs:
        pages.write_lab(run, stage / "labs")
    entries = [run.entry for run in lab_runs]
    (stage / "generated" / "prerequisites.html").write_text(
        pages.prerequisites_graph(entries), encoding="utf-8"
    )
    own = book / "records"
    pages.write_scoreboard(lab_runs, [*([own] if own.is_dir() else []), *records], stage)
    pages.write_api(stage / "api")
    _keep_known_chapters(stage)


def _keep_known_chapters(stage: Path) -> None:
    """Leave out of the table of contents what this book does not hold: labs that were not asked."""
    path = stage / "_toc.yml"
    toc = yaml.safe_load(path.read_text(encoding="utf-8"))
    labs = {f"labs/{file.stem}" for file in (stage / "labs").iterdir()}
    for part in toc["parts"]:
        part["chapters"] = [
            chapter
            for chapter in part["chapters"]
            if not chapter["file"].startswith("labs/") or chapter["file"] in labs
        ]
    toc["parts"] = [part for part in toc["parts"] if part["chapters"]]
    path.write_text(yaml.safe_dump(toc, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _check_out(out: Path) -> None:
    """Refuse, before any work, to replace what is not a book (Sphinx marks its own folders)."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir() or (any(out.iterdir()) and not (out / ".buildinfo").is_file()):
        raise BookError(
            f"{out} is there and holds no book; choose a new or an empty folder for the pages."
        )


def _check_tools() -> None:
    from importlib.util import find_spec

    needed = ("sphinx", "myst_nb", "sphinx_book_theme", "sphinx_external_toc")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise BookError(
            f"the book needs {', '.join(missing)}; install them: pip install 'vidlab[book]'."
        )


def _sphinx(stage: Path, out: Path, partial: bool = False) -> None:
    """Run Sphinx in a process of its own; any warning is an error, and all of them are shown.

    It can import what is installed, and nothing that lies where the caller stands (-P).
    ``partial``: some labs are left out, so links to them lead nowhere.
    """
    doctrees = stage.with_name(f"{stage.name}.doctrees")
    command = [
        *(sys.executable, "-P", "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going"),
        *("-d", str(doctrees), str(stage), str(out)),
    ]
    command += ["-D", "suppress_warnings=myst.xref_missing"] if partial else []
    done = subprocess.run(command, cwd=stage, capture_output=True, text=True, check=False)
    shutil.rmtree(doctrees, ignore_errors=True)
    if done.returncode:
        said = done.stderr.replace(f"{stage}/", "").strip()[-OVERFLOW:]
        raise BookError(f"Sphinx could not build the book:\n{said}")
