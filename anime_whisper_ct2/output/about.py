"""What `run.json` says of a run beside its figures: settings that decide the text, and where it came from."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import RunOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.text.doubt import Bounds

_PACKAGES = ("ctranslate2", "faster-whisper", "numpy", "soundfile", "soxr", "av", "tokenizers")


def settings_of(model: ModelDir, options: RunOptions, length: WindowLength, bounds: Bounds) -> dict[str, Any]:
    """Give what decides the text and its marks: a run goes on only with these."""
    return {
        "model": model.fingerprint,
        "compute_type": options.engine.compute_type,
        "language": options.decoding.language,
        "beam_size": options.decoding.beam_size,
        "no_repeat_ngram_size": options.decoding.no_repeat_ngram_size,
        **length.settings,
        **options.segment.settings,
        **options.audio.settings,
        "retry": options.decoding.retry,
        "no_speech": bounds.no_speech,
        "doubtful_from": bounds.doubt,
        **({"words": True} if options.decoding.words else {}),
    }


def about_of(corpus: Corpus, model: ModelDir, options: RunOptions) -> dict[str, Any]:
    """Give what was asked for, and with which versions it was done."""
    engines = len(options.engine.split())
    return {
        "inputs": list(corpus.inputs),
        "folder": os.getcwd(),  # noqa: PTH109 - where relative inputs start; as text it may hold invalid UTF-8
        "audio_column": corpus.audio_column,
        "include": list(corpus.include),
        "exclude": list(corpus.exclude),
        "shard": corpus.shard,
        "limit": corpus.limit,
        "model": str(model.path),
        "workers": engines * options.frontend.resolved_workers(engines),
        "versions": {
            "anime-whisper-ct2": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
    }
