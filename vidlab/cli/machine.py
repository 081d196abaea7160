"""`vidlab data` and `vidlab doctor`: what is on this machine."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from vidlab.cli.common import Usage, console_for, print_json


@click.group()
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
        raise Usage(f"--data-dir: {data_dir} is not a folder")
    with _counting() as progress:
        found = check(data_dir, progress=progress)
    ok = all(item.ok for item in found if item.shipped)
    if as_json:
        print_json({"ok": ok, "found": [asdict(item) for item in found]})
        return 0 if ok else 1
    from vidlab.labs.doctor import data_checks
    from vidlab.labs.report import print_problems
    from vidlab.labs.tables import checks_table

    console_for().print(checks_table(data_checks(found)))
    print_problems(console_for(), found)
    return 0 if ok else 1


@click.command()
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
        print_json({"ok": ok, "checks": [asdict(check) for check in checks]})
        return 0 if ok else 1
    from vidlab.labs.tables import checks_table

    console_for().print(checks_table(checks))
    return 0 if ok else 1


@contextmanager
def _counting():
    """Yields ``progress(name, done, total)``, a bar for each data set on a terminal."""
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    console = console_for(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(f"opening {name}", total=total)
            bars.update(tasks[name], completed=done)

        yield progress
