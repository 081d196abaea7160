"""`vidlab batch` and `vidlab reproduce`: many runs at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from vidlab.cli.common import Usage, complain, console_for, print_json

_MOST_TOLD = 10  # failed runs that get a line each; failures.md has them all


def _how(command: Callable) -> Callable:
    """The options of both commands: where the runs go, and what makes and limits them."""
    options = (
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            default="batches",
            show_default=True,
            help="Folder of all batches.",
        ),
        click.option(
            "--jobs",
            "workers",
            metavar="N",
            type=click.IntRange(1, 1024),
            help="Runs at a time on this machine; by default half the cores.",
        ),
        click.option(
            "--timeout", metavar="S", type=float, help="Seconds of wall time for each run."
        ),
        click.option(
            "--scheduler", metavar="tcp://…", help="Run on a Dask cluster instead of here."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(short_help="Run a sweep: labs x parameters x seeds, in parallel.")
@click.argument(
    "sweep_file", metavar="[SWEEP.yaml]", required=False, type=click.Path(path_type=Path)
)
@click.option("--lab", "labs", metavar="LAB", multiple=True, help="A lab to run; repeatable.")
@click.option("--profile", "profiles", metavar="quick|full", multiple=True, help="Repeatable.")
@click.option("--seeds", metavar="0..4", help="A range, both ends included, or a list: 0,3,5.")
@click.option(
    "-p",
    "given",
    metavar="NAME=V1,V2",
    multiple=True,
    help="A parameter and the values it takes; repeatable: every combination runs.",
)
@click.option("--device", metavar="auto|cpu|cuda", help="Where to compute.")
@click.option("--name", help="Name of the batch's folder; by default the sweep file's.")
@_how
@click.option("--memory", metavar="4G", help="Memory for each run.")
@click.option("--resume", is_flag=True, help="Go on: finished runs are kept, others continue.")
@click.option("--json", "as_json", is_flag=True, help="Print how each run ended as JSON.")
def batch(
    sweep_file: Path | None,
    labs: tuple[str, ...],
    profiles: tuple[str, ...],
    seeds: str | None,
    given: tuple[str, ...],
    device: str | None,
    name: str | None,
    out: Path,
    workers: int | None,
    timeout: float | None,
    memory: str | None,
    resume: bool,
    scheduler: str | None,
    as_json: bool,
) -> int:
    """Run every combination of labs, parameters and seeds, several at a time.

    What to run stands in a sweep file (YAML) or in the flags. Everything is checked before the
    first run starts; one that fails, hangs or is killed never stops the others. OUT/NAME then
    holds all runs, tables (results, claims, runs), failures.md and summary.ipynb. Whatever
    interrupts it, --resume goes on.

    \b
    Examples:
      vidlab batch sweep.yaml
      vidlab batch --lab radialctc --seeds 0..4 -p scale=8,16 --name scale
      vidlab batch sweep.yaml --resume
      vidlab batch sweep.yaml --scheduler tcp://head-node:8786

    \b
    A sweep file:
      runs:
        - lab: radialctc
          seeds: 0..4
          grid: {scale: [8, 16]}
      limits: {timeout: 600, memory: 4G}
    """
    from vidlab.batch.sweep import SweepError

    try:
        sweep = _sweep(sweep_file, labs, profiles, seeds, given, device, name, timeout, memory)
        console = console_for(stderr=as_json)
        outcomes, stopped = _run(sweep, out, workers, scheduler, resume, console)
    except SweepError as error:
        raise Usage(str(error)) from None
    if as_json:
        print_json([vars(outcome) for outcome in outcomes])
    return _report(sweep, out, outcomes, stopped, console)


@click.command(short_help="A paper's table made again: ours beside the printed numbers.")
@click.argument("table", required=False)
@click.option("--profile", type=click.Choice(["quick", "full"]), default="quick", show_default=True)
@click.option("--seeds", metavar="0..2", default="0", show_default=True, help="A range or a list.")
@click.option(
    "-p", "given", metavar="NAME=VALUE", multiple=True, help="A parameter of all runs; repeatable."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@_how
def reproduce(
    table: str | None,
    profile: str,
    seeds: str,
    given: tuple[str, ...],
    device: str,
    out: Path,
    workers: int | None,
    timeout: float | None,
    scheduler: str | None,
) -> int:
    """Make the runs that a TABLE of a paper needs, and print our numbers beside the paper's.

    Without TABLE: list those there are. Runs that are finished are kept, so more seeds can be
    added later, and an interrupted one goes on with the same command.

    \b
    Examples:
      vidlab reproduce
      vidlab reproduce bitconv3d-memory
      vidlab reproduce radialctc-eta --seeds 0..2 --jobs 2
      vidlab reproduce radialctc-eta -p epochs=40
      vidlab reproduce radialctc-table4 --profile full --device cuda
    """
    from vidlab.batch import reproduce as tables
    from vidlab.batch.sweep import Limits, SweepError, seeds_of
    from vidlab.labs.tables import plain_table

    known = tables.paper_tables()
    console = console_for()
    if table is None:
        rows = [(t.id, t.title, t.source, t.lab) for t in known.values()]
        console.print(plain_table(("table", "title", "source", "lab"), rows))
        return 0
    if table not in known:
        raise Usage(f"there is no table {table}; there are: {', '.join(known)}.")
    chosen = known[table]
    try:
        numbers = seeds_of(seeds)
        asked = {"profile": profile, "seeds": numbers, "device": device}
        asked["settings"] = _pairs(given, "NAME=VALUE")
        sweep = tables.sweep_of_table(chosen, **asked, limits=Limits(timeout))
        outcomes, stopped = _run(sweep, out, workers, scheduler, True, console)
    except SweepError as error:
        raise Usage(str(error)) from None
    folder = (out / sweep.name).expanduser()
    compared = tables.compare(chosen, folder, **asked)
    written = tables.write_comparison(folder, chosen, compared)
    console.print(f"{chosen.title} ({chosen.source})", markup=False, style="bold")
    heads = ("row", "column", "paper", "ours", "smallest … largest", "difference", "seeds")
    console.print(plain_table(heads, tables.formatted(compared)))
    if chosen.note:
        console.print(chosen.note, markup=False, highlight=False)
    return _report(sweep, out, outcomes, stopped, console, written)


def _run(sweep, out, workers, scheduler, resume, console):
    """Run the batch with its view; returns how the runs ended and how often the user said stop."""
    from vidlab.batch.batch import run_batch
    from vidlab.batch.live import shown

    workers = workers or max(1, (os.cpu_count() or 1) // 2)
    stopped = 0

    def take(event: tuple) -> None:
        nonlocal stopped
        stopped += event[0] == "stopping"
        on_event(event)

    # A cluster says itself how many runs it takes at a time.
    with _full_disk_told(), shown(console, 0 if scheduler else workers) as on_event:
        outcomes = run_batch(
            sweep, out, workers=workers, scheduler=scheduler, resume=resume, on_event=take
        )
    return outcomes, stopped


def _report(sweep, out, outcomes, stopped, console, written=()) -> int:
    """Write tables, failures and summary, say what failed and where all lies: the exit status."""
    from vidlab.batch.report import write_report

    folder = (out / sweep.name).expanduser()
    with _full_disk_told():
        # Whoever says stop twice does not want to wait for a summary.
        failed, more, problem = write_report(folder, sweep, outcomes, summary=stopped < 2)
    if problem:
        complain(problem)
    waiting = sum(failure.status == "not started" for failure in failed)
    cut_short = sum(failure.status == "interrupted" for failure in failed)
    told = [f for f in failed if f.status not in ("not started", "interrupted")]
    for failure in told[:_MOST_TOLD]:
        where = f", cell {failure.cell}" if failure.cell is not None else ""
        where += f" ({failure.heading})" if failure.heading else ""
        complain(f"{failure.status}: {failure.job.title()}{where}: {failure.message}")
    if len(told) > _MOST_TOLD:
        complain(f"and {len(told) - _MOST_TOLD} more that failed: see failures.md")
    for path in (*written, *more):
        console.print(f"{path.suffix[1:]:<8} {path}", soft_wrap=True, markup=False, highlight=False)
    if waiting or cut_short:
        rest = {"cut short": cut_short, "not started": waiting}
        told = ", ".join(f"{count} {status}" for status, count in rest.items() if count)
        complain(f"{told}; what is finished is kept (`vidlab batch` goes on with --resume)")
    if stopped:
        return 130
    return 1 if failed else 0


@contextmanager
def _full_disk_told() -> Iterator[None]:
    """Say what a full disk means for a batch; other errors go their way."""
    from vidlab.batch.watch import FULL

    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = f" at {error.filename}" if error.filename else ""
        raise OSError(
            error.errno,
            f"{error.strerror}{where}; what is finished is kept: make room, then go on with "
            "--resume",
        ) from None


def _pairs(given: tuple[str, ...], form: str) -> dict[str, str]:
    """What was said with -p: a name and its text, each once."""
    pairs: dict[str, str] = {}
    for pair in given:
        key, equals, text = pair.partition("=")
        if not equals or not key or key in pairs:
            raise Usage(f"-p {pair}: allowed is {form} once for each name.")
        pairs[key] = text
    return pairs


def _sweep(sweep_file, labs, profiles, seeds, given, device, name, timeout, memory):
    """The sweep of a file or of flags; the limits of the flags count in both."""
    from dataclasses import replace

    from vidlab.batch.sweep import Limits, parse_size, read_sweep, sweep_of

    if (sweep_file is None) == (not labs):
        raise Usage("name a sweep file or labs with --lab, one of the two.")
    if sweep_file is None:
        sweep = sweep_of(
            labs,
            name=name or "-".join(labs).replace("/", "-")[:60],
            profiles=profiles,
            seeds=seeds,
            grid=_pairs(given, "NAME=V1,V2"),
            device=device,
        )
    else:
        flags = {"--profile": profiles, "--seeds": seeds, "-p": given, "--device": device}
        odd = [flag for flag, value in flags.items() if value]
        if odd:
            raise Usage(f"{odd[0]}: with a sweep file this stands in the file.")
        sweep = read_sweep(sweep_file)
        sweep = replace(sweep, name=name) if name else sweep
    limits = Limits(
        sweep.limits.timeout if timeout is None else timeout,
        sweep.limits.memory if memory is None else parse_size(memory),
    )
    return replace(sweep, limits=limits)
