"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from anime_whisper_ct2.cli.groups import option_of
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.languages import code_of
from anime_whisper_ct2.options import AUDIO, ENGINE, ComputeType, Device
from anime_whisper_ct2.output.storage import local_path
from anime_whisper_ct2.system.paths import as_named, why_no_place

# Each is in the same group wherever it is.
device_option = option_of("Model and device")(
    "--device",
    type=click.Choice(get_args(Device)),
    default=ENGINE.device,
    show_default=True,
    help="Where the model computes; auto: on a GPU where there is one.",
)
compute_type_option = option_of("Model and device")(
    "--compute-type",
    metavar="TYPE",
    type=click.Choice(get_args(ComputeType)),
    default=ENGINE.compute_type,
    show_default=True,
    help=f"Precision: {', '.join(get_args(ComputeType))}; 'default' is the converted one, or the nearest that "
    "the device computes.",
)
channel_option = option_of("Sound")(
    "--channel",
    metavar="mix|left|right|N",
    default=AUDIO.channel,
    show_default=True,
    help="Which channel is heard: the mix of all, left, right, or the one of this number, counting from 1.",
)
audio_column_option = option_of("Recordings")(
    "--audio-column",
    metavar="NAME",
    help="Key or column that holds the audio, in manifests and tables. [default: guessed]",
)


def read_part(_ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Read `0/4` as (0, 4); which parts there can be, others say."""
    if value is None:
        return None
    try:
        part, parts = (int(number) for number in value.split("/"))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no part such as 0/4", param=param) from None
    return part, parts


class LocalPath(click.Path):
    """Where something is written that can be written here only, as a Path; a URL is refused."""

    def __init__(self, *, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, file_okay=file_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse a URL, which as a path would be a folder called `s3:`; one of a file here is its path.

        `~/` is the home folder. On Windows, the spaces and dots at the end go, as they do from every name there.
        """
        if isinstance(value, str):
            if (path := local_path(value)) is None:
                self.fail(f"{value!r} is a URL, and this command writes to local folders alone.", param, ctx)
            value = self.usable(path, param, ctx)
        return super().convert(value, param, ctx)

    def usable(self, path: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give a path as Windows names it; what can be no place there is refused."""
        if why := why_no_place(path):
            self.fail(f"{path!r}: {why}; name another place.", param, ctx)
        return as_named(path)


def language_code(_ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Take Whisper's code of a language; what else the language is called is refused, with the code."""
    if code := code_of(value):
        raise click.BadParameter(f"{value!r} is {code!r} to Whisper; give --language {code}.", param=param)
    return value


def check_has_output(run: str, output: Path | None, what: str) -> None:
    """Refuse to put something into a run that is not here, before that is fetched."""
    if output is None and local_path(run) is None:
        raise InputError(f"no folder named for {what}, and the run is behind a URL; name a local one with -o")
