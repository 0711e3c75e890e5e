"""The end of `make demo`: a few transcripts beside what was spoken, where the rest is, and what to try next."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from anime_whisper_ct2 import RunFolder

REFERENCES = Path(__file__).with_name("references.jsonl")
SHOWN = 5
LONGEST_S = 30.0  # the recording of three minutes would fill the screen


def beside(run: str, command: str) -> str:
    """Write the transcripts of a run over the sample corpus beside their references, spread over the folders."""
    lines = map(json.loads, REFERENCES.read_text(encoding="utf-8").splitlines())
    spoken = {line["id"]: line["text"] for line in lines}
    heard = [transcript for transcript in RunFolder(run).transcripts() if transcript.duration <= LONGEST_S]
    chosen = heard[:: -(-len(heard) // SHOWN)]
    parts = [f"{len(chosen)} of the transcripts, each above the text that was spoken:"]
    parts += [f"  {one.id}\n    heard   {one.text}\n    spoken  {spoken[one.id]}" for one in chosen]
    parts += [f"All of them are in {run}/transcripts.jsonl. Try next:"]
    nexts = {
        f"{command} export {run} srt": "the same as subtitles",
        f"{command} run YOUR_FOLDER -o my-transcripts": "your own recordings; fetches Anime Whisper, 3.0 GB, once",
    }
    width = max(map(len, nexts))
    parts += ["\n".join(f"  {line:<{width}}  # {what}" for line, what in nexts.items())]
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr] # of a script, a TextIOWrapper
    print(f"\n{beside(*sys.argv[1:])}")
