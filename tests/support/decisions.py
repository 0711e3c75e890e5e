"""What reviewers decide about a run on disk, without a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews import Action, Decision, open_log, review_folder, version_of

# 2027, in microseconds since 1970.
_BEGUN = 1_800_000_000_000_000


def seen(transcript: Transcript, number: int, action: Action, value: Any = None, **more: Any) -> Decision:
    """Draft a decision about a segment as this transcript has it."""
    segment = transcript.segments[number]
    version = version_of(transcript.id, segment.start, segment.end, segment.text, segment.verdict)
    return Decision("", "", transcript.id, segment.start, segment.end, version, action, value, **more)


def undo(decision: Decision) -> Decision:
    """Draft the undo of a line."""
    return Decision("", "", decision.id, decision.start, decision.end, decision.seen, "undo", decision.step)


def decide(run: Path, reviewer: str, *drafts: Decision, after_s: float = 0.0) -> tuple[Decision, ...]:
    """Append decisions about a run's folder, or another file, so long after a time that is always the same."""
    file = run / "transcripts.jsonl" if run.is_dir() else run
    with open_log(review_folder(file), reviewer, clock=lambda: _BEGUN + round(after_s * 1e6)) as log:
        return log.append(drafts)
