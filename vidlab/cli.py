"""The command line. Exit status: 0 fine, 1 it failed, 2 wrong usage, 130 interrupted."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from vidlab import __version__
from vidlab.labs.runs import NEWEST

# `vidlab` alone shows its help; click below 8.2 does so without this error.
_NO_COMMAND = getattr(click.exceptions, "NoArgsIsHelpError", ())


class _Usage(click.ClickException):
    """Wrong usage, told in one full sentence."""

    exit_code = 2


class _Sections(click.Group):
    """Lists the commands in the order one meets them, not in the alphabet's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; errors are one line on stderr."""
    try:
        return app.main(args=args, prog_name="vidlab", standalone_mode=False) or 0
    except OSError as error:  # a full disk, a closed terminal
        _complain(f"cannot write: {error.strerror or error}")
        return 1
    except _NO_COMMAND as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "vidlab"
        _complain(f"{error.format_message().rstrip('.')} (see {where} --help)")
        return 2
    except click.ClickException as error:
        _complain(error.format_message())
        return error.exit_code
    except ModuleNotFoundError as error:
        _complain(f"{error.name} is not installed; vidlab needs it: pip install vidlab")
        return 1
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        return 130


@click.group(cls=_Sections, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="vidlab %(version)s")
def app() -> None:
    """A laboratory bench for papers on visual sequences and video.

    \b
    Examples:
      vidlab list                       which labs there are
      vidlab list radialctc             the parameters of one
      vidlab run radialctc              run it, a minute or two on a laptop
      vidlab run radialctc -p scale=32  with another setting
      vidlab report                     which claims held
      vidlab doctor                     is this machine ready?
    """


@app.command("list")
@click.argument("lab", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_command(lab: str | None, as_json: bool) -> int:
    """List the labs, or the parameters of one LAB.

    \b
    Examples:
      vidlab list
      vidlab list radialctc
      vidlab list --json
    """
    from vidlab.labs.catalogue import notebooks_folder, scan

    if lab is not None:
        return _list_parameters(lab, as_json)
    entries, problems = scan()
    for problem in problems:
        _complain(f"left out: {problem}")
    if as_json:
        _print_json([_entry_json(entry) for entry in entries])
    elif not entries:
        _complain(f"there are no labs in {notebooks_folder()}")
    else:
        from vidlab.labs.tables import labs_table

        _console().print(labs_table(entries))
    return 0


@app.command(short_help="Run a lab from its first cell to its last.")
@click.argument("lab")
@click.option("--profile", metavar="quick|full", help="How much to compute.")
@click.option(
    "-p", "given", metavar="NAME=VALUE", multiple=True, help="A parameter; see `vidlab list LAB`."
)
@click.option("--seed", metavar="N", help="Data order, initial weights, sampling.")
@click.option("--device", metavar="auto|cpu|cuda", help="Where to compute.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="runs",
    envvar="VIDLAB_OUT",
    show_default=True,
    show_envvar=True,
    help="Folder of all runs.",
)
@click.option("--timeout", metavar="S", type=float, help="Stop the lab after S seconds.")
@click.option(
    "--resume",
    metavar="[RUN_ID]",
    is_flag=False,
    flag_value=NEWEST,
    help="Go on with the newest unfinished run, or with RUN_ID.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON and nothing else.")
def run(
    lab: str,
    profile: str | None,
    given: tuple[str, ...],
    seed: str | None,
    device: str | None,
    out: Path,
    timeout: float | None,
    resume: str | None,
    as_json: bool,
) -> int:
    """Run LAB (an id, part/id, or a path to a notebook) from its first cell to its last.

    Everything is checked before it starts. The run's folder OUT/LAB/RUN_ID holds the executed
    notebook, the same as HTML, its figures, and record.json with all that was measured. A claim
    that does not hold is a result, not a failure.

    \b
    Examples:
      vidlab run radialctc
      vidlab run radialctc --profile full --device cuda
      vidlab run radialctc -p scale=32 -p 'etas=[0.0, 0.2]' --seed 3
      vidlab run radialctc --resume
      vidlab run my-copy.ipynb --timeout 600 --json
    """
    from vidlab.labs.parameters import ParameterError, from_text
    from vidlab.labs.runs import RunRefused

    common = {"profile": profile, "seed": seed, "device": device}
    words = _words(given, {name: word for name, word in common.items() if word is not None})
    _, declared = _declared(lab)
    # An undeclared name is kept as it is, for the check to name it.
    values = {n: from_text(declared[n], w) if n in declared else w for n, w in words.items()}

    from vidlab.labs.live import shown
    from vidlab.labs.report import last_line, print_result
    from vidlab.labs.run import run_lab

    try:
        with shown(_console(stderr=as_json)) as on_event:
            result = run_lab(
                lab, values, out=out, timeout=timeout, resume=resume, on_event=on_event
            )
    except (ParameterError, RunRefused) as error:
        raise _Usage(str(error)) from None
    if as_json:
        _print_json({**result.record, "paths": result.paths})
    elif result.record["status"] == "finished":
        print_result(_console(), result)
    if result.record["status"] == "finished":
        return 0
    _complain(last_line(lab, result, out))
    return 130 if result.stopped_by == "user" else 1


@app.command(short_help="Which claims hold: the scoreboard of all runs.")
@click.argument(
    "where",
    metavar="[DIR]...",
    nargs=-1,
    type=click.Path(path_type=Path),
    default=("runs",),
    envvar="VIDLAB_OUT",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "html"]),
    help="By default what the name of --out says, else a table.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to a file.")
def report(where: tuple[Path, ...], form: str | None, out: Path | None) -> int:
    """Show which claims hold, by the record.json files in all DIR (default: runs).

    For each claim the paper's number, ours at each profile, and the verdict. A run with other
    settings than its lab's defaults is never mixed with the rest; one that is unfinished or
    unreadable is named and left out.

    \b
    Examples:
      vidlab report
      vidlab report --out scoreboard.html
      vidlab report runs other-runs --format csv
    """
    from vidlab.labs.scoreboard import BoardError, find_records, read_board
    from vidlab.labs.scoreboard_report import format_of, written

    try:
        form = format_of(form, out)
        if not find_records(where):
            folders = ", ".join(map(str, where))
            raise BoardError(f"there is no record.json in {folders}; `vidlab run LAB` makes one")
        board = read_board(where)
    except BoardError as error:
        raise _Usage(str(error)) from None
    for line in [*board.notes, *(f"left out: {line}" for line in board.left_out)]:
        _complain(line)
    if not board.rows:
        raise _Usage("no run that finished made a claim")
    text = written(board, form, out, _console())
    if out is None:
        click.echo(text, nl=False)
    else:
        from vidlab.labs.record import write_text

        write_text(out, text)
    return 0


@app.command(short_help="Build the book: a page for each lab, the scoreboard, the library.")
@click.option("--lab", "labs", metavar="LAB", multiple=True, help="Only this lab; repeatable.")
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default="runs",
    envvar="VIDLAB_OUT",
    show_default=True,
    show_envvar=True,
    help="Folder of all runs.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="book/_build/html",
    show_default=True,
    help="Folder of the finished pages.",
)
@click.option(
    "--records",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="More records for the scoreboard, a file or a folder; repeatable.",
)
def book(labs: tuple[str, ...], runs: Path, out: Path, records: tuple[Path, ...]) -> int:
    """Build the book from executed labs, ready to read offline.

    A page is made of a finished quick run in RUNS of the lab as it stands now. Labs without one
    are run first, a minute or two each; what is finished counts the next time.

    \b
    Examples:
      vidlab book
      vidlab book --lab radialctc --out draft
      vidlab book --records runs-on-the-gpu
    """
    from vidlab.book.build import BookError, build_book
    from vidlab.labs.catalogue import CatalogueError, find_lab, scan
    from vidlab.labs.live import shown
    from vidlab.labs.runs import RunRefused

    console = _console()
    try:
        entries = [find_lab(lab) for lab in labs] or scan()[0]
        with shown(console) as on_event:
            page = build_book(
                entries,
                out,
                runs,
                records=records,
                on_run=lambda entry: on_event(("note", f"running {entry.id}")),
                on_event=on_event,
                on_step=lambda step: on_event(("note", step)),
            )
    except (CatalogueError, RunRefused) as error:
        raise _Usage(str(error)) from None
    except BookError as error:
        click.echo(f"vidlab: {error}", err=True)  # may hold many lines of Sphinx's
        return 1
    console.print(f"book  {page}", soft_wrap=True, markup=False, highlight=False)
    return 0


@app.group()
def data() -> None:
    """What the labs compute on.

    \b
    Example:
      vidlab data check
    """


@data.command("check")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Folder that holds full data sets."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def data_check(data_dir: Path | None, as_json: bool) -> int:
    """Say for each data set whether it is there and, if not, how to get it.

    Every video in DATA_DIR/ucf101, DATA_DIR/hmdb51 and DATA_DIR/videos is opened, and every frame
    folder in DATA_DIR/phoenix2014, DATA_DIR/phoenix2014t and DATA_DIR/csl-daily; what is missing or
    cannot be read is listed: for each the first twenty, and how many there are. Exit status 1 means
    that the data shipped with vidlab is broken; real data sets are optional.

    \b
    Examples:
      vidlab data check
      vidlab data check --data-dir ~/data
    """
    from vidlab.datasets import check

    if data_dir is not None and not data_dir.is_dir():
        raise _Usage(f"--data-dir: {data_dir} is not a folder")
    with _counting() as progress:
        found = check(data_dir, progress=progress)
    ok = all(item.ok for item in found if item.shipped)
    if as_json:
        _print_json({"ok": ok, "found": [asdict(item) for item in found]})
        return 0 if ok else 1
    from vidlab.labs.doctor import data_checks
    from vidlab.labs.report import print_problems
    from vidlab.labs.tables import checks_table

    _console().print(checks_table(data_checks(found)))
    print_problems(_console(), found)
    return 0 if ok else 1


@app.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="runs",
    envvar="VIDLAB_OUT",
    help="Folder of all runs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def doctor(out: Path, as_json: bool) -> int:
    """Check this machine: packages, devices, labs, data.

    \b
    Examples:
      vidlab doctor
      vidlab doctor --json
    """
    from vidlab.labs.doctor import Check, data_checks, examine

    checks = examine(out)
    try:
        from vidlab.datasets import check

        checks += data_checks(check(None))
    except ImportError as error:  # the doctor is called when things are missing
        checks.append(Check("data", False, f"cannot be looked at ({error})"))
    ok = all(check.ok is not False for check in checks)
    if as_json:
        _print_json({"ok": ok, "checks": [asdict(check) for check in checks]})
        return 0 if ok else 1
    from vidlab.labs.tables import checks_table

    _console().print(checks_table(checks))
    return 0 if ok else 1


def _list_parameters(lab: str, as_json: bool) -> int:
    entry, declared = _declared(lab)
    if as_json:
        parameters = [asdict(parameter) for parameter in declared.values()]
        _print_json({**_entry_json(entry), "parameters": parameters})
        return 0
    from vidlab.labs.report import print_lab

    print_lab(_console(), entry, declared.values())
    return 0


def _declared(lab: str):
    """A lab's entry and its declared parameters; wrong usage when there is no such lab."""
    from vidlab.labs.catalogue import CatalogueError, find_lab, read_notebook
    from vidlab.labs.parameters import ParameterError, read_parameters

    try:
        entry = find_lab(lab)
        return entry, read_parameters(read_notebook(entry.path), str(entry.path))
    except (CatalogueError, ParameterError) as error:
        raise _Usage(str(error)) from None


def _words(given: tuple[str, ...], common: dict[str, str]) -> dict[str, str]:
    """NAME=VALUE pairs and the options for the common parameters, each name once."""
    words = dict(common)
    for pair in given:
        name, equals, word = pair.partition("=")
        if not equals or not name:
            raise _Usage(f"-p {pair}: allowed is NAME=VALUE, for example -p scale=32.")
        if name in words:
            raise _Usage(f"parameter {name} was given twice.")
        words[name] = word
    return words


def _entry_json(entry) -> dict:
    return {**asdict(entry), "path": str(entry.path)}


@contextmanager
def _counting():
    """Yields ``progress(name, done, total)``, a bar for each data set on a terminal."""
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    console = _console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(f"opening {name}", total=total)
            bars.update(tasks[name], completed=done)

        yield progress


def _console(stderr: bool = False):
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # A pipe or a file has no width of its own.
    return Console(stderr=stderr, width=None if stream.isatty() else 140)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def _complain(sentence: str) -> None:
    from vidlab.labs.text import one_line

    click.echo(f"vidlab: {one_line(sentence, 2000)}", err=True)


if __name__ == "__main__":
    sys.exit(main())
