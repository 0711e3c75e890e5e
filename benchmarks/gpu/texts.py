"""Texts and word times of a trained checkpoint on a GPU, held against the CPU's, clip by clip.

    python -m benchmarks.gpu.texts [--words] [--device cuda --compute-type float16] [--recordings 1000] [--out FILE]

A stand-in writes the same text whatever its encoder says, so this takes the small checkpoint of the tests and its
sample corpus. With `--words`, the times are what is compared. What is known is written after each of the runs.
"""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.transcriber import Transcriber
from benchmarks.gpu.bench import said
from benchmarks.gpu.plan import ENCODERS
from benchmarks.gpu.prepare import trained
from benchmarks.measures.places import ROOT, folder
from benchmarks.report import store

SPOKEN = ROOT / "tests" / "sample" / "corpus"
# An encoder position: word times are multiples of it.
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one clip; `words` are (start, end) in seconds."""

    text: str
    logprob: float
    words: tuple[tuple[float, float], ...]
    flags: tuple[str, ...]


def main() -> None:
    """Compare, write JSON after each run, print it."""
    parser = store.parser(__doc__, "gpu-texts")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--compute-type", default="float16")
    parser.add_argument("--recordings", type=int, help="so many of the sample corpus, instead of all")
    parser.add_argument("--words", action="store_true", help="compare when words are spoken")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    problems: dict[str, str] = {}
    with folder(options.temp) as temp:
        converted = trained(temp)
        theirs = transcribed(converted, "cpu", "float32", "ctranslate2", options.recordings, words=options.words)
        types = (options.compute_type,) if options.words else tuple(dict.fromkeys(("float32", options.compute_type)))
        for name, compute_type, encoder in ((f"{t}, {e}", t, e) for t in types for e in ENCODERS):
            try:
                ours = transcribed(
                    converted, options.device, compute_type, encoder, options.recordings, words=options.words
                )
                figures[name] = spoken_alike(ours, theirs) if options.words else alike(ours, theirs)
            except Exception as error:  # the others may work all the same
                traceback.print_exc()
                problems[name] = said(error)
            store.save(options.out, {"device": options.device}, {**figures, "problems": problems})
    print(figures)
    if problems:
        sys.exit("; ".join(f"{name}: {problem}" for name, problem in problems.items()))


def transcribed(
    model: Path, device: str, compute_type: str, encoder: str, most: int | None = None, *, words: bool = False
) -> dict[str, Heard]:
    """Transcribe the sample corpus at 30 s."""
    settings: dict[str, Any] = {"device": device, "compute_type": compute_type, "encoder": encoder}
    with Transcriber(str(model), **settings, batch_size=8, workers=1, window="full", words=words) as transcriber:
        return {
            each.id: _heard(each)
            for each in transcriber.transcribe(islice(Corpus((str(SPOKEN),)), most), on_error="yield")
            if isinstance(each, Transcript)
        }


def alike(ours: dict[str, Heard], theirs: dict[str, Heard]) -> dict[str, Any]:
    """Count equal texts, and give by how much their scores differ at most."""
    same = [(ours[name], one) for name, one in theirs.items() if name in ours and ours[name].text == one.text]
    return {
        "clips": len(theirs),
        "equal": len(same),
        # Of equal texts: others have other tokens.
        "logprob_difference": max((abs(one.logprob - other.logprob) for one, other in same), default=None),
    }


def spoken_alike(ours: dict[str, Heard], theirs: dict[str, Heard]) -> dict[str, Any]:
    """Of equal texts, count words, and those that begin and end within a step of where they do for the CPU."""
    pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
    without = 0
    for name, one in theirs.items():
        if name in ours and ours[name].text == one.text:
            without += bool(one.words) and not ours[name].words
            pairs += zip(ours[name].words, one.words, strict=False)
    return {
        **alike(ours, theirs),
        "words": len(pairs),
        "words_equal": sum(_near(mine, yours) for mine, yours in pairs),
        "clips_without_words": without,
        "flags": dict(Counter(flag for one in ours.values() for flag in one.flags)),
    }


def _near(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(mine - yours) <= _STEP_S + 1e-6 for mine, yours in zip(one, other, strict=True))


def _heard(transcript: Transcript) -> Heard:
    segments = transcript.segments
    return Heard(
        transcript.text,
        sum(segment.avg_logprob for segment in segments),
        tuple((word.start, word.end) for segment in segments for word in segment.words),
        tuple(flag for segment in segments for flag in segment.flags),
    )


if __name__ == "__main__":
    main()
