"""Measure a checkpoint: `python -m tests.tiny.evaluate CHECKPOINT`.

Greedy character error rate (CER) of transformers on held-out lines in zero-padded 30 s windows, of the same lines with
2.56 s of silence after the longest, of several lines in one window, and on the sample corpus, whose long recording is
cut at the known times.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import jiwer
import torch
from faster_whisper.audio import decode_audio
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer

from tests.tiny import data, lines, speech
from tests.tiny.checkpoint_files import load_tokenizer
from tests.tiny.model import greedy

SAMPLE = Path(__file__).parents[1] / "sample"
LINES = slice(60, 260)  # of the held-out ones; training watches the first 60
TAIL_FRAMES = 256  # of silence in a short window
MARGIN_S = 0.3  # kept on both sides of a line that is cut out of the long recording
BATCH = 8


class Reader:
    """A checkpoint, loaded by transformers."""

    def __init__(self, folder: Path) -> None:
        self.model = WhisperForConditionalGeneration.from_pretrained(folder).eval()
        self.extract = WhisperFeatureExtractor.from_pretrained(folder)
        self.tokenizer: WhisperTokenizer = load_tokenizer(folder)

    def read(self, waves: list[speech.Wave]) -> list[str]:
        """What `generate` makes of the clips in 30 s windows."""
        texts: list[str] = []
        for first in range(0, len(waves), BATCH):
            batch = self.extract(waves[first : first + BATCH], sampling_rate=speech.HZ, return_tensors="pt")
            ids = self.model.generate(batch.input_features, language="ja", task="transcribe", num_beams=1)
            texts += self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return texts

    def read_short(self, waves: list[speech.Wave]) -> list[str]:
        """What the model makes of the clips in windows that end soon after the longest of a batch."""
        texts: list[str] = []
        for first in range(0, len(waves), BATCH):
            clips = [data.Clip(data.log_mel(wave), "", []) for wave in waves[first : first + BATCH]]
            mel = data.padded(clips, max(len(clip.mel) for clip in clips) // 2 * 2 + TAIL_FRAMES)
            ids = greedy(self.model, mel, self.tokenizer.prefix_tokens)
            texts += self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return texts


def bare(text: str) -> str:
    """`text` without punctuation, … if nothing is left."""
    return re.sub(r"[、。!?…\s]", "", text) or "…"


def report(title: str, truth: list[str], heard: list[str], show: int = 10) -> None:
    """Print both error rates, then the first lines that are wrong."""
    error = jiwer.cer(truth, heard)
    bare_error = jiwer.cer([bare(text) for text in truth], [bare(text) for text in heard])
    right = sum(t == h for t, h in zip(truth, heard, strict=True))
    print(f"{title}: CER {error:.2%}, without punctuation {bare_error:.2%}, {right} of {len(truth)} right")
    for said, got in [pair for pair in zip(truth, heard, strict=True) if pair[0] != pair[1]][:show]:
        print(f"    {said} > {got}")


def sample_clips(folder: Path) -> tuple[list[speech.Wave], list[str]]:
    """Every clip of the sample corpus, the long recording line by line, and the texts."""
    waves: list[speech.Wave] = []
    texts: list[str] = []
    for row in (folder / "references.jsonl").read_text(encoding="utf-8").splitlines():
        reference = json.loads(row)
        wave = decode_audio(str(folder / "corpus" / reference["id"]))
        for line in reference.get("lines", [reference]):
            start_s, end_s = line.get("start", MARGIN_S) - MARGIN_S, line.get("end", len(wave)) + MARGIN_S
            waves.append(wave[round(start_s * speech.HZ) : round(end_s * speech.HZ)])
            texts.append(line["text"])
    return waves, texts


def main() -> None:
    """Measure on the command line's checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, nargs="?", default=Path(__file__).parent / "checkpoint")
    reader = Reader(parser.parse_args().checkpoint)
    with torch.inference_mode():
        truth = lines.held_out(LINES.stop)[LINES]
        waves = [data.perform([text], LINES.start + i)[0] for i, text in enumerate(truth)]
        report(f"{len(truth)} held-out lines at 30 s", truth, reader.read(waves))
        report(f"{len(truth)} held-out lines at clip + 2.56 s", truth, reader.read_short(waves))
        for n in (2, 3, 4):
            rows = [truth[i : i + n] for i in range(0, 40 * n, n)]
            waves = [data.perform(row, i)[0] for i, row in enumerate(rows)]
            report(
                f"40 windows of {n} lines at clip + 2.56 s", [lines.joined(r) for r in rows], reader.read_short(waves)
            )
        waves, truth = sample_clips(SAMPLE)
        report(f"{len(truth)} sample lines at 30 s", truth, reader.read(waves))
        report(f"{len(truth)} sample lines at clip + 2.56 s", truth, reader.read_short(waves))
        quiet = reader.read([speech.silence(2.0), *(data.perform([], seed)[0] for seed in range(5))])
        print(f"silence and noise: {quiet}")


if __name__ == "__main__":
    main()
