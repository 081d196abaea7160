"""`vidlab report` and `vidlab book`: what became of the runs."""

from __future__ import annotations

from pathlib import Path

import click

from vidlab.cli.common import Usage, complain, console_for


@click.command(short_help="Which claims hold: the scoreboard of all runs.")
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
        raise Usage(str(error)) from None
    for line in [*board.notes, *(f"left out: {line}" for line in board.left_out)]:
        complain(line)
    if not board.rows:
        raise Usage("no run that finished made a claim")
    text = written(board, form, out, console_for())
    if out is None:
        click.echo(text, nl=False)
    else:
        from vidlab.labs.record import write_text

        write_text(out, text)
    return 0


@click.command(short_help="Build the book: a page for each lab, the scoreboard, the library.")
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

    console = console_for()
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
        raise Usage(str(error)) from None
    except BookError as error:
        click.echo(f"vidlab: {error}", err=True)  # may hold many lines of Sphinx's
        return 1
    console.print(f"book  {page}", soft_wrap=True, markup=False, highlight=False)
    return 0
