"""Every clip becomes one lesson, of what engine and torch both say of it; whatever cannot costs itself alone."""

from __future__ import annotations

import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from anime_whisper_ct2.adaptation.lessons import INDEX, Lesson, LessonStore
from anime_whisper_ct2.adaptation.teacher import Taught, TextRules, teach
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors import frontend
from anime_whisper_ct2.features.mel import log_mel
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, LogMel, Recording, Window
from anime_whisper_ct2.text.quality import OVERFLOW
from tests.support.commands import BARE
from tests.support.echo import DIFFERS, END, RULES, WHOSE, Echo, said
from tests.support.places import PYTHONPATH
from tests.support.sounds import tone, written

HERE = FrontendOptions(workers=0)


def heard(store: LessonStore, engine: Any, recordings: Any, network: Any = None, **options: Any) -> Taught:
    return teach(recordings, store, engine, network or Echo(), RULES, frontend=HERE, **options)


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeEngine]]:
    engines = []

    def make(decode: Callable[[Window], Decoded] | None = None) -> FakeEngine:
        engines.append(FakeEngine(decode) if decode else FakeEngine())
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def clips(write_tone: Callable[..., Path]) -> Callable[[int], list[Recording]]:
    def make(count: int) -> list[Recording]:
        for n in range(count):
            write_tone(f"clips/{n:02}.wav", 0.3 + n * 0.01)
        return list(Corpus((str(write_tone("clips/00.wav", 0.3).parent),)))

    return make


@pytest.fixture
def store(tmp_path: Path) -> LessonStore:
    return LessonStore(tmp_path / "lessons", WHOSE)


def test_bad_audio_costs_its_line(
    clips: Callable[[int], list[Recording]], fake: Callable[..., FakeEngine], store: LessonStore, tmp_path: Path
) -> None:
    clips(4)
    folder = tmp_path / "clips"
    (folder / "bad.wav").write_bytes(b"RIFF no sound at all")
    written(folder / "long.wav", tone(65), 16_000)
    written(folder / "silent.wav", np.zeros(16_000, np.float32), 16_000)
    failed: list[tuple[str, str]] = []
    done: list[int] = []

    def decode(window: Window) -> Decoded:
        if abs(window.end_s - 0.31) < 0.001:
            raise EngineError("cannot decode this")
        return said(1, 2)

    taught = heard(
        store, fake(decode), Corpus((str(folder),)), on_failure=lambda *of: failed.append(of), on_advance=done.append
    )
    assert taught == Taught(lessons=3, long=1, silent=1, broken=2)
    assert [entry.id for entry in store] == ["00.wav", "02.wav", "03.wav"]
    assert sorted(id_ for id_, _ in failed) == ["01.wav", "bad.wav"]
    assert dict(failed)["01.wav"] == "cannot decode this"
    assert done == sorted(done)
    assert done[-1] == 7


def test_bad_audio_costs_its_line_in_workers_too(
    clips: Callable[[int], list[Recording]], fake: Callable[..., FakeEngine], store: LessonStore, tmp_path: Path
) -> None:
    clips(3)
    (tmp_path / "clips" / "bad.wav").write_bytes(b"RIFF no sound at all")
    failed: list[str] = []
    corpus = Corpus((str(tmp_path / "clips"),))
    options = FrontendOptions(workers=1)
    engine = fake(lambda _: said(1, 2))
    taught = teach(corpus, store, engine, Echo(), RULES, frontend=options, on_failure=lambda id_, _: failed.append(id_))
    assert (taught, failed) == (Taught(lessons=3, broken=1), ["bad.wav"])
    assert heard(store, engine, corpus) == Taught(kept=3, broken=1)


@pytest.mark.parametrize(
    ("decoded", "usable", "tokens"),
    [
        (said(1, 2, 3), True, (1, 2, 3, END)),
        (said(*range(10, 42), capped=True), False, tuple(range(10, 42))),
        (said(1, 2, 3, text="そうそうそうそうそう"), False, (1, 2, 3, END)),
        (said(text="", flags=(OVERFLOW,)), False, (END,)),
        (said(1, DIFFERS, 3, 4), False, (1, DIFFERS, 3, 4, END)),
        (said(*range(10, 28), DIFFERS), True, (*range(10, 28), DIFFERS, END)),
    ],
    ids=["good", "capped", "loop", "overflow", "a fifth differs", "a twentieth differs"],
)
def test_what_is_no_good_to_learn_from_is_kept_and_marked(
    decoded: Decoded,
    usable: bool,
    tokens: tuple[int, ...],
    clips: Callable[[int], list[Recording]],
    fake: Callable[..., FakeEngine],
    store: LessonStore,
) -> None:
    heard(store, fake(lambda _: decoded), clips(1))
    lesson = store.read("00.wav")
    assert (lesson.usable, lesson.tokens) == (usable, tokens)
    assert lesson.hidden[:, 0].tolist()[: len(tokens) - 1] == list(tokens[:-1])


@pytest.mark.parametrize(
    ("rules", "usable"),
    [
        (RULES, False),
        (replace(RULES, never=(50,)), False),
        (replace(RULES, never_first=(51,)), False),
        (replace(RULES, never=(50,), never_first=(51,)), True),
    ],
)
def test_tokens_that_the_engine_may_not_take_are_not_held_against_it(
    rules: TextRules,
    usable: bool,
    clips: Callable[[int], list[Recording]],
    fake: Callable[..., FakeEngine],
    store: LessonStore,
) -> None:
    class Forbidden(Echo):
        """Would rather write 50 everywhere, and 51 at first."""

        def logits(self, hidden: torch.Tensor) -> torch.Tensor:
            scores = super().logits(hidden)
            scores[:, 50] = 2
            scores[0, 51] = 3
            return scores

    teach(clips(1), store, fake(lambda _: said(1, 2)), Forbidden(), rules, frontend=HERE)  # type: ignore[arg-type]
    assert [entry.usable for entry in store] == [usable]


@pytest.mark.parametrize(("differing", "stops"), [(10, False), (11, True)])
def test_where_torch_and_the_engine_differ_on_most_of_the_first_the_checkpoint_is_not_taught(
    differing: int,
    stops: bool,
    clips: Callable[[int], list[Recording]],
    fake: Callable[..., FakeEngine],
    store: LessonStore,
) -> None:
    def decode(window: Window) -> Decoded:
        bad = round((window.end_s - 0.3) / 0.01) < differing
        return said(*(DIFFERS if bad else 1,) * 5)

    recordings = clips(20)
    if not stops:
        assert heard(store, fake(decode), recordings).lessons == 20
        assert sum(entry.usable for entry in store) == 10
        return
    with pytest.raises(EngineError, match="differently: of the first 20 texts, 11 are not what torch would write"):
        heard(store, fake(decode), recordings)
    # None of those is kept, so that the next call says the same, and another device can hear them.
    assert len(store) <= 9
    assert all(entry.usable for entry in store)
    with pytest.raises(EngineError, match="differently: of the first 20 texts, 20"):
        heard(store, fake(lambda _: said(*(DIFFERS,) * 5)), clips(31))
    assert heard(store, fake(lambda _: said(1, 2)), recordings).lessons >= 11


def test_other_audio_under_an_id_is_heard_again(
    clips: Callable[[int], list[Recording]], fake: Callable[..., FakeEngine], store: LessonStore, tmp_path: Path
) -> None:
    recordings = clips(3)
    assert heard(store, fake(lambda _: said(1, 2)), recordings).lessons == 3
    written(tmp_path / "clips" / "01.wav", tone(0.9), 16_000)
    assert heard(store, fake(lambda _: said(3)), recordings) == Taught(lessons=1, kept=2)
    again = LessonStore(tmp_path / "lessons", WHOSE)
    assert [again.read(entry.id).tokens for entry in again] == [(1, 2, END), (3, END), (1, 2, END)]
    assert again.frames("01.wav") >= 90
    # The very audio of it, from another place.
    (tmp_path / "other").mkdir()
    (tmp_path / "clips" / "02.wav").rename(tmp_path / "other" / "02.wav")
    moved = Corpus((str(tmp_path / "other"),))
    assert heard(again, fake(lambda _: said(4)), moved) == Taught(lessons=1)


def test_memory_does_not_grow_with_the_corpus_or_a_recording(
    clips: Callable[[int], list[Recording]],
    fake: Callable[..., FakeEngine],
    store: LessonStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alive: list[weakref.ref[Any]] = []
    counts: list[int] = []

    def noted(*given: Any) -> LogMel:
        made = log_mel(*given)
        alive.append(weakref.ref(made.values))
        counts.append(sum(one() is not None for one in alive))
        return made

    monkeypatch.setattr(frontend, "log_mel", noted)
    clips(60)
    written(tmp_path / "clips" / "00-long.wav", tone(301), 16_000)
    engine = fake(lambda _: said(1, 2))
    # What the engine was given, the fake one keeps.
    monkeypatch.setattr(engine, "batches", _Nothing())
    assert heard(store, engine, Corpus((str(tmp_path / "clips"),))) == Taught(lessons=60, long=1)
    assert len(counts) == 71
    # Two batches of four with the engine, the next one, and what is being made.
    assert max(counts) <= 16


class _Nothing(list[Any]):
    def append(self, _: Any) -> None:
        pass


KILLED = """
import sys
from pathlib import Path
from tests.support.echo import RULES, WHOSE, Echo, said
from tests.support.processes import die
from anime_whisper_ct2.adaptation.lessons import LessonStore
from anime_whisper_ct2.adaptation.teacher import teach
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.readers import Corpus

teach(Corpus((sys.argv[1],)), LessonStore(Path(sys.argv[2]), WHOSE), FakeEngine(lambda _: said(1, 2)), Echo(), RULES,
      frontend=FrontendOptions(workers=0), on_advance=lambda done: die() if done == 5 else None)
"""


def test_what_a_killed_process_has_heard_is_not_heard_again(
    clips: Callable[[int], list[Recording]], fake: Callable[..., FakeEngine], tmp_path: Path
) -> None:
    recordings = clips(12)
    folder = tmp_path / "lessons"
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "clips"), str(folder)]
    done = subprocess.run(
        arguments, env={**BARE, "PYTHONPATH": PYTHONPATH}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0, done.stderr
    assert "Error" not in done.stderr
    # The line that it was at.
    with (folder / INDEX).open("ab") as index:
        index.write(b'{"id": "05.wa')
    store = LessonStore(folder, WHOSE)
    assert len(store) == 5
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert heard(store, fake(lambda _: said(1, 2)), recordings) == Taught(lessons=7, kept=5)
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}.items() > before.items()
    lessons: list[Lesson] = [LessonStore(folder, WHOSE).read(entry.id) for entry in store]
    assert [lesson.id for lesson in lessons] == [recording.id for recording in recordings]
    assert {lesson.tokens for lesson in lessons} == {(1, 2, END)}
