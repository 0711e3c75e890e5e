"""What was heard once is decoded as if it were heard again, and what is not whole does not count."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.executors import Task, recorded
from anime_whisper_ct2.executors.frontend import FeatureSettings, extract
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.executors.pool import FrontEnd
from anime_whisper_ct2.executors.recorded import Recorded, open_recorded
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, FrontendOptions, RunOptions
from anime_whisper_ct2.records import (
    ArrayAudio,
    Broken,
    Closed,
    Decoded,
    FeatureType,
    Home,
    LogMel,
    Opened,
    Outcome,
    Recording,
    Sound,
    Tick,
    Transcript,
    Window,
)
from tests.support.commands import BARE
from tests.support.places import CORPUS, PYTHONPATH
from tests.support.sounds import tone

HERE = FrontendOptions(0)
# In these, numpy has one thread: in this process, where it has several, its sums differ in the last bit.
WORKERS = FrontendOptions(2)
LONG = "長い録音/夏休みの一日.ogg"
SETTINGS = FeatureSettings(80, half=False)


def tasks_of(*paths: Path) -> list[Task]:
    return [(number, Recording(path.name, str(path), str(path))) for number, path in enumerate(paths)]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    """Five clips of the sample, a recording of minutes, digital silence, and one that is no audio."""
    folder = tmp_path_factory.mktemp("clips")
    soundfile.write(folder / "silence.wav", np.zeros(16_000), 16_000)
    (folder / "broken.ogg").write_bytes(b"no audio")
    clips = [*sorted((CORPUS / "その他").iterdir()), *sorted((CORPUS / "先生" / "放課後").iterdir())[:1]]
    return tasks_of(clips[0], folder / "broken.ogg", CORPUS / LONG, *clips[1:], folder / "silence.wav")


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "float16"])
def settings(request: pytest.FixtureRequest) -> FeatureSettings:
    return FeatureSettings(80, half=request.param)


@pytest.fixture(scope="module")
def kept(tasks: list[Task], settings: FeatureSettings, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return open_recorded(tmp_path_factory.mktemp("kept") / "features", "one", settings, tasks, WORKERS)


def exactly(window: Window) -> Decoded:
    """A text by which any bit of the window is told."""
    sound = window.sound
    told = (window.number, window.start_s, window.end_s, window.mel.floor, sound.rms, sound.clipped, sound.range_db)
    values = window.mel.values
    text = hashlib.sha256(repr((told, values.dtype, values.shape)).encode() + values.tobytes()).hexdigest()
    return Decoded(text, tuple(range(9)), -0.1, 0.0)


def fake(dtype: FeatureType) -> FakeEngine:
    engine = FakeEngine(exactly, n_mels=80)
    engine.feature_dtype = dtype
    return engine


def outcomes(engine: Engine, tasks: Sequence[Task], stage: FrontEnd | None = None) -> dict[int, Outcome]:
    executor = LocalExecutor(engine, frontend=WORKERS, length=WindowLength("fit"), frontend_stage=stage)
    found = (one for one in executor.run(tasks) if isinstance(one, tuple))
    by_key: dict[int, Outcome] = {}
    for key, outcome in found:
        assert key not in by_key
        by_key[key] = outcome
    return by_key


@pytest.fixture(scope="module")
def heard(tasks: list[Task], settings: FeatureSettings) -> dict[int, Outcome]:
    """What a plain executor makes of them."""
    return outcomes(fake(settings.dtype), tasks)


def nothing() -> Iterator[Task]:
    raise AssertionError("it is heard again")
    yield


class TestReplayed:
    def test_every_bit_is_what_a_run_would_decode(
        self, tasks: list[Task], settings: FeatureSettings, kept: Recorded, heard: dict[int, Outcome]
    ) -> None:
        assert outcomes(fake(settings.dtype), tasks, kept.stage()) == heard
        long = heard[2]
        assert isinstance(long, Transcript)
        assert len(long.segments) > 5
        assert heard.keys() == {key for key, _ in tasks}

    def test_of_some_only_those_come_in_the_order_in_which_they_are_asked_for(
        self, tasks: list[Task], settings: FeatureSettings, kept: Recorded, heard: dict[int, Outcome]
    ) -> None:
        some = [tasks[5], tasks[1], tasks[0]]
        stage = kept.stage()
        assert outcomes(fake(settings.dtype), some, stage) == {key: heard[key] for key, _ in some}
        said = list(stage(some))
        assert [one.key for one in said if isinstance(one, Opened)] == [5, 1, 0]
        assert not stage.dry

    def test_no_window_waits_for_a_batch_that_is_smaller_than_it_could_be(
        self, tasks: list[Task], kept: Recorded, settings: FeatureSettings
    ) -> None:
        batches = []
        for _ in range(2):
            engine = fake(settings.dtype)
            executor = LocalExecutor(engine, DecodingOptions(retry=False), frontend_stage=kept.stage())
            list(executor.run(tasks))
            batches.append([[(one.key, one.number) for one in batch.windows] for batch in engine.batches])
        assert batches[0] == batches[1]
        assert {len(batch) for batch in batches[0][:-1]} == {4}

    def test_the_same_is_known_of_it_as_a_front_end_says(
        self, tasks: list[Task], settings: FeatureSettings, kept: Recorded
    ) -> None:
        said = [one for key, recording in tasks for one in extract(key, recording.audio, settings)]
        assert kept.broken == {one.key: one for one in said if isinstance(one, Broken)}
        assert kept.broken.keys() == {1}
        closed = {one.key: one.duration for one in said if isinstance(one, Closed)}
        assert kept.durations_s == closed
        assert kept.audio_s == pytest.approx(sum(closed.values()))
        assert kept.frames == sum(one.mel.values.shape[1] for one in said if isinstance(one, Window))

    def test_what_was_not_recorded_is_no_task(self, tasks: list[Task], kept: Recorded) -> None:
        for key, recording in ((99, tasks[0][1]), (0, tasks[3][1])):
            with pytest.raises(ValueError, match=f"was not recorded as number {key}"):
                list(kept.stage()([(key, recording)]))

    def test_it_ends_when_it_is_stopped_and_passes_ticks(self, tasks: list[Task], kept: Recorded) -> None:
        stage = kept.stage()

        def given() -> Iterator[Task | Tick]:
            yield Tick()
            yield tasks[0]
            stage.stop()
            yield tasks[3]

        said = list(stage(given()))  # type: ignore[arg-type] # ticks as well, as every stage
        assert isinstance(said[0], Tick)
        assert {one.key for one in said[1:]} == {0}  # type: ignore[union-attr] # no further tick

    def test_the_engine_writes_the_texts_of_a_run(self, tiny_model: Path, tasks: list[Task], tmp_path: Path) -> None:
        options = RunOptions(engine=EngineOptions(device="cpu", compute_type="float32"), frontend=HERE)
        engine = open_whisper(open_model_dir(tiny_model), options)
        try:
            half = engine.feature_dtype is np.float16
            kept = open_recorded(tmp_path / "it", "", FeatureSettings(engine.n_mels, half=half), tasks, WORKERS)
            heard, replayed = outcomes(engine, tasks), outcomes(engine, tasks, kept.stage())
        finally:
            engine.close()
        assert {key: texts(one) for key, one in replayed.items()} == {key: texts(one) for key, one in heard.items()}
        assert sum(len(texts(one)) for one in heard.values()) > 10


def texts(outcome: Outcome) -> list[object]:
    if not isinstance(outcome, Transcript):
        return [outcome]
    return [(one.start, one.end, one.text, one.flags) for one in outcome.segments]


class TestKept:
    @pytest.fixture
    def few(self) -> list[Task]:
        return tasks_of(*sorted((CORPUS / "その他").iterdir()))

    def test_it_is_heard_once_for_each_key_and_kind_of_features(self, few: list[Task], tmp_path: Path) -> None:
        folder = tmp_path / "[特徴] 量"
        told: list[tuple[int, float]] = []
        first = open_recorded(folder, "one", SETTINGS, few, HERE, lambda *now: told.append(now))
        assert [count for count, _ in told] == [1, 2, 3, 4]
        assert told[-1][1] == pytest.approx(first.audio_s)
        again = open_recorded(folder, "one", SETTINGS, nothing(), HERE)
        assert (again.durations_s, again.frames) == (first.durations_s, first.frames)
        half = FeatureSettings(80, half=True)
        for key, settings in (("two", SETTINGS), ("two", half)):
            with pytest.raises(AssertionError, match="heard again"):
                open_recorded(folder, key, settings, nothing(), HERE)
        # What fails takes nothing away.
        open_recorded(folder, "one", SETTINGS, nothing(), HERE)
        open_recorded(folder, "two", half, few[:1], HERE)
        assert [path.name for path in tmp_path.iterdir()] == [folder.name]
        with pytest.raises(AssertionError, match="heard again"):
            open_recorded(folder, "one", SETTINGS, nothing(), HERE)

    def test_a_recording_is_as_loud_as_its_samples(self, tmp_path: Path) -> None:
        sounds = [tone(1.0), 0.5 * tone(2.0), np.zeros(16_000, np.float32)]
        tasks = [(at, Recording(str(at), "", ArrayAudio(sound, 16_000))) for at, sound in enumerate(sounds)]
        kept = open_recorded(tmp_path / "it", "", SETTINGS, tasks, HERE)
        for at, sound in enumerate(sounds):
            assert kept.rms(at) == pytest.approx(np.sqrt(np.square(sound).mean()), rel=1e-3)

    def test_what_is_home_already_is_heard_all_the_same(self, tmp_path: Path) -> None:
        plain = Recording("a", "a", ArrayAudio(tone(1.0), 16_000))
        (window,) = (one for one in extract(0, plain.audio, SETTINGS) if isinstance(one, Window))
        home = Home(0, window.start_s, window.end_s, window.sound)
        kept = open_recorded(tmp_path / "it", "", SETTINGS, [(0, replace(plain, home=(home,)))], HERE)
        assert kept.frames == window.mel.values.shape[1]
        assert [type(one) for one in kept.stage()([(0, plain)])] == [Opened, Window, Closed]

    def test_what_a_worker_that_died_left_of_a_recording_is_none_of_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, b = (Recording(name, name, name) for name in "ab")

        def window(key: int, number: int, value: float) -> Window:
            mel = LogMel(np.full((80, 7), value, np.float32), 0.1)
            return Window(key, number, float(number), number + 0.07, mel, Sound(0.1, 0.0, 3.0))

        heard = [Opened(0, a), window(0, 0, 1.0), Opened(1, b), window(1, 0, 5.0), window(0, 1, 2.0)]
        again = [window(0, 0, 1.5), Broken(1, "decode", "E", "壊れ\udcff"), Closed(0, 1, 0.07, 0.0, ("incomplete",))]
        monkeypatch.setattr(recorded, "InProcess", lambda _: lambda _: iter([*heard, *again]))
        kept = open_recorded(tmp_path / "it", "", SETTINGS, [], HERE)
        said = list(kept.stage()([(1, b), (0, a)]))
        assert [said[0], said[1], said[2], said[4]] == [Opened(1, b), again[1], Opened(0, a), again[2]]
        found = said[3]
        assert isinstance(found, Window)
        assert (found.mel.values == 1.5).all()
        assert (found.number, found.end_s, found.sound, found.mel.floor) == (0, 0.07, Sound(0.1, 0.0, 3.0), 0.1)
        assert kept.frames == 7


class TestTorn:
    @pytest.fixture
    def few(self) -> list[Task]:
        return tasks_of(*sorted((CORPUS / "その他").iterdir()))

    @pytest.fixture
    def folder(self, few: list[Task], tmp_path: Path) -> Path:
        open_recorded(tmp_path / "it", "one", SETTINGS, few, HERE)
        return tmp_path / "it"

    @pytest.mark.parametrize("name", ["recorded.json", "messages.jsonl", "features.bin"])
    @pytest.mark.parametrize("how", ["gone", "cut", "changed"])
    def test_what_is_not_whole_is_heard_again(self, name: str, how: str, folder: Path, few: list[Task]) -> None:
        path = folder / name
        content = path.read_bytes()
        before = open_recorded(folder, "one", SETTINGS, nothing(), HERE)
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(content[:-3] if how == "cut" else content[:60] + b"!" + content[61:])
        if (name, how) == ("features.bin", "changed"):
            # Not all of it is read to be sure, but no window goes to the engine that is another.
            with pytest.raises(OutputError, match=r"is damaged; remove .*it, and what is in it is made anew"):
                list(open_recorded(folder, "one", SETTINGS, nothing(), HERE).stage()(few))
            return
        with pytest.raises(AssertionError, match="heard again"):
            open_recorded(folder, "one", SETTINGS, nothing(), HERE)
        assert open_recorded(folder, "one", SETTINGS, few, HERE).frames == before.frames
        assert path.read_bytes() == content

    def test_features_that_are_gone_meanwhile_are_named(self, folder: Path, few: list[Task]) -> None:
        kept = open_recorded(folder, "one", SETTINGS, nothing(), HERE)
        (folder / "features.bin").unlink()
        with pytest.raises(OutputError, match=r"features\.bin cannot be read: No such file"):
            list(kept.stage()(few))

    @pytest.mark.parametrize("workers", [0, 1])
    def test_what_is_broken_off_leaves_nothing(self, workers: int, few: list[Task], tmp_path: Path) -> None:
        def stop(count: int, _: float) -> None:
            if count == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            open_recorded(tmp_path / "it", "one", SETTINGS, few, FrontendOptions(workers), stop)
        assert not list(tmp_path.iterdir())

    def test_a_full_disk_is_said_in_a_line(
        self, few: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(recorded, "_written", full)
        with pytest.raises(OutputError, match="it cannot be written: No space left on device"):
            open_recorded(tmp_path / "it", "one", SETTINGS, few, HERE)
        assert not list(tmp_path.iterdir())

    def test_killed_halfway_it_is_begun_again(self, few: list[Task], tmp_path: Path) -> None:
        code = """
import sys
from pathlib import Path
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.recorded import open_recorded
from anime_whisper_ct2.options import FrontendOptions
from tests.executors.test_recorded import tasks_of
from tests.support.processes import die

tasks = tasks_of(*map(Path, sys.argv[2:]))
stop = lambda count, _: die() if count == 2 else None
open_recorded(Path(sys.argv[1]), "one", FeatureSettings(80, half=False), tasks, FrontendOptions(0), stop)
"""
        folder = tmp_path / "it"
        command = [sys.executable, "-c", code, str(folder), *(str(recording.audio) for _, recording in few)]
        done = subprocess.run(command, env={**BARE, "PYTHONPATH": PYTHONPATH}, capture_output=True, check=False)
        assert done.returncode not in (0, 1), done.stderr
        assert [path.name for path in tmp_path.iterdir()] != ["it"]
        assert not folder.exists()
        told: list[int] = []
        open_recorded(folder, "one", SETTINGS, few, HERE, lambda count, _: told.append(count))
        assert told == [1, 2, 3, 4]
        assert [path.name for path in tmp_path.iterdir()] == ["it"]
