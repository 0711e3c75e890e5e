"""A long recording that is cut short at any moment goes on from there, and comes out as if it never had been."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions, RunOptions, SegmentOptions
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.output.unfinished import UNFINISHED
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, Retries, Window, Word
from tests.support.sounds import tone

SECONDS, WINDOWS = 230.0, 8
OPTIONS = RunOptions(frontend=FrontendOptions(workers=0), segment=SegmentOptions("off"))
Follow = Callable[[Totals, object], None]


def decode(window: Window) -> Decoded:
    """Say what depends on the sound alone, with figures that have many digits; of one window nothing."""
    if window.number == 3:
        return Decoded("", (), -0.1, 0.9)
    text = f"{window.sound.rms:.9f}秒"
    words = (Word(0.0, 1 / 3, text, window.sound.rms),)
    retries = Retries(("cap",), ("full",), "full") if window.number == 2 else None
    return Decoded(text, (1, 2), -window.sound.rms / 3, window.sound.rms / 7, words=words, retries=retries)


class Recordings:
    """A corpus of a long recording and a short one, its undisturbed results, and runs of it."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder
        self.corpus = folder / "corpus"
        self.corpus.mkdir()
        soundfile.write(self.corpus / "long.flac", tone(SECONDS), 16_000)
        soundfile.write(self.corpus / "short.flac", tone(1.5), 16_000)
        self._model = open_model_dir(model)
        self.engine = FakeEngine()
        self.run(folder / "undisturbed")
        self.lines = self.lines_of(folder / "undisturbed")

    def run(self, out: Path, follow: Follow = lambda _totals, _outcome: None, **options: Any) -> Totals:
        """Do the corpus, or the rest of it; `engine` is the one that did it."""
        self.engine = FakeEngine(decode, batch_size=2)
        chosen = replace(OPTIONS, **options)
        corpus = Corpus((str(self.corpus),))
        return CorpusRun(corpus, out, self._model, chosen, open_engine=lambda *_: self.engine, on_progress=follow).run()

    def windows_taken(self) -> int:
        """Count those that the engine was given for their first text."""
        return sum(len(batch.windows) for batch in self.engine.batches if batch.step == "first")

    @staticmethod
    def lines_of(out: Path) -> list[str]:
        """Give the lines of a run, sorted."""
        return sorted((out / "transcripts.jsonl").read_text(encoding="utf-8").splitlines())

    def killed(self) -> list[Path]:
        """Give what is on the disk at every moment at which the run could be killed."""
        left: list[Path] = []
        out = self.folder / "out"

        def copy(_totals: Totals, _outcome: object) -> None:
            left.append(self.folder / f"killed-{len(left)}")
            if (out / "run.json").exists():
                shutil.copytree(out, left[-1], ignore=shutil.ignore_patterns(".lock", ".holder"))
            else:
                left[-1].mkdir()

        self.run(out, copy)
        return left


def kept(out: Path) -> int:
    return sum(path.read_bytes().count(b"\n") - 1 for path in (out / UNFINISHED).glob("*"))


@pytest.fixture
def recordings(tmp_path: Path, tiny_model: Path) -> Recordings:
    return Recordings(tmp_path, tiny_model)


def test_killed_at_any_moment_the_lines_are_those_of_an_undisturbed_run(recordings: Recordings) -> None:
    seen = set()
    for out in recordings.killed():
        before = kept(out)
        done = len((out / "transcripts.jsonl").read_bytes().splitlines()) if (out / "transcripts.jsonl").exists() else 0
        seen.add(before)
        totals = recordings.run(out)
        assert recordings.lines_of(out) == recordings.lines
        assert not (out / UNFINISHED).exists()
        # Nothing that was kept is decoded again.
        if done < 2:
            assert recordings.windows_taken() <= WINDOWS + 1 - before
            assert totals.kept_seconds == pytest.approx(SECONDS * before / WINDOWS, abs=15)
    assert len(seen) >= 3


def test_wherever_the_kept_lines_are_torn_the_rest_is_done_again(recordings: Recordings) -> None:
    out = next(path for path in recordings.killed() if kept(path) >= 4)
    (path,) = (out / UNFINISHED).glob("*")
    whole = path.read_bytes()
    for cut in range(0, len(whole), len(whole) // 5):
        torn = recordings.folder / f"torn-{cut}"
        shutil.copytree(out, torn)
        (torn / UNFINISHED / path.name).write_bytes(whole[:cut])
        recordings.run(torn)
        assert recordings.lines_of(torn) == recordings.lines


def test_a_file_that_was_changed_meanwhile_is_not_mixed_with_what_it_was(recordings: Recordings) -> None:
    out = next(path for path in recordings.killed() if kept(path) >= 4)
    samples = tone(SECONDS)
    samples[: 16_000 * 45] *= 0.5  # two windows sound otherwise
    soundfile.write(recordings.corpus / "long.flac", samples, 16_000)
    recordings.run(recordings.folder / "of-the-new")
    expected = recordings.lines_of(recordings.folder / "of-the-new")
    recordings.run(out)
    assert recordings.lines_of(out) == expected != recordings.lines


def test_the_figures_tell_what_the_run_itself_did(recordings: Recordings) -> None:
    out = next(path for path in recordings.killed() if kept(path) >= 4)
    recordings.run(out)
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["audio_seconds"] == pytest.approx(SECONDS + (1.5 if run["done"] == 2 else 0.0))
    assert SECONDS / 3 < run["kept_seconds"] < SECONDS
    assert run["speed"] == pytest.approx((run["audio_seconds"] - run["kept_seconds"]) / run["wall_seconds"], rel=0.02)


def test_stopping_does_not_wait_for_the_end_of_the_recording_and_keeps_what_came(recordings: Recordings) -> None:
    out = recordings.folder / "stopped"
    run: CorpusRun

    def stop(totals: Totals, _outcome: object) -> None:
        if any(one.done_s > 100 for one in totals.underway.values()):
            run.stop()

    engine = FakeEngine(decode, batch_size=2)
    run = CorpusRun(
        Corpus((str(recordings.corpus / "long.flac"),)),
        out,
        open_model_dir(recordings._model.path),
        OPTIONS,
        open_engine=lambda *_: engine,
        on_progress=stop,
    )
    totals = run.run()
    assert totals.done == 0
    # All that the engine had in hand is kept, too.
    assert 4 <= kept(out) == sum(len(batch.windows) for batch in engine.batches) < WINDOWS
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["state"] == "interrupted"
    recordings.run(out)
    assert recordings.lines_of(out) == recordings.lines


def test_what_is_kept_of_recordings_that_are_gone_is_told_at_the_end_of_a_run_over_all(recordings: Recordings) -> None:
    out = next(path for path in recordings.killed() if kept(path) >= 4)
    (recordings.corpus / "long.flac").rename(recordings.folder / "long.flac")
    model = open_model_dir(recordings._model.path)

    def notes(**chosen: Any) -> list[str]:
        said: list[str] = []
        corpus = Corpus((str(recordings.corpus),), **chosen)
        CorpusRun(corpus, out, model, OPTIONS, open_engine=lambda *_: FakeEngine(decode), on_note=said.append).run()
        return [line for line in said if UNFINISHED in line]

    assert notes() == [
        f"{out / UNFINISHED} holds the beginning of 1 recording not found in INPUT; "
        "give the INPUT of then to go on there, or remove that folder"
    ]
    # Of these nobody knows what there is beside what they take.
    for chosen in ({"limit": 9}, {"shard": (0, 1)}, {"include": ("*",)}, {"exclude": ("x",)}):
        assert notes(**chosen) == []
    # One that fails is there, and waits to be tried again.
    (recordings.corpus / "long.flac").write_bytes(b"no audio")
    assert notes() == []
    (recordings.folder / "long.flac").replace(recordings.corpus / "long.flac")
    recordings.run(out, retry_failed=True)
    assert recordings.lines_of(out) == recordings.lines


def test_that_a_run_goes_on_in_the_middle_is_said_at_once(recordings: Recordings) -> None:
    out = next(path for path in recordings.killed() if kept(path) >= 4)
    said: list[str] = []

    def opened(*_: object) -> FakeEngine:
        # Before the model loads, which may take a while.
        assert said == ["Of 1 recording that an earlier run has begun, what it finished is kept, and is not done again"]
        return FakeEngine(decode)

    corpus, model = Corpus((str(recordings.corpus),)), open_model_dir(recordings._model.path)
    CorpusRun(corpus, out, model, OPTIONS, open_engine=opened, on_note=said.append).run()
    CorpusRun(corpus, out, model, OPTIONS, open_engine=opened, on_note=said.append).run()
    assert len(said) == 1


def test_overwrite_keeps_nothing(recordings: Recordings) -> None:
    out = next(path for path in recordings.killed() if kept(path) >= 4)
    recordings.run(out, overwrite=True)
    assert recordings.windows_taken() == WINDOWS + 1


def test_short_recordings_are_written_once(recordings: Recordings, monkeypatch: pytest.MonkeyPatch) -> None:
    (recordings.corpus / "long.flac").unlink()
    monkeypatch.setattr("anime_whisper_ct2.output.unfinished.Unfinished.keep", lambda *_: pytest.fail("kept"))
    soundfile.write(recordings.corpus / "two-windows.flac", tone(55.0), 16_000)
    assert recordings.run(recordings.folder / "clips").done == 2
