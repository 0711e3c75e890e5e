"""The sample corpus as a poor model would hear it: mistakes that are known, where they are, and how they show."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anime_whisper_ct2.output.lines import TRANSCRIPTS

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What a recording of one segment is heard as; `wrong` stands where `right` belongs, and is doubted so much."""

    id: str
    right: str
    wrong: str
    doubt: float
    flags: tuple[str, ...] = ()
    logprob: float | None = None


# Of these, only the words in the place of others are doubted.
MISHEARD = (
    Mistake("さくら/第一章/001.ogg", "薬", "楽", 0.46),
    Mistake("さくら/第一章/009.ogg", "踊", "怒", 0.41),
    Mistake("さくら/第二章/005.flac", "魔法", "マホ", 0.62, ("low_logprob",), -1.21),
    Mistake("悠真/第一章/教室/006.wav", "弟", "音", 0.37),
    Mistake("魔王/決戦 (最終話)/004.ogg", "姉さん", "兄さん", 0.34),
    Mistake("先生/放課後/004.ogg", "砂浜", "砂場", 0.29),
)
# Of these, nothing is left of what was said.
MADE_UP = (
    Mistake("その他/001.ogg", "", "ご視聴ありがとうございました", 0.95, ("stock_phrase",)),
    Mistake("悠真/第一章/屋上/001.wav", "", "はいはいはいはいはいはいはいはいはいはい", 0.95, ("repetition", "fast")),
)
SOUND_FLAGS = {"先生/放課後/001.mp3": "noisy", "魔王/決戦 (最終話)/001.m4a": "clipped"}


def spoil(run: Path) -> Path:
    """Put the mistakes into a run of the sample corpus that knows words or does not; gives its folder."""
    mistakes = {one.id: one for one in (*MISHEARD, *MADE_UP)}

    def spoiled(line: Json) -> Json:
        """Change what one line says."""
        if flag := SOUND_FLAGS.get(line["id"]):
            line["flags"] = line["segments"][0]["flags"] = [flag]
        if mistake := mistakes.get(line["id"]):
            _mishear(line, mistake)
        return line

    return rewrite(run, spoiled)


def rewrite(run: Path, change: Callable[[Json], Json]) -> Path:
    """Change the lines of a run; gives its folder."""
    path = run / TRANSCRIPTS
    lines = [change(json.loads(line)) for line in path.read_bytes().splitlines()]
    path.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return run


def _mishear(line: Json, mistake: Mistake) -> None:
    (segment,) = line["segments"]
    if not mistake.right:
        segment["text"] = mistake.wrong
        segment.pop("words", None)
    else:
        assert segment["text"].count(mistake.right) == 1
        assert len(mistake.right) == len(mistake.wrong)
        at = segment["text"].index(mistake.right)
        segment["text"] = segment["text"].replace(mistake.right, mistake.wrong)
        _doubt_words(segment, at, len(mistake.right))
    line["text"] = segment["text"]
    line["flags"] = segment["flags"] = list(mistake.flags)
    segment["doubt"] = mistake.doubt
    if mistake.logprob is not None:
        segment["avg_logprob"] = mistake.logprob


def _doubt_words(segment: Json, at: int, count: int) -> None:
    begun = 0
    for word in segment.get("words", ()):
        ended = begun + len(word["text"])
        word["text"] = segment["text"][begun:ended]
        if begun < at + count and ended > at:
            word["probability"] = round(0.2 + 0.05 * (begun - at), 3)
        begun = ended
