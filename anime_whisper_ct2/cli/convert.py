"""`awct2 convert`: a checkpoint in, a folder for CTranslate2 out."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.pacing import duration
from anime_whisper_ct2.cli.printing import note
from anime_whisper_ct2.cli.progress import ConversionProgress
from anime_whisper_ct2.cli.shared import LocalPath
from anime_whisper_ct2.model_dir import DEFAULT_QUANTIZATION, QUANTIZATIONS, is_converted
from anime_whisper_ct2.options import DEFAULT_MODEL
from anime_whisper_ct2.system import waiting


@click.command(cls=Command)
@click.argument("source", default=DEFAULT_MODEL)
@click.argument("output", type=LocalPath(), required=False)
@click.option(
    "--quantization",
    metavar="TYPE",
    type=click.Choice(QUANTIZATIONS),
    default=DEFAULT_QUANTIZATION,
    show_default=True,
    help=f"The type in which the weights are stored: {', '.join(QUANTIZATIONS)}.",
)
@click.option("--revision", metavar="NAME", help="Branch, tag or commit of a hub id.")
@click.option("--force", is_flag=True, help="Replace an existing result; it stays if the conversion fails.")
@click.option(
    "--verify",
    "verified",
    is_flag=True,
    help="Transcribe built-in audio with transformers and with the result and compare the tokens; needs torch.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def convert(
    source: str, output: Path | None, quantization: str, revision: str | None, force: bool, verified: bool, quiet: bool
) -> None:
    """Convert SOURCE, a Whisper checkpoint, into the folder OUTPUT.

    SOURCE is a hub id or a folder. Without OUTPUT the result goes into the cache, where `awct2 run` finds it by the
    same SOURCE (in float16 and without --revision; pass the folder that is printed for any other), and what is there
    already is kept without --force. Needs no torch.

    \b
    Examples:
      awct2 convert
      awct2 convert my-finetune/ my-finetune-ct2/ --quantization int8_float16
    """
    # Imported when it is needed: `awct2 run` with a converted model never loads the converter.
    from anime_whisper_ct2_convert import check_can_verify, default_output, verify  # noqa: PLC0415
    from anime_whisper_ct2_convert import convert as convert_checkpoint  # noqa: PLC0415

    if verified:
        check_can_verify()
    cached = default_output(source, revision=revision, quantization=quantization)
    if output is None and is_converted(cached) and not force:
        path = cached
        if not quiet:
            note(f"{path}: converted before; --force does it again")
    else:
        with ConversionProgress(quiet=quiet) as progress:
            result = convert_checkpoint(
                source, output, quantization=quantization, revision=revision, force=force, progress=progress
            )
        path = result.path
        if not quiet:
            for repair in result.repairs:
                note(f"repaired: {repair}")
            size = f"{result.model_bytes / 1e6:,.0f} MB"
            note(f"{path}: {result.quantization}, {size}, {duration(result.wall_s)}")
    if verified:
        # Networks compute for long between two steps of Python's.
        verification = waiting.apart(partial(verify, source, path, revision=revision))
        note(f"transformers: {verification.reference_text}")
        note(f"converted:    {verification.text}")
        if not verification.passed:
            note(f"Error: only {verification.agreement:.0%} of the tokens agree")
            sys.exit(1)
        note(f"verified: {verification.agreement:.0%} of the tokens agree")
