"""`awct2 doctor`: what works here, and what mends the rest."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from functools import partial

import click

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.printing import say, say_json
from anime_whisper_ct2.cli.progress import ConversionProgress
from anime_whisper_ct2.doctor import Check, Probes, State, examine, passed
from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.models import resolve_model

_COLOURS: dict[State, str] = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "bright_black"}
_STATE_WIDTH = max(map(len, _COLOURS))
_NAME_WIDTH = len("engine on the CPU")


@click.command(cls=Command)
@click.option(
    "-m",
    "--model",
    metavar="MODEL",
    help="Try the engine with this model, named as for `awct2 run`, and like there converted first if it has to be. "
    "[default: the default model, if it is converted already]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the same as one JSON object.")
def doctor(model: str | None, as_json: bool) -> None:
    """Examine this machine, and say what mends each fault.

    Looked at are Python, GPU, driver, cuBLAS, audio decoders, model and engine.

    Exit status: 0 nothing failed (a machine without a GPU is fine), 1 something did.

    \b
    Examples:
      awct2 doctor
      awct2 doctor --model my-finetune-ct2/ --json
    """
    checks: list[Check] = []
    with ConversionProgress() as progress:
        for check in examine(model, Probes(resolve=partial(resolve_model, progress=progress))):
            checks.append(check)
            if not as_json:
                _print(check)
    if as_json:
        say_json({"ok": passed(checks), "version": __version__, "checks": [asdict(check) for check in checks]})
    else:
        counts = Counter(check.state for check in checks)
        say(", ".join(_counted(counts[state], state) for state in _COLOURS if counts[state]))
    if not passed(checks):
        sys.exit(1)


def _counted(count: int, state: State) -> str:
    return counted(count, state) if state == "warning" else f"{count} {state}"


def _print(check: Check) -> None:
    state = click.style(check.state.ljust(_STATE_WIDTH), fg=_COLOURS[check.state])
    say(f"{state}  {check.name.ljust(_NAME_WIDTH)}  {_in_one_line(check.found)}")
    if check.remedy:
        say(f"{' ' * (_STATE_WIDTH + 4)}{_in_one_line(check.remedy)}")


def _in_one_line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())
