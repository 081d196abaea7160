"""`vidlab list` and `vidlab run`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from vidlab.cli.common import Usage, complain, console_for, print_json
from vidlab.labs.runs import NEWEST


@click.command("list")
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
        complain(f"left out: {problem}")
    if as_json:
        print_json([_entry_json(entry) for entry in entries])
    elif not entries:
        complain(f"there are no labs in {notebooks_folder()}")
    else:
        from vidlab.labs.tables import labs_table

        console_for().print(labs_table(entries))
    return 0


@click.command(short_help="Run a lab from its first cell to its last.")
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
        with shown(console_for(stderr=as_json)) as on_event:
            result = run_lab(
                lab, values, out=out, timeout=timeout, resume=resume, on_event=on_event
            )
    except (ParameterError, RunRefused) as error:
        raise Usage(str(error)) from None
    if as_json:
        print_json({**result.record, "paths": result.paths})
    elif result.record["status"] == "finished":
        print_result(console_for(), result)
    if result.record["status"] == "finished":
        return 0
    complain(last_line(lab, result, out))
    return 130 if result.stopped_by == "user" else 1


def _list_parameters(lab: str, as_json: bool) -> int:
    entry, declared = _declared(lab)
    if as_json:
        parameters = [asdict(parameter) for parameter in declared.values()]
        print_json({**_entry_json(entry), "parameters": parameters})
        return 0
    from vidlab.labs.report import print_lab

    print_lab(console_for(), entry, declared.values())
    return 0


def _declared(lab: str):
    """A lab's entry and its declared parameters; wrong usage when there is no such lab."""
    from vidlab.labs.catalogue import CatalogueError, find_lab, read_notebook
    from vidlab.labs.parameters import ParameterError, read_parameters

    try:
        entry = find_lab(lab)
        return entry, read_parameters(read_notebook(entry.path), str(entry.path))
    except (CatalogueError, ParameterError) as error:
        raise Usage(str(error)) from None


def _words(given: tuple[str, ...], common: dict[str, str]) -> dict[str, str]:
    """NAME=VALUE pairs and the options for the common parameters, each name once."""
    words = dict(common)
    for pair in given:
        name, equals, word = pair.partition("=")
        if not equals or not name:
            raise Usage(f"-p {pair}: allowed is NAME=VALUE, for example -p scale=32.")
        if name in words:
            raise Usage(f"parameter {name} was given twice.")
        words[name] = word
    return words


def _entry_json(entry) -> dict:
    return {**asdict(entry), "path": str(entry.path)}
