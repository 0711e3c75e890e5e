"""A run of as many segments as one likes, made up line by line; the same seed gives the same bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anime_whisper_ct2.output.lines import TRANSCRIPTS

_SIGNS = (
    "それからがっこうでくすりをわすれたらしいよただいま美咲も教室待宿題調学校薬忘神社明日お菓子買アイス、。…！？!?ー"
)
_RARE = ("ＡＢＣ１２３", "ｶﾞｷﾞ", "ABC", "か\u3099", "①", "♪", " ", "㍻", "é", "e\u0301", "🙂")
_FLAGS = (
    "repetition",
    "cap",
    "fast",
    "slow",
    "low_logprob",
    "doubtful",
    "noisy",
    "clipped",
    "replaced",
    "stock_phrase",
)
_TEXTS = 50_000
# No recording that is made up is longer, in seconds.
SOUND_S = 100.0
_SPEAKERS = 200


def make_run(folder: Path, segments: int, seed: int = 1, sound: Path | None = None) -> Path:
    """Write a run's `transcripts.jsonl` of so many segments, of which some are of one recording; gives the file.

    Nothing is to be heard of them but where `sound` is given, a file of `SOUND_S` that all of them are said to be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / TRANSCRIPTS
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in made_up(segments, seed):
            if sound is not None:
                line |= {"audio": str(sound), "duration": SOUND_S}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return path


def made_up(segments: int, seed: int = 1, texts: int = _TEXTS) -> Iterator[dict[str, Any]]:
    """Give the lines of a run of so many segments, in no order of ids; some recordings have none."""
    draw = random.Random(seed)
    pool = [_text(draw) for _ in range(min(texts, segments + 1))]
    left, number = segments, 0
    while left:
        count = draw.choices((0, 1, draw.randint(2, 8)), (1, 90, 9))[0]
        count = min(count, left)
        yield _recording(draw, number, count, pool)
        left -= count
        number += 1


def _text(draw: random.Random) -> str:
    text = "".join(draw.choices(_SIGNS, k=draw.randint(1, 40)))
    return text + draw.choice(_RARE) if draw.random() < 0.05 else text


def _recording(draw: random.Random, number: int, count: int, pool: list[str]) -> dict[str, Any]:
    at, made = 0.0, []
    for _ in range(count):
        seconds = draw.uniform(0.2, 10.0)
        made.append(_segment(draw, at, at + seconds, draw.choice(pool)))
        at += seconds + draw.uniform(0.0, 1.0)
    own = ["incomplete"] if draw.random() < 0.01 else []
    flags = list(dict.fromkeys([*(flag for segment in made for flag in segment["flags"]), *own]))
    id_ = f"話者{draw.randrange(_SPEAKERS):03d}/第{draw.randrange(10)}章/{number:07d}.ogg"
    return {
        "id": id_ if draw.random() < 0.99 else f"{number:07d}.ogg",
        "audio": f"/corpus/{id_}",
        "duration": round(at, 3),
        "language": "ja",
        "text": "".join(segment["text"] for segment in made),
        "segments": made,
        "flags": flags if made else ["empty"],
        "meta": {"speaker": f"名前{draw.randrange(9)}"} if draw.random() < 0.1 else {},
    }


def _segment(draw: random.Random, start: float, end: float, text: str) -> dict[str, Any]:
    segment: dict[str, Any] = {
        "start": round(start, 3),
        "end": round(end, 3),
        "text": text,
        "avg_logprob": -round(draw.expovariate(5.0), 4),
        "no_speech_prob": round(draw.random() / 10, 4),
        "compression_ratio": round(draw.uniform(0.7, 2.0), 3),
        "flags": draw.sample(_FLAGS, draw.randint(1, 2)) if draw.random() < 0.1 else [],
    }
    if draw.random() < 0.03:
        kept = draw.choice(("first", "full", "beam"))
        segment["retries"] = {"reasons": ["low_logprob"], "tried": ["full", "beam"], "kept": kept}
    if draw.random() < 0.98:
        segment["doubt"] = round(draw.random() ** 4, 4)
    return segment
