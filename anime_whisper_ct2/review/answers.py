"""What the page is answered: records as the JSON that `web/page/src/api.ts` describes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from anime_whisper_ct2.review.batches import BatchPreview
from anime_whisper_ct2.review.bench import Shown
from anime_whisper_ct2.review.details import Detail
from anime_whisper_ct2.review.index.rows import HEARD, STATUSES, Frozen, Row
from anime_whisper_ct2.review.replacing import ReplacePreview
from anime_whisper_ct2.review.requests import Rule
from anime_whisper_ct2.review.sampling import Sample, SampleClosed
from anime_whisper_ct2.review.session import Decided, State
from anime_whisper_ct2.review.shelf import FrozenQueue

# So many changes of a preview are shown; all of them are made.
_MOST_CHANGES = 2_000
_MOST_SPEAKERS = 500


def row_json(shown: Shown) -> dict[str, Any]:
    """Write a `Row`."""
    row = shown.row
    return {
        "row": row.row,
        "id": row.id,
        "start": row.start,
        "end": row.end,
        "text": row.text,
        "status": row.status,
        "flags": list(row.flags),
        "tags": list(row.tags),
        "speaker": row.speaker,
        "risk": row.risk,
        "reasons": list(row.reasons),
        "doubt": row.doubt,
        "logprob": row.logprob,
        "cps": row.cps,
        "cer": row.cer,
        "by": row.by,
        "at": row.at,
        "heard": row.heard,
        "seen": shown.seen,
    }


def rows_json(rows: Iterable[Shown]) -> list[dict[str, Any]]:
    """Write rows."""
    return [row_json(shown) for shown in rows]


def state_json(state: State) -> dict[str, Any]:
    """Write a `State`."""
    return {
        "run": state.run,
        "kind": state.kind,
        "reviewer": state.reviewer,
        "ready": state.ready,
        "progress": state.progress,
        "problem": state.problem,
        "total": state.total,
        "seconds": state.seconds,
        "against": state.against,
        "normalizer": state.normalizer,
        "words": state.words,
        "flags": list(state.flags),
        "tags": list(state.tags),
        "reviewers": list(state.reviewers),
        "counts": {status: state.counts.get(status, 0) for status in STATUSES},
        "stale": state.stale,
        "can_undo": state.can_undo,
        "can_redo": state.can_redo,
        "note": state.note,
    }


def queue_json(queue: FrozenQueue, frozen: Frozen) -> dict[str, Any]:
    """Write a `Queue`."""
    return {
        "queue": queue.number,
        "count": len(queue.rows),
        "seconds": frozen.seconds,
        "flags": _facets(frozen.flags),
        "speakers": _facets(frozen.speakers),
        "speakers_left_out": frozen.speakers_left_out,
        "statuses": dict(frozen.statuses),
    }


def sample_json(sample: Sample) -> dict[str, Any]:
    """Write a `Sample`."""
    drawn = list(sample.drawn.values())
    return {
        "sample": sample.name,
        "queue": queue_json(sample.queue, _facets_of(drawn)),
        "seed": sample.seed,
        "of": sample.of,
    }


def closed_json(closed: SampleClosed) -> dict[str, Any]:
    """Write a `SampleClosed`."""
    return {
        "k": closed.k,
        "wrong": closed.wrong,
        "skipped": closed.skipped,
        "bound": closed.bound,
        "of": closed.of,
        "step": closed.step,
    }


def decided_json(decided: Decided) -> dict[str, Any]:
    """Write a `Decided`."""
    moved = decided.moved
    return {
        "rows": rows_json(decided.rows),
        "count": decided.count,
        "what": decided.what,
        "queue": None if moved is None else {"count": moved.count, "from": moved.first},
        "position": decided.position,
        "can_undo": decided.can_undo,
        "can_redo": decided.can_redo,
        "counts": {status: decided.counts.get(status, 0) for status in STATUSES},
    }


def preview_json(preview: BatchPreview) -> dict[str, Any]:
    """Write a `BatchPreview`."""
    return {"count": preview.count, "seconds": preview.seconds, "examples": rows_json(preview.examples)}


def replace_json(preview: ReplacePreview) -> dict[str, Any]:
    """Write a `ReplacePreview`."""
    return {
        "preview": preview.number,
        "count": len(preview.changes),
        "left_out": preview.left_out,
        "changes": [
            {
                "row": change.said.row,
                "id": change.said.id,
                "before": change.said.text,
                "after": change.after,
            }
            for change in preview.changes[:_MOST_CHANGES]
        ],
    }


def rules_json(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Write rules."""
    return [{"find": rule.find, "replace": rule.replace, "regex": rule.regex} for rule in rules]


def detail_json(detail: Detail, refused: str) -> dict[str, Any]:
    """Write a `Detail`; `refused` are the characters that a text may not hold."""
    return {
        **row_json(detail.shown),
        "original": detail.original,
        "duration": detail.duration,
        "words": [
            {"start": word.start, "end": word.end, "text": word.text, "probability": word.probability}
            for word in detail.words
        ],
        "other": detail.other,
        "diff": [{"kind": part.kind, "here": part.here, "other": part.other} for part in detail.diff],
        "history": [
            {
                "at": event.decision.at,
                "reviewer": event.decision.reviewer,
                "action": event.decision.action,
                "value": event.decision.value,
                "undone": event.undone,
                "batch": event.decision.batch is not None,
            }
            for event in detail.history
        ],
        "rivals": [
            {
                "reviewer": rival.decision.reviewer,
                "at": rival.decision.at,
                "text": "".join(piece.text for piece in rival.segments),
                "rejected": not any(piece.verdict != "rejected" for piece in rival.segments),
            }
            for rival in detail.rivals
        ],
        "previous": detail.previous,
        "next": detail.next,
        "meta": dict(detail.meta),
        "refused": list(refused),
    }


def _facets(counts: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"name": name, "count": count} for name, count in counts]


def _facets_of(rows: Sequence[Row]) -> Frozen:
    """Count what a sample holds, as the index counts a queue."""
    flags = Counter(flag for row in rows for flag in row.flags or ("none",))
    told = Counter(row.speaker for row in rows)
    unknown = told.pop("", 0)
    speakers = told.most_common()
    statuses = Counter(row.status for row in rows)
    return Frozen(
        rows=np.array([row.row for row in rows], np.int32),
        seconds=round(sum(row.end - row.start for row in rows), 3),
        flags=tuple(flags.most_common()),
        speakers=(*speakers[:_MOST_SPEAKERS], *([("", unknown)] if unknown else [])),
        speakers_left_out=len(speakers[_MOST_SPEAKERS:]),
        statuses={
            **{status: statuses[status] for status in STATUSES},
            "undecided": statuses["open"] + statuses["conflict"],
            "unheard": sum(row.status == "accepted" and (row.heard or 0.0) < HEARD for row in rows),
        },
    )
