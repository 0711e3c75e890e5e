"""How a plan is made: the corpus is listed once, the headers of a sample are read, and windows are counted.

Nothing is written and no model loaded. How a long recording will be cut is not known without listening, so that its
windows are counted as if none were shorter than they have to be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np

from anime_whisper_ct2.errors import Awct2Error, InputError
from anime_whisper_ct2.features.mel import FRAMES_PER_S, WINDOW_FRAMES
from anime_whisper_ct2.features.windows import PROFILE, WindowLength, short_for_full, window_length
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.model_dir import (
    DEFAULT_QUANTIZATION,
    ModelDir,
    cached_conversion_path,
    is_converted,
    open_model_dir,
)
from anime_whisper_ct2.options import CPU_BATCH, DEFAULT_MODEL, GPU_BATCH, EngineOptions, RunOptions
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS, read_lines
from anime_whisper_ct2.output.run_file import read_run
from anime_whisper_ct2.plan.figures import (
    Bucket,
    Plan,
    PlanOptions,
    Rate,
    estimate,
    length_classes,
    windows_of,
)
from anime_whisper_ct2.plan.headers import Header, header_of, headers_of
from anime_whisper_ct2.readers import Corpus, Listing
from anime_whisper_ct2.records import Audio
from anime_whisper_ct2.system.paths import at_home


def plan_run(
    corpus: Corpus,
    out: Path | None,
    model: str = DEFAULT_MODEL,
    options: RunOptions | None = None,
    wishes: PlanOptions | None = None,
) -> Plan:
    """Say what `CorpusRun` would have to do. The corpus is listed once; memory is the sample and the ids of `out`.

    The sample is drawn at random, and the same one each time. Raises InputError for a corpus or an output that cannot
    be read, ModelError for a converted model that is broken.
    """
    options, wishes = options or RunOptions(), wishes or PlanOptions()
    found_model = find_model(model)
    awct2 = found_model.awct2 if found_model else {}
    length = window_length(options.decoding.window, options.decoding.tail_s, awct2)
    corpus.check()
    done, failed = _earlier(out, options)
    sample = _Sample(wishes.sample)
    found = resumed = failed_before = 0
    listing = Listing(corpus.selection)
    for recording in corpus.recordings(listing):
        found += 1
        if recording.id in done:
            resumed += 1
        elif recording.id in failed:
            failed_before += 1
        else:
            sample.offer(recording.audio)
    todo = sample.offered
    headers = list(headers_of(sample.kept))
    known = [header for header in headers if header.length_s is not None]
    lengths_s = [header.length_s or 0.0 for header in known if not header.unreadable]
    # What does not say how long it is counts as the others do.
    scale = todo / len(known) if known else 0.0
    return Plan(
        found=found,
        resumed=resumed,
        failed_before=failed_before,
        todo=todo,
        read=len(headers),
        unreadable=sum(header.unreadable for header in headers),
        unknown=len(headers) - len(known),
        audio_s=estimate([header.length_s or 0.0 for header in known], todo),
        bytes=estimate([header.bytes for header in headers], todo),
        percentiles_s=tuple(np.percentile(lengths_s, (5, 50, 95, 100)).tolist()) if lengths_s else None,
        lengths=length_classes(lengths_s, scale),
        window=length,
        calibrated=bool(awct2.get(PROFILE)) if found_model else None,
        buckets=_buckets(lengths_s, scale, length, options),
        engines=len(options.engine.split()),
        rate=_rate(out, wishes),
        notes=tuple(listing.notes()) if found else (listing.why_nothing(corpus.inputs),),
    )


def find_model(name: str) -> ModelDir | None:
    """Open the converted model that a run would use, if it is here; nothing is fetched or converted.

    A checkpoint's folder that was converted into the cache is not looked for. Raises ModelError.
    """
    name = at_home(name)
    for path in (Path(name), cached_conversion_path(name, None, DEFAULT_QUANTIZATION)):
        try:
            if is_converted(path):
                return open_model_dir(path)
        except (OSError, ValueError):  # a name that can be no path's
            continue
    return None


class _Sample:
    """So many of what was offered, all with the same chance; what is held in memory already is measured at once."""

    def __init__(self, size: int) -> None:
        self.kept: list[Audio | Header] = []
        self.offered = 0
        self._size = size
        # Seeded, so that the same corpus gives the same plan.
        self._random = Random(0)

    def offer(self, audio: Audio) -> None:
        """Keep it, or let it take the place of one that is kept, or neither (Algorithm R)."""
        self.offered += 1
        at = len(self.kept)
        if at < self._size:
            self.kept.append(_light(audio))
        elif (at := self._random.randrange(self.offered)) < self._size:
            self.kept[at] = _light(audio)


def _light(audio: Audio) -> Audio | Header:
    # A sample of audio that rows bring along could be gigabytes.
    return header_of(audio) if isinstance(audio, bytes) else audio


def _earlier(out: Path | None, options: RunOptions) -> tuple[IdSet, IdSet]:
    """Give the ids that a run would not do again: transcribed, and failed."""
    if out is None or options.overwrite:
        return IdSet(), IdSet()
    done = IdSet(_ids(out / TRANSCRIPTS))
    return done, IdSet() if options.retry_failed else IdSet(_ids(out / ERRORS))


def _ids(path: Path) -> Iterator[str]:
    try:
        yield from (line["id"] for line in read_lines(path))
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: not what a run wrote ({error}); mend it, or plan with --overwrite") from error


def _buckets(lengths_s: Sequence[float], scale: float, length: WindowLength, options: RunOptions) -> tuple[Bucket, ...]:
    windows: Counter[int] = Counter()
    for length_s in lengths_s:
        for count, seconds in windows_of(length_s, options.segment):
            windows[length(min(WINDOW_FRAMES, math.ceil(seconds * FRAMES_PER_S)))] += count
    full = _batch_size(options.engine)
    return tuple(
        Bucket(frames, math.ceil(count * scale), max(1, int(full * short_for_full(frames))))
        for frames, count in sorted(windows.items())
    )


def _batch_size(engine: EngineOptions) -> int:
    """Give the batch size at 30 s; on a GPU it can turn out smaller, where the memory is."""
    if engine.batch_size is not None:
        return engine.batch_size
    device = engine.split()[0].device
    if device != "auto":
        return GPU_BATCH if device == "cuda" else CPU_BATCH
    from anime_whisper_ct2.engine.device import settle  # noqa: PLC0415 - loads CTranslate2, which a plan rarely needs

    try:
        return settle(engine, "default").batch_size
    except Awct2Error:
        return GPU_BATCH  # a GPU that cannot be used yet; the run will say so


def _rate(out: Path | None, wishes: PlanOptions) -> Rate | None:
    if wishes.rate is not None:
        return Rate(wishes.rate, "--rate")
    if out is None:
        return None
    try:
        about = read_run(out)
        speed = (float(about["audio_seconds"]) - float(about.get("kept_seconds", 0))) / float(about["wall_seconds"])
        engines = int(about.get("engine", {}).get("engines", 1))
        # What a run measured is the speed of all its engines together.
        return Rate(speed / engines, str(out / RUN)) if speed > 0 else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None
