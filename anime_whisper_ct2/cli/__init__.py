"""The command line: it parses, calls the public classes and prints.

A module for each command, and one for each group of options that is too long for its command's. `groups` says how
options and commands are grouped, `commands` writes the help from that, `elsewhere` answers what others call otherwise.

May import: `_version`, `audio`, `calibration`, `corpus_run`, `doctor`, `errors`, `evaluation`, `executors`, `export`,
`features`, `languages`, `model_dir`, `models`, `options`, `output`, `plan`, `readers`, `records`, `stats`, `text`.
"""

from __future__ import annotations

from typing import Any

import click

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.cli.calibrate import calibrate_command
from anime_whisper_ct2.cli.commands import Group
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


class _Group(Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Turn our errors into one line and their exit status, and Ctrl-C into the shell's."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(EXIT_INTERRUPTED)
        except Awct2Error as error:
            raise _Shown(error) from error


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`awct2 COMMAND -h` shows the options of a command, with examples.",
)
@click.version_option(__version__, prog_name="awct2")
def main() -> None:
    """Anime Whisper on CTranslate2: convert the model once, then transcribe whole corpora.

    \b
    Example:
      awct2 run corpus/ -o transcripts/
    """


# In the order in which somebody new needs them: the work, what becomes of it, and what is done once.
main.add_section("Transcribe", run, merge_command)
main.add_section("Results", export_command, stats_command, eval_command)
main.add_section("Models", convert, calibrate_command)
main.add_section("This machine", doctor)
