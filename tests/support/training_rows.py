"""Rows of a training set over audio on the spot, and what was written of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.export.formats import ExportSettings, Row

Write = Callable[[Iterable[Row], Path, ExportSettings], None]
SETTINGS = ExportSettings(title="台詞")
NASTY = "「えっと…」\nねえ\tほら|だめ\u2028🎵♡"
NAMES = ("さくら/第一章/001", "さくら/第一章/002", "魔王/決戦 (最終話)/001", "魔王/決戦 (最終話)/v1.0", "独白")
needs_byte_names = pytest.mark.posix("names that are no UTF-8")


def row(name: str, audio: str | Path, **changes: Any) -> Row:
    base = Row(
        name=name,
        recording=name + Path(audio).suffix,
        audio=str(audio),
        start_s=0.0,
        duration_s=0.5,
        whole=True,
        text=f"台詞 {name}",
        language="ja",
        avg_logprob=-0.25,
        no_speech_prob=0.01,
        doubt=0.125,
    )
    return dataclasses.replace(base, **changes)


def segments(audio: Path) -> list[Row]:
    """Three rows that are stretches of one recording."""
    first = row("", audio, recording="録音/長い.wav", whole=False, duration_s=0.15)
    return [
        dataclasses.replace(first, name=f"録音/長い-{n}", start_s=round(n * 0.15, 3), text=f"{n}") for n in range(3)
    ]


def whole_files(write_tone: Callable[..., Path]) -> list[Row]:
    """Give rows over whole WAV files with Japanese names, in their order; the first one's text is hard to carry."""
    rows = [row(name, write_tone(f"corpus/{name}.wav", 0.5)) for name in NAMES]
    rows[0] = dataclasses.replace(rows[0], text=NASTY, flags=("repeat",), meta={"話": [1, None], "speaker": "桜"})
    return rows


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
