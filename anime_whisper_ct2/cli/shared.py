"""Options that several commands have."""

from __future__ import annotations

from typing import get_args

import click

from anime_whisper_ct2.options import ENGINE, ComputeType, Device

device_option = click.option(
    "--device",
    type=click.Choice(get_args(Device)),
    default=ENGINE.device,
    show_default=True,
    help="Where the model computes; auto: on a GPU where there is one.",
)
compute_type_option = click.option(
    "--compute-type",
    type=click.Choice(get_args(ComputeType)),
    default=ENGINE.compute_type,
    show_default=True,
    help="Precision; 'default' is the converted one, or the nearest that the device computes.",
)
audio_column_option = click.option(
    "--audio-column",
    metavar="NAME",
    help="Key or column that holds the audio, in manifests and tables. [default: guessed]",
)
