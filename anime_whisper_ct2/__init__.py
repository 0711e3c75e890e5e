"""Anime Whisper on CTranslate2: a correct conversion, and transcription of whole corpora in batches across files.

The public surface: `Transcriber` and the records it gives, `CorpusRun` and `Export` for what `awct2 run` and `awct2
export` do, `FakeEngine` for tests without a model, and the errors. Nothing heavy is imported before it is asked for.

The rooms, in the order in which a recording passes through them:

    readers     what the user names as INPUT becomes references to recordings
    audio       a reference's bytes become 16 kHz mono, block by block
    segments    blocks become windows of up to 30 s
    features    windows become log-mel spectrograms, and these become batches of one length
    engine      batches become texts and scores: the door to CTranslate2
    output      texts become lines on disk, and are read back
    export      a run becomes a data set

`executors` take recordings from `audio` to `output`, here, in several processes or on a cluster; `corpus_run`,
`transcriber` and `ray` do so for a corpus, for a program and for Ray Data. Beside the way: `evaluation` compares texts
with references, `stats` says what a run came to and `plan` what it would come to, `calibration` how short windows may
be, `doctor` what is wrong with a machine.

The ground that all stand on: `records`, which travel between the rooms, the `options` of a run with their defaults, and
`errors`; `extensions`, `ids` and `text` beside them. `model_dir` is the converted folder, where this package and the
converter meet, and `models` finds or makes one. `cli` parses, calls what is named here and prints.

Rooms import downwards only: the docstring of each package ends with what it may import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.errors import Awct2Error, RecordingError

# Type checkers see these; at run time `__getattr__` fetches each when it is first asked for.
if TYPE_CHECKING:
    from anime_whisper_ct2.corpus_run import CorpusRun
    from anime_whisper_ct2.engine import Engine
    from anime_whisper_ct2.engine.fake import FakeEngine
    from anime_whisper_ct2.export import ClipFolder, Export, Exported
    from anime_whisper_ct2.export.clips.plan import ClipOptions
    from anime_whisper_ct2.export.filters import Filters
    from anime_whisper_ct2.export.subtitles import SubtitleOptions
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
    from anime_whisper_ct2.output.results import RunFolder
    from anime_whisper_ct2.readers import Corpus
    from anime_whisper_ct2.records import Decoded, Failure, Recording, Segment, Transcript, Window, Word
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
    "SubtitleOptions",
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
    "ClipOptions": "export.clips.plan",
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
    "Filters": "export.filters",
    "FrontendOptions": "options",
    "RayOptions": "options",
    "Recording": "records",
    "RunFolder": "output.results",
    "RunOptions": "options",
    "Segment": "records",
    "SegmentOptions": "options",
    "SubtitleOptions": "export.subtitles",
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
