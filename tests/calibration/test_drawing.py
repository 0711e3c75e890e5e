"""Recordings with a reference are drawn before others, and others only fill up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anime_whisper_ct2.calibration.drawing import META, Measured, draw_measured
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.options import AUDIO, FrontendOptions
from anime_whisper_ct2.readers import Corpus

CLIPS = 30


@pytest.fixture
def clips(write_tone: Callable[..., Path]) -> Path:
    paths = [write_tone(f"clips/{n:02}.wav", 0.3 + n * 0.05) for n in range(CLIPS)]
    return paths[0].parent


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine()
    yield engine
    engine.close()


def references(folder: Path, names: list[str]) -> str:
    path = folder.parent / "references.jsonl"
    path.write_text("".join(json.dumps({"id": name, "text": f"text of {name}"}) + "\n" for name in names), "utf-8")
    return str(path)


def drawn(engine: FakeEngine, corpus: str | Path, wanted: int, known: str | None) -> Measured:
    return draw_measured(engine, Corpus((str(corpus),)), wanted, known, FrontendOptions(workers=1), AUDIO)


def ids(measured: Measured) -> list[str]:
    return [recording.id for recording in measured.sample.recordings]


def test_of_few_references_none_is_left_out_and_others_fill_up(clips: Path, engine: FakeEngine) -> None:
    # Two without an extension, as references often name them.
    named = ["02.wav", "03", "17.wav", "28"]
    measured = drawn(engine, clips, 10, references(clips, named))
    assert len(measured.sample.windows) == 10
    assert {"02.wav", "03.wav", "17.wav", "28.wav"} <= set(ids(measured))
    assert {ids(measured)[at]: text for at, text in measured.right.items()} == {
        f"{name[:2]}.wav": f"text of {name}" for name in named
    }
    lengths = [window.end_s for window in measured.sample.windows]
    assert lengths == sorted(lengths)
    assert [round(0.3 + int(id_[:2]) * 0.05, 2) for id_ in ids(measured)] == [round(length, 2) for length in lengths]


def test_of_many_references_only_clips_that_have_one_are_drawn(clips: Path, engine: FakeEngine) -> None:
    measured = drawn(engine, clips, 6, references(clips, [f"{n:02}.wav" for n in range(0, CLIPS, 2)]))
    assert len(measured.right) == len(measured.sample.windows) == 6
    assert all(int(id_[:2]) % 2 == 0 for id_ in ids(measured))


def test_the_same_clips_are_drawn_every_time(clips: Path, engine: FakeEngine) -> None:
    known = references(clips, ["02.wav", "17.wav"])
    assert ids(drawn(engine, clips, 5, known)) == ids(drawn(engine, clips, 5, known))


def test_texts_that_the_corpus_brings_along_come_first_too(clips: Path, engine: FakeEngine) -> None:
    rows = [{"audio": f"{n:02}.wav", **({"text": f"せりふ{n}"} if n % 5 == 0 else {"text": " "})} for n in range(CLIPS)]
    table = clips / "list.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    measured = drawn(engine, table, 8, META)
    assert len(measured.sample.windows) == 8
    assert sorted(measured.right.values()) == sorted(f"せりふ{n}" for n in range(0, CLIPS, 5))


def test_ids_that_fit_by_the_ends_of_their_paths_fit_as_in_an_evaluation(clips: Path, engine: FakeEngine) -> None:
    known = references(clips, [f"another/folder/{n:02}.wav" for n in range(CLIPS)])
    assert len(drawn(engine, clips, 7, known).right) == 7


def test_references_to_what_cannot_be_measured_are_refused(clips: Path, engine: FakeEngine) -> None:
    for n in range(2):
        (clips / f"broken{n}.ogg").write_bytes(b"no")
    with pytest.raises(InputError, match="of 2 recordings with a reference, none is a clip of up to 30 s"):
        drawn(engine, clips, 5, references(clips, ["broken0.ogg", "broken1.ogg"]))


def test_others_that_cannot_be_read_are_not_missed(clips: Path, engine: FakeEngine) -> None:
    known = references(clips, [f"{n:02}.wav" for n in range(CLIPS)])
    (clips / "broken.ogg").write_bytes(b"no")
    assert len(drawn(engine, clips, CLIPS + 5, known).sample.windows) == CLIPS
