"""`awct2 calibrate`: what may be relied on with this model and these clips?"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click.core import ParameterSource

from anime_whisper_ct2.calibration import CalibrationOptions, calibrate, write_profile
from anime_whisper_ct2.calibration.chart import draw_chart
from anime_whisper_ct2.calibration.report import as_json, as_table, verdicts
from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.ending import expendable
from anime_whisper_ct2.cli.groups import option_of
from anime_whisper_ct2.cli.printing import note, say, say_json
from anime_whisper_ct2.cli.progress import ConversionProgress
from anime_whisper_ct2.cli.shared import LocalPath, channel_option, compute_type_option, device_option
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.options import AudioOptions, ComputeType, Device, EngineOptions, RunOptions
from anime_whisper_ct2.output.charts import check_chart
from anime_whisper_ct2.readers import Corpus

EXIT_NOT_PASSED = 3
_DEFAULTS = CalibrationOptions()
_measure, _result = map(option_of, ("Measurement", "Output"))


@click.command(name="calibrate", cls=Command)
@click.argument("model")
@click.argument("corpus", metavar="CORPUS...", nargs=-1, required=True)
@_measure(
    "--clips",
    metavar="N",
    type=int,
    default=_DEFAULTS.clips,
    show_default=True,
    help="Clips of up to 30 s to measure with.",
)
@_measure(
    "--tail",
    "tails",
    metavar="SECONDS",
    type=float,
    multiple=True,
    default=_DEFAULTS.tails_s,
    show_default=True,
    help="Silence behind the clip (repeatable).",
)
@_measure(
    "--max-cer",
    metavar="PERCENT",
    type=float,
    default=_DEFAULTS.max_cer,
    show_default=True,
    help="How many of the characters may differ from the text at 30 s.",
)
@_measure(
    "--references",
    metavar="REF",
    help="The clips' right texts, as for `awct2 eval`; meta: those that the corpus brings along. With them, a tail may "
    "pass by --max-cer-rise, and it is measured from where on a text is doubtful.",
)
@_measure(
    "--max-cer-rise",
    metavar="POINTS",
    type=float,
    default=_DEFAULTS.max_cer_rise,
    show_default=True,
    help="With --references: by how many percent points the CER may rise, at the upper end of its 95 % interval.",
)
@device_option
@compute_type_option
@channel_option
@_result("--dry-run", is_flag=True, help="Measure and say, but leave the model's folder as it is.")
@_result("--json", "as_json_", is_flag=True, help="Print JSON instead of the table.")
@_result("--plot", metavar="FILE", type=LocalPath(), help="Write a chart, .svg or .png; needs the extra [plot].")
def calibrate_command(
    model: str,
    corpus: tuple[str, ...],
    clips: int,
    tails: tuple[float, ...],
    max_cer: float,
    references: str | None,
    max_cer_rise: float,
    channel: str,
    device: Device,
    compute_type: ComputeType,
    dry_run: bool,
    as_json_: bool,
    plot: Path | None,
) -> None:
    """Measure on clips of CORPUS... what MODEL can be relied on for.

    `awct2 run` goes by it: it is kept in the awct2.json of the converted folder. Clips are decoded at 30 s and with
    several tails of silence; the fastest tail whose texts differ from those at 30 s in no more than --max-cer, with no
    more loops, is what --window auto then uses. With references, texts may also differ, if they are as good: the CER is
    sure to rise by no more than --max-cer-rise. References also show from which doubt on lines with a CER of 30 % or
    more are found, for the mark doubtful; recordings that have one are drawn before others, up to twice --clips. Sounds
    in which nobody speaks show whether the model can tell, and from which probability on a segment is marked no_speech.
    MODEL is named as for `awct2 run`, CORPUS... as its INPUT.

    Exit status: 0 a tail passed, 3 none did; the model then runs with full windows.

    \b
    Examples:
      awct2 calibrate litagin/anime-whisper corpus/ --plot tails.svg
      awct2 calibrate litagin/anime-whisper corpus/ --references references.csv
      awct2 calibrate my-model/ galgame-000.tar --references meta --clips 2000
    """
    if plot is not None:
        check_chart(plot)
    if references is None and _is_given("max_cer_rise"):
        raise InputError("--max-cer-rise is for --references: without any, no CER is known; give them, or leave it out")
    options = CalibrationOptions(clips, tuple(sorted(set(tails))), max_cer, max_cer_rise)
    audio, files = AudioOptions(channel), Corpus(corpus)
    files.check_lists()
    if nothing := files.why_nothing():
        raise InputError(nothing)
    with ConversionProgress() as progress:
        model_dir = resolve_model(model, progress=progress)
    with expendable():
        engine = open_whisper(model_dir, RunOptions(engine=EngineOptions(device=device, compute_type=compute_type)))
        try:
            measured = calibrate(
                engine,
                files,
                options,
                references=references,
                audio=audio,
                on_progress=note,
            )
            if not dry_run:
                write_profile(model_dir, measured, engine)
        finally:
            engine.close()
    if as_json_:
        say_json(as_json(measured))
    else:
        say(as_table(measured))
    for line in verdicts(measured):
        note(line)
    if plot is not None:
        draw_chart(measured, plot)
    if measured.chosen is None:
        sys.exit(EXIT_NOT_PASSED)


def _is_given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
