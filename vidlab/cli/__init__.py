"""The command line. Exit status: 0 fine, 1 it failed, 2 wrong usage, 130 interrupted."""

from __future__ import annotations

from collections.abc import Sequence

import click

from vidlab import __version__
from vidlab.cli import batching, machine, results, running, teaching
from vidlab.cli.common import complain

# `vidlab` alone shows its help; click below 8.2 does so without this error.
_NO_COMMAND = getattr(click.exceptions, "NoArgsIsHelpError", ())


class _Sections(click.Group):
    """Lists the commands in the order one meets them, not in the alphabet's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; errors are one line on stderr."""
    try:
        return app.main(args=args, prog_name="vidlab", standalone_mode=False) or 0
    except OSError as error:  # a full disk, a closed terminal
        complain(f"cannot write: {error.strerror or error}")
        return 1
    except _NO_COMMAND as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "vidlab"
        complain(f"{error.format_message().rstrip('.')} (see {where} --help)")
        return 2
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except ModuleNotFoundError as error:
        complain(f"{error.name} is not installed; vidlab needs it: pip install vidlab")
        return 1
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
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
      vidlab batch sweep.yaml           run many, in parallel
      vidlab report                     which claims held
      vidlab doctor                     is this machine ready?
    """


for command in (
    running.list_command,
    running.run,
    batching.batch,
    batching.reproduce,
    results.report,
    results.book,
    teaching.course,
    machine.data,
    machine.doctor,
):
    app.add_command(command)
