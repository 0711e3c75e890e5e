"""References and sounds are measured as a run would meet them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from anime_whisper_ct2.calibration import Calibration, CalibrationOptions, calibrate, write_profile
from anime_whisper_ct2.calibration.rises import LEAST_REFERENCES
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Decoded, Window
from anime_whisper_ct2.text.doubt import MARKS, Bounds

OPTIONS = CalibrationOptions(clips=50, tails_s=(2.56,))
LINES = 24


@pytest.fixture
def clips(write_tone: Callable[..., Path]) -> Path:
    """Clips of different lengths: by theirs, the fake engine knows them again."""
    paths = [write_tone(f"clips/{n:02}.wav", 0.5 + n * 0.1) for n in range(LINES)]
    return paths[0].parent


def number(window: Window) -> int | None:
    """Say which clip a window is; None for a sound of the calibration's own."""
    n = round((window.end_s - 0.5) / 0.1)
    return n if n < LINES and abs(window.end_s - 0.5 - n * 0.1) < 0.01 else None


@contextmanager
def model(bad: Callable[[int], bool], speech: float = 0.01, sound: float = 0.9) -> Iterator[FakeEngine]:
    """A model that is unsure of the lines that it gets wrong; 5 s is none of the clips' lengths."""

    def decode(window: Window) -> Decoded:
        n = number(window)
        wrong = n is None or bad(n)
        text = "まるでちがう" if wrong else f"せりふ{n}"
        return Decoded(text, (1, 2, 3), -0.9 if wrong else -0.1 - (n or 0) / 1000, sound if n is None else speech)

    engine = FakeEngine(decode, batch_size=4)
    try:
        yield engine
    finally:
        engine.close()


def references(folder: Path, names: Callable[[int], str] = "{:02}.wav".format) -> str:
    path = folder.parent / "references.jsonl"
    rows = [{"id": names(n), "text": f"せりふ{n}"} for n in range(LINES)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def measured(clips: Path, engine: FakeEngine, known: str | None = None) -> Calibration:
    return calibrate(engine, Corpus((str(clips),)), OPTIONS, references=known, frontend=FrontendOptions(workers=1))


def test_a_model_that_is_unsure_of_its_bad_lines_gets_a_bound_that_finds_them(clips: Path) -> None:
    with model(lambda n: n % 2 == 0) as engine:
        result = measured(clips, engine, references(clips))
    assert result.doubt is not None
    assert (result.doubt.lines, result.doubt.bad, result.doubt.found) == (LINES, LINES // 2, 100.0)
    assert result.doubt.wrongly <= 10.0


def test_a_model_that_has_unlearnt_to_tell_speech_is_judged_without(clips: Path) -> None:
    # All sounds alike: with the usual bound, every line would be as doubtful as the next.
    with model(lambda n: n % 2 == 0, speech=0.97, sound=0.97) as engine:
        result = measured(clips, engine, references(clips))
    assert result.no_speech is not None
    assert result.no_speech.bound is None
    assert result.doubt is not None
    assert result.doubt.bound is not None
    assert (result.doubt.bound < 0.9, result.doubt.found) == (True, 100.0)


def test_few_bad_lines_set_no_bound_and_leave_an_earlier_one(clips: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in tiny_model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with model(lambda n: n % 2 == 0) as engine:
        result = measured(clips, engine, references(clips))
        write_profile(open_model_dir(folder), result, engine)
    bound = Bounds.of(open_model_dir(folder).awct2)
    assert result.doubt is not None
    assert bound == Bounds(result.doubt.bound or 0.0, 0.5)
    with model(lambda n: n < 3) as engine:
        few = measured(clips, engine, references(clips))
        assert few.doubt is not None
        assert few.doubt.bound is None
        write_profile(open_model_dir(folder), few, engine)
    assert Bounds.of(open_model_dir(folder).awct2) == bound
    # Whatever stood there, a calibration can be made again.
    broken = replace(open_model_dir(folder), awct2={**open_model_dir(folder).awct2, MARKS: None})
    with model(lambda n: n % 2 == 0) as engine:
        write_profile(broken, result, engine)
    assert Bounds.of(open_model_dir(folder).awct2) == bound


def test_references_that_fit_no_clip_are_refused_with_both_names(clips: Path) -> None:
    with model(lambda _: False) as engine, pytest.raises(InputError, match="none of its references fits a clip"):
        measured(clips, engine, references(clips, "other-{}".format))


def test_a_corpus_without_texts_has_none_to_measure_with(clips: Path) -> None:
    with model(lambda _: False) as engine, pytest.raises(InputError, match="brings no texts along"):
        measured(clips, engine, "meta")


@pytest.mark.parametrize(("most", "rule"), [(3.0, "cer_rise"), (0.3, None)])
def test_other_texts_that_are_as_good_pass_where_enough_references_show_it(
    write_tone: Callable[..., Path], most: float, rule: str | None
) -> None:
    """Windows of 30 s get every other clip wrong, and short ones the rest."""
    lines = {round(1 + n * 0.01, 2): f"これはせりふ{n:03}です" for n in range(LEAST_REFERENCES)}
    paths = [write_tone(f"many/{n:03}.wav", length_s) for n, length_s in enumerate(lines)]
    known = paths[0].parent.parent / "references.jsonl"
    rows = [{"id": path.name, "text": line} for path, line in zip(paths, lines.values(), strict=True)]
    known.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def decode(window: Window) -> Decoded:
        line = lines.get(round(window.end_s, 2), "おと")
        batch = next(batch for batch in reversed(engine.batches) if window in batch.windows)
        is_odd = line[-3:-2] in "13579"
        right = is_odd == (batch.frames == 3000)
        return Decoded(line if right else line.replace("せ", "ぜ"), (1, 2, 3), -0.1, 0.01)

    engine = FakeEngine(decode, batch_size=8)
    options = CalibrationOptions(clips=len(lines), tails_s=(2.56,), max_cer_rise=most)
    corpus = Corpus((str(paths[0].parent),))
    result = calibrate(engine, corpus, options, references=str(known), frontend=FrontendOptions(workers=1))
    engine.close()
    (tail,) = result.results
    assert tail.rise is not None
    assert (tail.cer > 5, tail.rise.points, tail.rise.full_cer) == (True, 0.0, pytest.approx(100 / 22))
    assert (result.references, result.rule) == (len(lines), rule)
    assert tail.rise.outcome(most) == ("passed" if rule else "undecided")
    # One of eleven characters in every clip, whichever are drawn.
    assert tail.cer_before_interval == pytest.approx((100 / 11, 100 / 11))
