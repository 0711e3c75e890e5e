"""`awct2 adapt`: a checkpoint in, one that does without the silence behind a clip out."""

from __future__ import annotations

import sys
from typing import Any

import click

from anime_whisper_ct2.adaptation.options import TRAINS, AdaptOptions
from anime_whisper_ct2.adaptation.place import check_place, work_folder
from anime_whisper_ct2.adaptation.publishing import settle
from anime_whisper_ct2.adaptation.report import CHART, as_json, as_table, verdicts
from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.ending import expendable
from anime_whisper_ct2.cli.extras import check_adapt
from anime_whisper_ct2.cli.groups import option_of
from anime_whisper_ct2.cli.printing import note, say, say_json
from anime_whisper_ct2.cli.progress import AdaptProgress
from anime_whisper_ct2.cli.shared import LocalPath, channel_option, device_option, language_code
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.options import AudioOptions
from anime_whisper_ct2.readers import Corpus

EXIT_NOT_BETTER = 3
_DEFAULTS = AdaptOptions()
_teach, _recordings, _text, _result = map(option_of, ("Teaching", "Recordings", "Text", "Output"))


@click.command(name="adapt", cls=Command, options_metavar="[OPTIONS] -o OUT")
@click.argument("checkpoint")
@click.argument("corpus", metavar="CORPUS...", nargs=-1, required=True)
@_teach(
    "--tail",
    "tails",
    metavar="SECONDS",
    type=float,
    multiple=True,
    default=_DEFAULTS.tails_s,
    show_default=True,
    help="Silence behind the clip (repeatable): all from the shortest to the longest are taught, and each is measured.",
)
@_teach(
    "--train",
    type=click.Choice(TRAINS),
    default=_DEFAULTS.train,
    show_default=True,
    help="What is taught. encoder: the encoder. small: its norms, biases and low-rank updates of its matrices. "
    "all: encoder and decoder.",
)
@_teach(
    "--steps",
    metavar="N",
    type=int,
    default=_DEFAULTS.steps,
    show_default=True,
    help="Steps of the training.",
)
@_teach(
    "--batch-size",
    metavar="N",
    type=int,
    default=_DEFAULTS.batch_size,
    show_default=True,
    help="Clips in a step; of 30 s windows, a fourth of that.",
)
@_teach(
    "--learning-rate",
    metavar="RATE",
    type=float,
    default=_DEFAULTS.learning_rate,
    show_default=True,
    help="At its height: it rises over the first steps, then falls to 0.",
)
@_recordings(
    "--clips",
    metavar="N",
    type=int,
    default=_DEFAULTS.clips,
    show_default=True,
    help="Clips of up to 30 s to learn from; drawn, where the corpus holds more that can be used.",
)
@_recordings(
    "--held-out",
    metavar="N",
    type=int,
    default=_DEFAULTS.held_out,
    show_default=True,
    help="Other clips that are never learnt from, to measure with.",
)
@device_option
@_text(
    "--language",
    metavar="CODE",
    callback=language_code,
    default=_DEFAULTS.language,
    show_default=True,
    help="Whisper's code of the language spoken.",
)
@channel_option
@_result(
    "-o",
    "--output",
    metavar="OUT",
    type=LocalPath(),
    required=True,
    help="Folder for the new checkpoint; it is there when all is done.",
)
@_result(
    "--work",
    metavar="FOLDER",
    type=LocalPath(),
    help="Folder for what is known so far; it stays. [default: OUT.work, which goes when all is done]",
)
@_result(
    "--overwrite",
    is_flag=True,
    help="Replace an earlier result in OUT, and begin a training with other options again; lessons stay.",
)
@_result("--json", "as_json_", is_flag=True, help="Print JSON instead of the table.")
@_result("-q", "--quiet", is_flag=True, help="Print nothing but the table and errors.")
def adapt_command(checkpoint: str, corpus: tuple[str, ...], **given: Any) -> None:
    """Teach CHECKPOINT to hear as well in short windows.

    It learns from itself, to give in a short window what it gives in one of 30 s: from its own texts of CORPUS...,
    so that nobody has to write any. Then windows may be fitted to their clips, and cost a fraction. CHECKPOINT is a
    hub id or a folder, as for `awct2 convert`; CORPUS... is named as the INPUT of `awct2 run`. OUT is a checkpoint
    again, with adapt.json and adapt.svg: how many characters differ from the original's at 30 s, before and after,
    on clips that were held out. `awct2 convert` and `awct2 calibrate` go on from there. Needs the extra [adapt],
    and a GPU for all but small models.

    The same command goes on where it was stopped.

    Exit status: 0 better with one tail at least and worse with none, 1 it could not go on, 2 wrong usage, 3 finished,
    and not shown to be better, 130 interrupted.

    \b
    Examples:
      awct2 adapt litagin/anime-whisper corpus/ -o short-anime-whisper/
      awct2 adapt my-finetune/ corpus/ -o out/ --tail 0.64 --tail 2.56
      awct2 adapt openai/whisper-base clips.tar -o out/ --steps 400 --work kept/
    """
    options = AdaptOptions(
        clips=given["clips"],
        held_out=given["held_out"],
        tails_s=tuple(sorted(set(given["tails"]))),
        steps=given["steps"],
        batch_size=given["batch_size"],
        learning_rate=given["learning_rate"],
        train=given["train"],
        language=given["language"],
        device=given["device"],
    )
    audio, files = AudioOptions(given["channel"]), Corpus(corpus)
    out, work, quiet = given["output"], given["work"], given["quiet"]
    settle(out, work)
    check_place(checkpoint, out, work, read=files.places, overwrite=given["overwrite"])
    files.check_lists()
    if nothing := files.why_nothing():
        raise InputError(nothing)
    check_adapt(options.device)
    # With it comes torch.
    from anime_whisper_ct2.adaptation.course import adapt  # noqa: PLC0415

    if not quiet:
        note(
            f"What is known so far is kept in {work_folder(out, work)}: the same command goes on where it was stopped."
        )
    try:
        with expendable(), AdaptProgress(quiet=quiet) as progress:
            adaptation = adapt(
                checkpoint,
                files,
                out,
                options,
                work=work,
                overwrite=given["overwrite"],
                audio=audio,
                on_advance=progress,
                on_note=progress.note,
            )
    except KeyboardInterrupt:
        note("The same command goes on from what is done.")
        raise
    if given["as_json_"]:
        say_json(as_json(adaptation))
    else:
        say(as_table(adaptation))
    if not quiet:
        for line in verdicts(adaptation):
            note(line)
        note(f"{out}: the new checkpoint, with {CHART}")
    if not adaptation.better:
        sys.exit(EXIT_NOT_BETTER)
