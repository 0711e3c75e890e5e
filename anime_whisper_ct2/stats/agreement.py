"""Does what is in a run's files agree with what its `run.json` says?"""

from __future__ import annotations

from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.stats.figures import Amount

# The sum in `run.json` is rounded to a millisecond.
_SECONDS_APART = 0.01


def disagreements(run: RunFolder, total: Amount) -> tuple[str, ...]:
    """Say in a line each what `run.json` says otherwise, or that the run has not come to its end.

    Nothing is known of a file that is not called `transcripts.jsonl`.
    """
    if run.file.name != TRANSCRIPTS:
        return ()
    if not run.about:
        return (f"{run.folder / RUN} is missing or unreadable, so that nothing says whether the run was finished",)
    lines = [] if run.unfinished is None else [run.unfinished]
    whole = run.unfinished is None
    lines += _compared(TRANSCRIPTS, total.recordings, _sum(run, "done", "resumed"), "transcribed", whole=whole)
    lines += _compared(ERRORS, total.failed, _sum(run, "failed"), "failed", whole=whole)
    seconds = run.about.get("audio_seconds")
    # The seconds are those of the last run alone.
    comparable = (_sum(run, "resumed"), _sum(run, "done")) == (0, total.recordings)
    if comparable and isinstance(seconds, int | float) and abs(seconds - total.audio_s) > _SECONDS_APART:
        lines.append(
            f"{TRANSCRIPTS} comes to {total.audio_s:.3f} s of audio, {RUN} to {seconds:.3f} s: "
            "one of the two was changed after the run"
        )
    return tuple(lines)


def _sum(run: RunFolder, *keys: str) -> int | None:
    values = [run.about.get(key) for key in keys]
    numbers = [value for value in values if isinstance(value, int)]
    return sum(numbers) if len(numbers) == len(keys) else None


def _compared(name: str, held: int, told: int | None, what: str, *, whole: bool) -> list[str]:
    if told is None:
        return []
    if held < told:
        return [f"{name} holds {counted(held, 'recording')}, {RUN} counts {told:,} {what}: lines were lost or removed"]
    # Before its end a run has not come across all that earlier ones have left.
    if held > told and whole:
        return [
            f"{name} holds {counted(held, 'recording')}, {RUN} counts {told:,} {what}: "
            "the others are from earlier runs, over other inputs, or were added"
        ]
    return []
