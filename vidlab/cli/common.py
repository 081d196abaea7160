"""What the commands share: errors, the console, JSON."""

from __future__ import annotations

import json
import sys

import click


class Usage(click.ClickException):
    """Wrong usage, told in one full sentence."""

    exit_code = 2


def console_for(stderr: bool = False):
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # A pipe or a file has no width of its own.
    return Console(stderr=stderr, width=None if stream.isatty() else 140)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def complain(sentence: str) -> None:
    from vidlab.labs.text import one_line

    click.echo(f"vidlab: {one_line(sentence, 2000)}", err=True)
