"""The command line: it parses, calls the public classes and prints."""

from __future__ import annotations

from typing import Any

import click

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.cli.calibrate import calibrate_command
from anime_whisper_ct2.cli.convert import convert
from anime_whisper_ct2.cli.doctor import doctor
from anime_whisper_ct2.cli.eval import eval_command
from anime_whisper_ct2.cli.export import export_command
from anime_whisper_ct2.cli.merge import merge_command
from anime_whisper_ct2.cli.progress import EXIT_INTERRUPTED
from anime_whisper_ct2.cli.run import run
from anime_whisper_ct2.cli.stats import stats_command
from anime_whisper_ct2.errors import Awct2Error

__all__ = ["main"]


class _Shown(click.ClickException):
    def __init__(self, error: Awct2Error) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc] # click reads it from the instance


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Turn our errors into one line and their exit status, and Ctrl-C into the shell's."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(EXIT_INTERRUPTED)
        except Awct2Error as error:
            raise _Shown(error) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="awct2")
def main() -> None:
    """Anime Whisper on CTranslate2: convert the model once, then transcribe whole corpora.

    \b
    Example:
      awct2 run corpus/ -o transcripts/
    """


main.add_command(calibrate_command)
main.add_command(convert)
main.add_command(doctor)
main.add_command(eval_command)
main.add_command(export_command)
main.add_command(merge_command)
main.add_command(run)
main.add_command(stats_command)
