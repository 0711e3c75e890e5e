"""Is a short window safe for this model on these clips? Measured, not assumed.

Nothing is published for windows below 30 s on a Japanese distilled large-v3, and on other models they range from
harmless to catastrophic (CTranslate2#2100). So the same clips are decoded at 30 s and with several tails, the texts
compared, and the shortest tail that changes next to nothing is written into the model's `awct2.json`.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError, InputError, OutputError, counted
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.pool import WorkerPool
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.windows import PROFILE, WindowLength
from anime_whisper_ct2.model_dir import AWCT2, ModelDir
from anime_whisper_ct2.options import AUDIO, AudioOptions, FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Batch, Broken, Decoded, Recording, Window
from anime_whisper_ct2.text.quality import doubts, repeats

# Candidates for each clip that is wanted; from them, clips are taken evenly over all lengths.
_CANDIDATES = 2
# Fixed, so that two calibrations of one corpus measure the same clips.
_SEED = 0


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    """What is measured and what passes."""

    clips: int = 500  # clips in the sample, stratified by length
    tails_s: tuple[float, ...] = (0.64, 1.28, 2.56, 5.12)  # silence behind the clip
    max_cer: float = 0.5  # percent of characters that may differ from the text at 30 s

    def __post_init__(self) -> None:
        if self.clips < 1 or not self.tails_s or not 0 <= self.max_cer <= 100:
            raise InputError("give at least one clip and one tail, and a CER from 0 to 100 percent")
        for tail_s in self.tails_s:
            WindowLength("fit", tail_s)  # refuses what is no tail, before anything is measured


@dataclass(frozen=True, slots=True)
class TailResult:
    """One tail against 30 s. Rates are percentages, times seconds, `speed` is audio time over wall time.

    `cer` is that of the texts a run would give, with what looked wrong decoded again at 30 s; `cer_before` is that of
    the first texts. `speed` counts the second decodes.
    """

    tail_s: float
    cer: float
    cer_before: float
    loops: int
    redone: float
    speed: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured and decided; `chosen` is None where no tail passed."""

    clips: int
    audio_seconds: float
    full_speed: float
    full_loops: int
    results: tuple[TailResult, ...]
    max_cer: float
    chosen: TailResult | None = field(init=False)

    def __post_init__(self) -> None:
        # Loops count apart: in a rate over all characters, one ruined line among hundreds would hardly show.
        passed = [r for r in self.results if r.cer <= self.max_cer and r.loops <= self.full_loops]
        # The fastest and not the closest: what passed counts as equal to 30 s.
        object.__setattr__(self, "chosen", max(passed, key=lambda result: result.speed, default=None))

    @property
    def verdict(self) -> str:
        """The decision and its reason, in a sentence."""
        if self.chosen is None:
            best = min(self.results, key=lambda result: result.cer)
            return (
                f"No tail passed: the closest to 30 s, {best.tail_s} s, differs in {best.cer:.2f} % of the characters "
                f"(at most {self.max_cer} % may) with {counted(best.loops, 'loop')} (30 s: {self.full_loops}). "
                "Windows stay full."
            )
        return (
            f"A tail of {self.chosen.tail_s} s passed: {self.chosen.cer:.2f} % of the characters differ from 30 s "
            f"(at most {self.max_cer} % may), with {counted(self.chosen.loops, 'loop')} (30 s: {self.full_loops}), at "
            f"{self.chosen.speed / self.full_speed:.1f} times the speed. It is the fastest that did."
        )


def calibrate(
    engine: Engine,
    corpus: Corpus,
    options: CalibrationOptions | None = None,
    *,
    frontend: FrontendOptions | None = None,
    audio: AudioOptions = AUDIO,
    on_progress: Callable[[str], None] | None = None,
) -> Calibration:
    """Decode a sample of a corpus at 30 s and with each tail, and compare.

    Raises InputError when the corpus holds no clip of up to 30 s.
    """
    options = options or CalibrationOptions()
    say = on_progress or (lambda _stage: None)
    say(f"reading up to {counted(options.clips * _CANDIDATES, 'clip')}")
    windows = _sample(engine, corpus, options.clips, frontend or FrontendOptions(), audio)
    audio_s = sum(window.end_s for window in windows)
    say(f"{counted(len(windows), 'clip')}, {audio_s:.0f} s: decoding at 30 s")
    _warm_up(engine, windows)
    full, full_wall = _decode(engine, windows, WindowLength("full"))
    if not any(text.text for text in full):
        raise InputError("at 30 s the model hears nothing in these clips; name a corpus with speech in it")
    results = []
    for tail_s in options.tails_s:
        say(f"decoding with a tail of {tail_s} s")
        fitted, wall = _decode(engine, windows, WindowLength("fit", tail_s))
        results.append(_compare(windows, full, fitted, tail_s, audio_s, wall, full_wall))
    return Calibration(
        len(windows), audio_s, audio_s / full_wall, _loops(full), tuple(results), max_cer=options.max_cer
    )


def write_profile(model: ModelDir, calibration: Calibration, engine: Engine) -> None:
    """Put what passed into the model's `awct2.json`, where `--window auto` finds it; remove an older one otherwise.

    Raises OutputError when the folder cannot be written.
    """
    content = {key: value for key, value in model.awct2.items() if key != PROFILE}
    if calibration.chosen is not None:
        content[PROFILE] = {
            **asdict(calibration.chosen),
            "clips": calibration.clips,
            "audio_seconds": round(calibration.audio_seconds, 1),
            "full_speed": calibration.full_speed,
            "engine": dict(engine.description),
            "date": date.today().isoformat(),
            "version": __version__,
        }
    path = model.path / AWCT2
    # Beside and renamed: a torn awct2.json would make the whole folder unusable.
    beside = path.with_suffix(".json.new")
    try:
        beside.write_text(json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _sample(engine: Engine, corpus: Corpus, clips: int, frontend: FrontendOptions, audio: AudioOptions) -> list[Window]:
    """Draw recordings without listing them all into memory, and take clips at even steps of their lengths."""
    candidates = _draw(iter(corpus), clips * _CANDIDATES)
    settings = FeatureSettings(engine.n_mels, half=engine.feature_dtype is np.float16, audio=audio)
    pool = WorkerPool(settings, max(1, frontend.resolved_workers()), capacity=64)
    found: dict[int, Window] = {}
    for message in pool(enumerate(candidates)):
        if isinstance(message, Window) and message.number == 0:
            found[message.key] = message
        elif isinstance(message, Window | Broken):
            found.pop(message.key, None)  # a long recording or a broken one
    whole = [window for _, window in sorted(found.items())]
    if not whole:
        raise InputError("the corpus holds no clip of up to 30 s that could be read; name one that does")
    whole.sort(key=lambda window: window.end_s)
    step = max(1.0, len(whole) / clips)
    return [whole[int(n * step)] for n in range(min(clips, len(whole)))]


def _draw(recordings: Iterator[Recording], n: int) -> list[Recording]:
    """Draw n recordings with equal chances from a stream of unknown length (Algorithm R), the same ones every time."""
    rng = random.Random(_SEED)
    drawn: list[Recording] = []
    for seen, recording in enumerate(recordings):
        if seen < n:
            drawn.append(recording)
        elif (place := rng.randrange(seen + 1)) < n:
            drawn[place] = recording
    return drawn


def _warm_up(engine: Engine, windows: Sequence[Window]) -> None:
    """Let kernels compile and memory pools fill before anything is timed."""
    for length in (WindowLength("full"), WindowLength("fit")):
        window = windows[len(windows) // 2]
        engine.submit(Batch((window,), length(window.mel.values.shape[1]))).result()


def _decode(engine: Engine, windows: Sequence[Window], length: WindowLength) -> tuple[list[Decoded], float]:
    """Decode all windows as a run would; returns the texts in the windows' order, and wall seconds."""
    start = time.monotonic()
    texts: dict[int, Decoded] = {}
    for item in Decoding(engine)(Batcher(length, engine.capacity)(windows)):
        if isinstance(item, Broken):
            raise EngineError(f"a clip could not be decoded, so nothing can be compared: {item.message}")
        if isinstance(item, tuple):
            # By identity: a key is a recording's and not a window's, and windows hold arrays, so that they have no
            # hash.
            texts[id(item[0])] = item[1]
    return [texts[id(window)] for window in windows], time.monotonic() - start


def _compare(
    windows: Sequence[Window],
    full: Sequence[Decoded],
    fitted: Sequence[Decoded],
    tail_s: float,
    audio_s: float,
    wall: float,
    full_wall: float,
) -> TailResult:
    doubted = [bool(doubts(window, text)) for window, text in zip(windows, fitted, strict=True)]
    # A run decodes what looks wrong again at 30 s, and those texts are here already.
    final = [again if doubt else first for again, first, doubt in zip(full, fitted, doubted, strict=True)]
    share = sum(doubted) / len(windows)
    return TailResult(
        tail_s=tail_s,
        cer=_cer(full, final),
        cer_before=_cer(full, fitted),
        loops=_loops(final),
        redone=100 * share,
        speed=audio_s / (wall + share * full_wall),
    )


def _cer(reference: Sequence[Decoded], other: Sequence[Decoded]) -> float:
    """Give the edits over the reference's characters, in percent."""
    edits = sum(Levenshtein.distance(one.text, two.text) for one, two in zip(reference, other, strict=True))
    return 100 * edits / max(1, sum(len(one.text) for one in reference))


def _loops(texts: Sequence[Decoded]) -> int:
    return sum(text.capped or repeats(text.text) for text in texts)


def as_json(calibration: Calibration) -> dict[str, Any]:
    """Give everything that was measured, for machines."""
    return {**asdict(calibration), "verdict": calibration.verdict}


def as_table(calibration: Calibration) -> str:
    """Give the measurements as a Markdown table; speeds are times real time."""
    rows = [
        "| window | CER against 30 s, % | before second looks, % | loops | redone, % | speed |",
        "|---|---|---|---|---|---|",
        f"| 30 s | | | {calibration.full_loops} | | {calibration.full_speed:.1f} |",
    ]
    rows += [
        f"| clip + {r.tail_s} s | {r.cer:.2f} | {r.cer_before:.2f} | {r.loops} | {r.redone:.1f} | {r.speed:.1f} |"
        for r in calibration.results
    ]
    return "\n".join(rows)
