"""Everything that is measured for a model on somebody's clips, in one go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from anime_whisper_ct2.calibration.drawing import META, draw_measured
from anime_whisper_ct2.calibration.marks import DoubtResult, NoSpeechResult, measure_doubt, measure_no_speech
from anime_whisper_ct2.calibration.sounds import without_speech
from anime_whisper_ct2.calibration.windows import Decision, TailResult, Terms, compare, loops, second_looks
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.executors.sample import CANDIDATES, decode, warm_up
from anime_whisper_ct2.features.mel import SAMPLE_RATE, log_mel
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import AUDIO, AudioOptions, FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, Float32, Window
from anime_whisper_ct2.text import count_errors
from anime_whisper_ct2.text.doubt import Bounds
from anime_whisper_ct2.text.normalize import author
from anime_whisper_ct2.text.quality import measure

__all__ = ["META", "Calibration", "CalibrationOptions", "calibrate"]


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    """What is measured and what passes."""

    clips: int = 500  # clips in the sample, stratified by length
    tails_s: tuple[float, ...] = (0.64, 1.28, 2.56, 5.12)  # silence behind the clip
    max_cer: float = 0.5  # percent of characters that may differ from the text at 30 s
    max_cer_rise: float = 0.3  # percent points by which the CER may rise, where there are references

    def __post_init__(self) -> None:
        if self.clips < 1 or not self.tails_s or not 0 <= self.max_cer <= 100:
            raise InputError("give at least one clip and one tail, and a CER from 0 to 100 percent")
        if not 0 <= self.max_cer_rise <= 100:
            raise InputError(f"the CER cannot rise by {self.max_cer_rise} points; give 0 to 100")
        for tail_s in self.tails_s:
            WindowLength("fit", tail_s)  # refuses what is no tail, before anything is measured


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured and decided; `chosen` is None where no tail passed, `doubt` where there were no references.

    `references` counts the clips that have one; without any, `max_cer_rise` is None.
    """

    clips: int
    audio_seconds: float
    full_speed: float
    full_loops: int
    results: tuple[TailResult, ...]
    max_cer: float
    no_speech: NoSpeechResult | None = None
    doubt: DoubtResult | None = None
    references: int = 0
    max_cer_rise: float | None = None

    @property
    def terms(self) -> Terms:
        """What a tail had to pass."""
        return Terms(self.max_cer, self.max_cer_rise, self.full_loops)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What came of each tail, in the order of the results."""
        return self.terms.decisions(self.results)

    @property
    def chosen(self) -> TailResult | None:
        """The tail that passed, and of several the fastest."""
        return self.terms.fastest(self.results)

    @property
    def rule(self) -> str | None:
        """The rule that it passed: `equal_texts` or `cer_rise`."""
        return None if self.chosen is None else self.decisions[self.results.index(self.chosen)].rule


def calibrate(
    engine: Engine,
    corpus: Corpus,
    options: CalibrationOptions | None = None,
    *,
    references: str | None = None,
    frontend: FrontendOptions | None = None,
    audio: AudioOptions = AUDIO,
    on_progress: Callable[[str], None] | None = None,
) -> Calibration:
    """Decode a sample of a corpus at 30 s and with each tail, and sounds without speech, and compare.

    `references`: where the clips' right texts are, as `awct2 eval` takes it, `meta` among them. Recordings with one
    are drawn before others, and with them a tail may pass by `max_cer_rise`. Raises InputError when the corpus holds no
    clip of up to 30 s, or no reference fits one.
    """
    options = options or CalibrationOptions()
    say = on_progress or (lambda _stage: None)
    say(f"reading up to {counted(options.clips * CANDIDATES, 'clip')}")
    # Before anything is decoded: what fits no clip is found out in a second.
    measured = draw_measured(engine, corpus, options.clips, references, frontend or FrontendOptions(), audio)
    sample, right = measured.sample, measured.right
    windows = sample.windows
    of = f", {len(right):,} of them with a reference" if references is not None else ""
    say(f"{counted(len(windows), 'clip')}{of}, {sample.audio_s:.0f} s: decoding at 30 s")
    warm_up(engine, windows)
    full, full_wall = decode(engine, windows, WindowLength("full"))
    if not any(text.text for text in full):
        raise InputError("at 30 s the model hears nothing in these clips; name a corpus with speech in it")
    say("decoding sounds in which nobody speaks")
    no_speech = _told_apart(engine, full)
    results: list[TailResult] = []
    texts: dict[float | None, list[Decoded]] = {None: full}
    bounds = Bounds(no_speech=no_speech.bound)
    for tail_s in options.tails_s:
        say(f"decoding with a tail of {tail_s} s")
        length = WindowLength("fit", tail_s)
        fitted, wall = decode(engine, windows, length)
        looked = second_looks(windows, full, fitted, length, partial(decode, engine), Ladder(bounds=bounds))
        texts[tail_s] = looked.texts
        results.append(compare(full, fitted, looked, tail_s, sample.audio_s, wall, full_wall, right))
    max_cer_rise = options.max_cer_rise if right else None
    passed = Terms(options.max_cer, max_cer_rise, loops(full)).fastest(results)
    ladder = Ladder(retry=False, bounds=bounds)
    doubt = _doubt(windows, texts[passed.tail_s if passed else None], right, ladder) if right else None
    return Calibration(
        clips=len(windows),
        audio_seconds=sample.audio_s,
        full_speed=sample.audio_s / full_wall,
        full_loops=loops(full),
        results=tuple(results),
        max_cer=options.max_cer,
        no_speech=no_speech,
        doubt=doubt,
        references=len(right),
        max_cer_rise=max_cer_rise,
    )


def _doubt(windows: Sequence[Window], texts: Sequence[Decoded], right: dict[int, str], ladder: Ladder) -> DoubtResult:
    """Measure on the texts that a run would give, marked as by a run that knows what was just measured.

    A clip without a text is left out: there is nothing to be marked.
    """
    doubts, cers = [], []
    for at, wanted in right.items():
        if texts[at].text:
            bare = replace(texts[at], flags=(), doubt=None)
            doubts.append(ladder.settle(windows[at], (("first", ladder.marked(windows[at], bare)),)).doubt or 0.0)
            cers.append(count_errors(author(wanted), author(bare.text)).cer)
    return measure_doubt(doubts, cers)


def _told_apart(engine: Engine, full: Sequence[Decoded]) -> NoSpeechResult:
    """Decode sounds without speech as clips, and hold what they give against the clips with a text."""
    sounds = without_speech()
    windows = [_window(key, samples, engine) for key, samples in enumerate(sounds.values())]
    heard, _ = decode(engine, windows, WindowLength("full"))
    of_sounds = {name: one.no_speech_prob for name, one in zip(sounds, heard, strict=True)}
    return measure_no_speech([one.no_speech_prob for one in full if one.text], of_sounds)


def _window(key: int, samples: Float32, engine: Engine) -> Window:
    mel = log_mel(samples, engine.n_mels, engine.feature_dtype)
    return Window(key, 0, 0.0, len(samples) / SAMPLE_RATE, mel, measure(samples))
