"""Texts, words and figures are held against what is asked of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks.gpu import asked, texts


def test_texts_and_words_are_compared_clip_by_clip() -> None:
    here = texts.Heard("はい", -1.0, ((0.0, 0.4), (0.4, 0.9)), ())
    theirs = {"a": here, "b": here, "c": here, "d": here}
    ours = {
        "a": here,
        "b": replace(here, text="いいえ"),
        "c": replace(here, logprob=-1.5, words=((0.0, 0.41), (0.44, 0.9)), flags=("x",)),
    }
    assert texts.alike(ours, theirs) == {"clips": 4, "equal": 2, "logprob_difference": 0.5}
    told = texts.spoken_alike({**ours, "d": replace(here, words=())}, theirs)
    assert (told["words"], told["words_equal"], told["clips_without_words"]) == (4, 3, 1)
    assert told["flags"] == {"x": 1}


def test_what_is_asked_of_a_gpu_is_held_against_what_was_measured() -> None:
    def system(speed: float, waits: float | None = None) -> dict[str, Any]:
        return {"times_real_time": speed, "wrong_texts": 0, "engine_waits": waits}

    ran = {"awct2-full-torch": system(640, 0.04), "awct2-full-ctranslate2": system(280, 0.06)}
    ran |= {"awct2-fit-torch": system(4500), "hf-32": system(500), "hf-64": system(700)}
    memory = {"done": 99, "found": 100, "memory_halvings": 3}
    seen = {"encode.1500": {"ms": 7.5}, "rows.95": {"wrong_rows": 0}, "rows.96": {"wrong_rows": 12}}
    rows = {
        row["what"]: (row["measured"], row["met"])
        for row in asked.asked({"systems": ran, "memory, torch": memory, "probe": seen})
    }
    assert rows["full, torch encodes: times real time"] == (640, False)
    assert rows["full, ctranslate2 encodes: times real time"] == (280, True)
    assert rows["fit, torch encodes: times real time"] == (4500, True)
    assert rows["fit, ctranslate2 encodes: times real time"] == (None, None)
    assert rows["full, torch encodes: % of the time that the engine waits"] == (4, True)
    assert rows["full, ctranslate2 encodes: % of the time that the engine waits"] == (6, False)
    assert rows["full, times as fast as transformers at its best"] == (pytest.approx(640 / 700), False)
    assert rows["fit, times as fast as transformers at its best"] == (pytest.approx(4500 / 700), True)
    assert rows["% of the clips transcribed though memory ran out, torch encodes"] == (99, False)
    assert rows["full, times as fast as faster-whisper file by file"] == (None, None)
    assert rows["encoder alone, 1500 positions: ms a window"] == (7.5, False)
    assert rows["the calculation, by the encoder at 1500 positions: ms a window"] == (7.5, False)
    assert rows["wrong rows among 96 equal windows of 30 s"] == (12, True)
    assert all(row["met"] is None for row in asked.asked({}))
