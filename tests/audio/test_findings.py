"""What decoding finds beside samples is told wherever a result is, and whoever asks for a channel hears that one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2 import Corpus, CorpusRun, Export, FakeEngine, Filters, RunFolder, Transcriber, Transcript
from anime_whisper_ct2.audio import Findings
from anime_whisper_ct2.calibration import calibrate
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.executors import frontend
from anime_whisper_ct2.executors.fleet import Fleet
from anime_whisper_ct2.executors.frontend import FeatureSettings, extract
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.export.filters import own_flags
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import (
    AudioOptions,
    EngineOptions,
    FrontendOptions,
    RunOptions,
    SegmentMode,
    SegmentOptions,
)
from anime_whisper_ct2.output.lines import read_lines, to_json
from anime_whisper_ct2.output.results import read_transcript
from anime_whisper_ct2.records import RECORDING_FLAGS, SEGMENT_FLAGS, Closed, Float32, Recording, Segment, flags_of
from anime_whisper_ct2.stats import run_stats
from tests.support.runs import segment, short, transcript, write_run
from tests.support.sounds import tone

HERE = FrontendOptions(workers=0)
FOUND = {
    "whole.wav": Findings(),
    "cut.wav": Findings(1.25004, incomplete=True),
    "unknown.wav": Findings(incomplete=True),
    "both.wav": Findings(0.5, incomplete=True, antiphase=True),
}
Hear = Callable[..., Iterator[Float32]]


@pytest.fixture
def hears(monkeypatch: pytest.MonkeyPatch) -> Callable[[Hear], None]:
    """Put a decoder in the place of the real one: it takes what `blocks_of` takes."""
    return lambda hear: monkeypatch.setattr(frontend, "blocks_of", hear)


def by_name(
    path: str, _start: float, _duration: float | None, _options: object, findings: Findings
) -> Iterator[Float32]:
    """Give a tone, and at its end what is said to be found in a file of that name; `silent` gives none."""
    samples = tone(1.0)
    yield samples * 0 if "silent" in path else samples
    found = FOUND.get(Path(path).name, Findings(incomplete=True))
    findings.missing_s, findings.incomplete, findings.antiphase = found.missing_s, found.incomplete, found.antiphase


class TestExtract:
    @pytest.mark.parametrize(("mode", "seconds"), [("auto", 20), ("auto", 70), ("vad", 70), ("pack", 70), ("off", 70)])
    def test_what_is_found_in_the_last_moment_is_told_however_recordings_are_cut(
        self, hears: Callable[[Hear], None], mode: SegmentMode, seconds: int
    ) -> None:
        def hear(
            _source: object, _start: float, _duration: object, _options: object, found: Findings
        ) -> Iterator[Float32]:
            for _ in range(seconds // 10):
                yield tone(10.0)
            found.missing_s, found.incomplete = 3.0, True

        hears(hear)
        *_, closed = extract(0, b"", FeatureSettings(80, half=False, segment=SegmentOptions(mode)))
        assert isinstance(closed, Closed)
        assert (closed.duration, closed.missing_s, closed.flags) == (seconds, 3.0, ("incomplete",))

    def test_each_recording_is_heard_as_asked_and_knows_nothing_of_the_one_before(
        self, hears: Callable[[Hear], None]
    ) -> None:
        asked = []

        def hear(
            _source: object, _start: float, _duration: object, options: object, found: Findings
        ) -> Iterator[Float32]:
            asked.append((options, replace(found)))
            yield tone(1.0)
            found.missing_s, found.incomplete, found.antiphase = 3.0, True, True

        hears(hear)
        audio = AudioOptions("2", strict=True)
        for key in range(2):
            list(extract(key, b"", FeatureSettings(80, half=False, audio=audio)))
        assert asked == [(audio, Findings())] * 2


def test_a_runs_lines_and_figures_say_what_is_missing(
    hears: Callable[[Hear], None], tiny_model: Path, tmp_path: Path, write_tone: Callable[..., Path]
) -> None:
    hears(by_name)
    for name in (*FOUND, "silent.wav"):
        write_tone(f"corpus/{name}")
    out = tmp_path / "out"
    options = RunOptions(frontend=HERE, segment=SegmentOptions("off"))
    corpus = Corpus((str(tmp_path / "corpus"),))
    CorpusRun(corpus, out, open_model_dir(tiny_model), options, open_engine=lambda *_: FakeEngine()).run()
    lines = {line["id"]: line for line in read_lines(out / "transcripts.jsonl")}
    of_sound = lines["whole.wav"]["flags"]
    assert "missing_s" not in lines["whole.wav"]
    assert {id_: (line["missing_s"], line["flags"]) for id_, line in lines.items() if id_ != "whole.wav"} == {
        "cut.wav": (1.25, [*of_sound, "incomplete"]),
        "unknown.wav": (0.0, [*of_sound, "incomplete"]),
        "both.wav": (0.5, [*of_sound, "incomplete", "antiphase"]),
        "silent.wav": (0.0, ["empty", "incomplete"]),
    }
    assert all(set(one["flags"]).isdisjoint(RECORDING_FLAGS) for line in lines.values() for one in line["segments"])
    flags = run_stats(RunFolder(out)).flags
    assert [(name, flags[name].segments, flags[name].recordings) for name in ("antiphase", "empty", "incomplete")] == [
        ("antiphase", 0, 1),
        ("empty", 0, 1),
        ("incomplete", 0, 4),
    ]
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["flagged"] >= 4


def test_python_gets_it_too(hears: Callable[[Hear], None], write_tone: Callable[..., Path]) -> None:
    hears(by_name)
    with Transcriber(FakeEngine(), workers=0) as transcriber:
        whole, cut = transcriber.transcribe([write_tone("whole.wav"), write_tone("cut.wav")])
    assert (whole.missing_s, cut.missing_s) == (None, 1.25)
    assert set(cut.flags) - set(whole.flags) == {"incomplete"}


OF_SEGMENTS = ("noisy", "repetition", "cap", "later")
flag_lists = st.lists(st.sampled_from(OF_SEGMENTS), unique=True).map(tuple)


@st.composite
def transcripts(draw: st.DrawFn) -> tuple[Transcript, tuple[str, ...]]:
    """A transcript, and the flags that are its own."""
    segments = tuple(
        Segment(n, n + 1.0, "はい", -0.2, 0.0, 0.9, flags)
        for n, flags in enumerate(draw(st.lists(flag_lists, max_size=4)))
    )
    own = tuple(draw(st.lists(st.sampled_from(sorted(RECORDING_FLAGS)), unique=True)))
    missing_s = draw(st.none() | st.floats(0, 1e5).map(lambda seconds: round(seconds, 3)))
    made = transcript("a.wav", *segments, flags=flags_of(segments, own), missing_s=missing_s)
    return made, own


@given(transcripts())
def test_what_is_written_is_read_back_and_what_is_the_recordings_own_stays_so(
    made: tuple[Transcript, tuple[str, ...]],
) -> None:
    given_, own = made
    line = json.loads(to_json(given_))
    read = read_transcript(line)
    assert read == given_
    assert ("missing_s" in line) == (given_.missing_s is not None)
    assert own_flags(read) == own
    for flag in RECORDING_FLAGS:
        assert (Filters(drop_flags=(flag,)).apply(read) is None) == (flag in own)


@given(transcripts(), st.sampled_from([flag for flag in OF_SEGMENTS if flag in SEGMENT_FLAGS]))
def test_what_filters_leave_has_its_own_flags_and_those_of_what_is_left(
    made: tuple[Transcript, tuple[str, ...]], dropped: str
) -> None:
    given_, own = made
    kept = Filters(drop_flags=(dropped,)).apply(given_)
    if kept is not None:
        assert set(kept.flags) == {*own, *(flag for one in kept.segments for flag in one.flags)}
        assert dropped not in kept.flags


def test_a_flag_of_the_recording_is_its_own_also_where_a_segment_has_it() -> None:
    both = transcript("a.wav", segment(0.0, 1.0, "はい", -0.2, "incomplete"), flags=("incomplete",))
    assert own_flags(both) == ("incomplete",)
    assert Filters(drop_flags=("incomplete",)).apply(both) is None


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_leaves_out_what_is_incomplete_when_asked(
    format_: str, tmp_path: Path, write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = (short("whole.wav"), short("cut.wav"), transcript("silent.wav"))
    for one in made:
        write_tone(one.audio, one.duration)
    cut = [replace(one, flags=(*one.flags, "incomplete"), missing_s=0.5) for one in made[1:]]
    run = write_run(tmp_path / "run", made[0], *cut)
    every = Export(run, format_, tmp_path / "every").run()
    whole = Export(run, format_, tmp_path / "whole", filters=Filters(drop_flags=("incomplete",))).run()
    assert (every.rows, whole.rows) == (2, 1)
    assert (whole.recordings, whole.left_out) == (1, 2)
    assert [path for path in (tmp_path / "whole").rglob("*") if path.stem in ("cut", "silent")] == []


@pytest.fixture
def one_sided(tmp_path: Path) -> str:
    """A second of sound on the left, and nothing on the right."""
    path = tmp_path / "sides.wav"
    soundfile.write(path, np.stack([tone(1.0), np.zeros(16_000)], axis=1), 16_000)
    return str(path)


def in_a_run(path: str, channel: str, engines: int, tmp_path: Path, model: Path) -> Any:
    options = RunOptions(engine=EngineOptions("cpu", engines=engines), frontend=HERE, audio=AudioOptions(channel))
    out = tmp_path / f"{engines}-{channel}"
    CorpusRun(Corpus((path,)), out, open_model_dir(model), options).run()
    (done,) = RunFolder(out).transcripts()
    return done


@pytest.mark.parametrize("engines", [1, 2])
def test_a_run_hears_the_channel_that_it_is_told_to(
    engines: int, one_sided: str, tmp_path: Path, tiny_model: Path
) -> None:
    for channel, is_empty in (("left", False), ("right", True), ("1", False), ("2", True), ("mix", False)):
        done = in_a_run(one_sided, channel, engines, tmp_path, tiny_model)
        assert ("empty" in done.flags) == is_empty, channel


def test_processes_of_a_fleet_hear_the_channel_that_they_are_told_to(one_sided: str) -> None:
    opener = "tests.support.engines:plain"
    settings = StationSettings("", EngineOptions(), RunOptions().decoding, HERE, WindowLength(), opener)
    recording = Recording("sides", one_sided, one_sided)
    for channel, text in (("left", "1.00秒"), ("right", "")):
        fleet = Fleet([replace(settings, audio=AudioOptions(channel))])
        try:
            fleet.open()
            (done,) = (item[1] for item in fleet.run([(0, recording)]) if isinstance(item, tuple))
        finally:
            fleet.close()
        assert isinstance(done, Transcript)
        assert done.text == text


@pytest.mark.parametrize(("channel", "text"), [("left", "1.00秒"), ("right", ""), (1, "1.00秒"), (2, "")])
def test_a_transcriber_hears_the_channel_that_it_is_told_to(channel: str | int, text: str, one_sided: str) -> None:
    with Transcriber(FakeEngine(), workers=0, channel=channel) as transcriber:
        (done,) = transcriber.transcribe([one_sided])
    assert done.text == text


def test_a_calibration_hears_the_channel_that_it_is_told_to(one_sided: str) -> None:
    engine = FakeEngine()
    assert calibrate(engine, Corpus(one_sided), audio=AudioOptions("left")).clips == 1
    with pytest.raises(InputError, match="no clip"):
        calibrate(engine, Corpus(one_sided), audio=AudioOptions("right"))
    engine.close()


@pytest.mark.parametrize("channel", ["0", "centre", "", "-1", "100", 0, 1.5])
def test_what_is_no_channel_is_refused_with_those_that_are(channel: Any) -> None:
    engine = FakeEngine()
    with pytest.raises(InputError, match="give mix, left, right, or a number from 1 on"):
        Transcriber(engine, channel=channel)
    engine.close()
