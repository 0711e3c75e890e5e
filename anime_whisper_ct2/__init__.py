"""Anime Whisper on CTranslate2: a correct conversion, and transcription of whole corpora in batches across files.

The public surface: `Transcriber` and the records it gives, `CorpusRun` and `Export` for what `awct2 run` and `awct2
export` do, `FakeEngine` for tests without a model, and the errors. Nothing heavy is imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.errors import Awct2Error, RecordingError

if TYPE_CHECKING:
    from anime_whisper_ct2.clip_plan import ClipOptions
    from anime_whisper_ct2.corpus_run import CorpusRun
    from anime_whisper_ct2.engine import Engine
    from anime_whisper_ct2.engine.fake import FakeEngine
    from anime_whisper_ct2.export import ClipFolder, Export, Exported
    from anime_whisper_ct2.filters import Filters
    from anime_whisper_ct2.models import resolve_model
    from anime_whisper_ct2.options import (
        AudioOptions,
        DecodingOptions,
        EngineOptions,
        FrontendOptions,
        RayOptions,
        RunOptions,
        SegmentOptions,
    )
    from anime_whisper_ct2.readers import Corpus
    from anime_whisper_ct2.records import Decoded, Failure, Recording, Segment, Transcript, Window, Word
    from anime_whisper_ct2.results import RunFolder
    from anime_whisper_ct2.transcriber import Transcriber

__all__ = [
    "AudioOptions",
    "Awct2Error",
    "ClipFolder",
    "ClipOptions",
    "Corpus",
    "CorpusRun",
    "Decoded",
    "DecodingOptions",
    "Engine",
    "EngineOptions",
    "Export",
    "Exported",
    "Failure",
    "FakeEngine",
    "Filters",
    "FrontendOptions",
    "RayOptions",
    "Recording",
    "RecordingError",
    "RunFolder",
    "RunOptions",
    "Segment",
    "SegmentOptions",
    "Transcriber",
    "Transcript",
    "Window",
    "Word",
    "__version__",
    "resolve_model",
]

# Worker processes import this package too, and need none of it.
_ROOMS = {
    "AudioOptions": "options",
    "ClipFolder": "export",
    "ClipOptions": "clip_plan",
    "Corpus": "readers",
    "CorpusRun": "corpus_run",
    "Decoded": "records",
    "DecodingOptions": "options",
    "Engine": "engine",
    "EngineOptions": "options",
    "Export": "export",
    "Exported": "export",
    "Failure": "records",
    "FakeEngine": "engine.fake",
    "Filters": "filters",
    "FrontendOptions": "options",
    "RayOptions": "options",
    "Recording": "records",
    "RunFolder": "results",
    "RunOptions": "options",
    "Segment": "records",
    "SegmentOptions": "options",
    "Transcriber": "transcriber",
    "Transcript": "records",
    "Window": "records",
    "Word": "records",
    "resolve_model": "models",
}


def __getattr__(name: str) -> Any:
    if room := _ROOMS.get(name):
        return getattr(import_module(f"{__name__}.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
