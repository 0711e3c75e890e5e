"""This project, as `awct2 run` does it: the same `CorpusRun`, journal on disk and worker processes included.

Only that the engine is opened ahead, to be timed without: so on a GPU it is in this process, not in one of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, FrontendOptions, RunOptions
from anime_whisper_ct2.readers import Corpus
from benchmarks.measures.corpora import Clip
from benchmarks.systems import Settings, main


def run_options(settings: Settings) -> RunOptions:
    """Say in this project's own options what is asked of every system."""
    return RunOptions(
        decoding=DecodingOptions(beam_size=settings.beam_size, window=settings.window),  # type: ignore[arg-type]
        engine=EngineOptions(
            device=settings.device,  # type: ignore[arg-type]
            compute_type=settings.compute_type,  # type: ignore[arg-type]
            cpu_threads=settings.threads,
            batch_size=settings.batch_size or None,
            encoder=settings.encoder,  # type: ignore[arg-type]
        ),
        frontend=FrontendOptions(None if settings.workers < 0 else settings.workers),
        overwrite=True,
    )


def corpus_folder(clips: Sequence[Clip]) -> str:
    """Give the folder that the ids of a corpus are paths below."""
    (folder,) = {clip.audio.removesuffix(clip.id) for clip in clips}
    return folder


class Awct2:
    """`CorpusRun` over the folder that the manifest's files are in."""

    def load(self, settings: Settings) -> None:
        self._settings = settings
        self._model = open_model_dir(settings.model / "converted")
        self._options = run_options(settings)
        self._engine = open_whisper(self._model, self._options)
        self._run: CorpusRun | None = None

    def warm_up(self, clip: Clip) -> None:
        """Nothing on a CPU; on a GPU the engine warms itself up when it is opened."""

    def transcribe(self, clips: Sequence[Clip]) -> None:
        corpus = Corpus((corpus_folder(clips),))
        self._run = CorpusRun(
            corpus, self._settings.out / "run", self._model, self._options, open_engine=lambda *_: self._engine
        )
        totals = self._run.run()
        if totals.done != len(clips) and not self._run.stopped:
            raise SystemExit(f"{totals.done} of {len(clips)} clips were transcribed: {totals}")

    def stop(self) -> None:
        if self._run is not None:
            self._run.stop()

    def texts(self) -> Mapping[str, str]:
        lines = (self._settings.out / "run" / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
        return {row["id"]: row["text"] for row in map(json.loads, lines)}

    def notes(self) -> dict[str, Any]:
        assert self._run is not None
        about = json.loads((self._settings.out / "run" / "run.json").read_text(encoding="utf-8"))
        figures = {
            key: about[key]
            for key in ("engine", "workers", "memory_halvings", "engine_waits", "retries", "window_check")
            if key in about
        }
        return {**figures, "done": self._run.totals.done}


if __name__ == "__main__":
    main("awct2", Awct2())
