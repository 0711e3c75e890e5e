"""The command line: it parses, calls the public classes and prints.

A module for each command, and one for each group of options that is too long for its command's. `groups` says how
options and commands are grouped, `commands` writes the help from that, `elsewhere` answers what others call otherwise;
`printing` writes every line that the others have to say.

May import: `_version`, `adaptation`, `audio`, `calibration`, `corpus_run`, `doctor`, `engine`, `errors`, `evaluation`,
`executors`, `export`, `features`, `languages`, `model_dir`, `models`, `options`, `output`, `plan`, `readers`,
`records`, `review`, `reviews`, `search`, `stats`, `system`, `text`, `web`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Any

import click

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.cli.adapt import adapt_command
from anime_whisper_ct2.cli.average import average_command
from anime_whisper_ct2.cli.calibrate import calibrate_command
from anime_whisper_ct2.cli.commands import Group
from anime_whisper_ct2.cli.convert import convert
from anime_whisper_ct2.cli.correct import correct_command
from anime_whisper_ct2.cli.doctor import doctor
from anime_whisper_ct2.cli.ending import interrupted, say_interrupted
from anime_whisper_ct2.cli.eval import eval_command
from anime_whisper_ct2.cli.export import export_command
from anime_whisper_ct2.cli.merge import merge_command
from anime_whisper_ct2.cli.printing import note, printed_by_click, say, settle, steady
from anime_whisper_ct2.cli.progress import EXIT_INTERRUPTED
from anime_whisper_ct2.cli.review import review_command
from anime_whisper_ct2.cli.run import run
from anime_whisper_ct2.cli.stats import stats_command
from anime_whisper_ct2.errors import Awct2Error

__all__ = ["main"]


class _Fault(Exception):
    """A fault of a command, that click would take for one of its own: a closed pipe, or Ctrl-D at a question."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Group(Group):
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = "awct2",
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command with its arguments as they are, and with streams that take every character.

        By itself, click prints completions alone: its errors are given back, and what it says of them goes by `note`.
        """
        steady()
        # On Windows, click would expand patterns, `~` and `%NAME%` in every argument, also in options' values.
        extra["windows_expand_args"] = False
        ended = None
        try:
            with printed_by_click():
                ended = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except _Fault as fault:
            raise fault.error from None
        except click.Abort:
            # Before a command has begun.
            say_interrupted()
            ended = EXIT_INTERRUPTED
        except (Awct2Error, click.ClickException) as error:
            if not standalone_mode:
                raise
            note(_line(error))
            ended = error.exit_code
        finally:
            settle()
        if standalone_mode:
            sys.exit(ended)
        return ended

    def invoke(self, ctx: click.Context) -> Any:
        """Turn Ctrl-C and its like into the shell's exit status."""
        try:
            with interrupted():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            say_interrupted()
            ctx.exit(EXIT_INTERRUPTED)
        except (OSError, EOFError) as error:
            raise _Fault(error) from error


def _line(error: Awct2Error | click.ClickException) -> str:
    """Give what is printed of an error: a line, and for a wrong use how it is right."""
    if isinstance(error, Awct2Error):
        return f"Error: {error}"
    shown = io.StringIO()
    error.show(shown)
    return shown.getvalue().rstrip("\n")


def _version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        say(f"awct2, version {__version__}")
        ctx.exit()


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`awct2 COMMAND -h` shows the options of a command, with examples.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
def main() -> None:
    """Anime Whisper on CTranslate2: convert the model once, then transcribe whole corpora.

    \b
    Example:
      awct2 run corpus/ -o transcripts/
    """


# In the order in which somebody new needs them: the work, what becomes of it, and what is done once.
main.add_section("Transcribe", run, merge_command)
main.add_section("Results", export_command, stats_command, review_command, correct_command, eval_command)
main.add_section("Models", convert, average_command, adapt_command, calibrate_command)
main.add_section("This machine", doctor)
