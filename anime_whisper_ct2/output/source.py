"""Where the audio of a run is, as far as the run says it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.records import Recording, Transcript


class Source:
    """The audio of a run's recordings, found from the folder that the run was started in."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._start = _other_folder(run.about.get("folder"))

    @property
    def whose(self) -> Mapping[str, Any]:
        """What tells this corpus from others."""
        about = self._run.about
        # Where INPUTs are not known, the run itself stands for its corpus.
        return {"folder": about.get("folder"), "inputs": about.get("inputs") or [os.path.realpath(self._run.file)]}

    @property
    def padding_s(self) -> float:
        """How many seconds the run kept around each utterance; 0.0 where it did not look for speech."""
        settings = self._run.about.get("settings")
        padding_s = settings.get("speech_pad_s") if isinstance(settings, dict) else None
        return float(padding_s) if isinstance(padding_s, (int, float)) and math.isfinite(padding_s) else 0.0

    def located(self, transcript: Transcript) -> Transcript:
        """Name the audio from the folder that the run was started in, and not from this one."""
        if self._start is None or is_url(transcript.audio):
            return transcript
        return replace(transcript, audio=os.path.join(self._start, transcript.audio))  # noqa: PTH118 - may be no UTF-8

    def recordings(self) -> Iterable[Recording]:
        """List what the run was given, from the folder where it was given it."""
        start = self._start or ""
        inputs = self._run.inputs
        at = tuple(given if is_url(given) else os.path.join(start, given) for given in inputs)  # noqa: PTH118 - as above
        return Corpus(at, audio_column=self._run.about.get("audio_column")) if at else ()


def _other_folder(start: object) -> str | None:
    """Give the folder that a run was started in, if that is there and is not this one."""
    if not isinstance(start, str) or not os.path.isdir(start):  # noqa: PTH112 - may be no UTF-8
        return None
    return None if os.path.samefile(start, os.curdir) else start  # noqa: PTH121 - as above
