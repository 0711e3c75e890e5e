"""What reviewers decided about a run, as references for it and for others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.evaluation.records import Line
from anime_whisper_ct2.evaluation.texts import Texts
from anime_whisper_ct2.readers.rows import shown
from anime_whisper_ct2.records import Transcript, joined
from anime_whisper_ct2.reviews import Conflicts, Logs, Piece, Replayed, replay, review_folder

# In the place of references: what reviewers decided about the first run.
REVIEW = "review"
# What those recordings have that are no references.
_NONE_DECIDED = "no segment that was accepted or corrected"
_NOT_WHOLE = "a segment that was neither accepted nor corrected"


@dataclass(frozen=True, slots=True)
class Decided:
    """The text of a recording's segments that were accepted or corrected: as the run heard it, and as it is right.

    `any`: there is one; `whole`: these are all of its segments. Nothing of the `conflicts` is in either text: segments
    that reviewers differ about.
    """

    heard: str
    right: str
    any: bool
    whole: bool
    conflicts: int


def decided(transcript: Transcript, replayed: Replayed) -> Decided:
    """Give what was decided about a recording, as the run has it.

    Of segments that were split or merged, all that was made of them must be accepted or corrected.
    """
    segments = transcript.segments
    heard: set[int] = set()
    right: list[Piece] = []
    for origins, pieces in _made_together(replayed.pieces):
        if all(piece.verdict in ("accepted", "corrected") and not piece.rivals for piece in pieces):
            heard |= origins
            right += pieces
    # In the order of the run's own text.
    right.sort(key=lambda piece: (min(piece.origins), piece.start))
    return Decided(
        joined(transcript, (segments[number].text for number in sorted(heard))),
        joined(transcript, (piece.text for piece in right)),
        bool(right),
        len(right) == len(replayed.pieces),
        sum(bool(piece.rivals) for piece in replayed.pieces),
    )


def texts_of_review(run: Texts, resolved_by: Conflicts | None = None, *, whole: bool = False) -> tuple[Texts, Texts]:
    """Take what reviewers decided about a run for the references; gives first what the run itself heard of the same.

    Both are of the segments that were accepted or corrected; with `whole`, of recordings of which all were, so that
    other runs can be compared with them. Raises InputError for what is no run, and where nothing was decided.
    """
    if run.run is None:
        raise InputError(
            f"{shown(run.path)}: is no run, and {REVIEW} stands for what was decided about one; name that first, or "
            f"./{REVIEW} for a file or folder of this name"
        )
    folder, of = run.run, review_folder(run.run.file)
    logs = Logs(of)
    if not logs.ids:
        raise InputError(f"{of}: nothing was decided yet; review the run, or name other references")

    conflicts = 0

    def read() -> Iterator[tuple[Transcript, Decided | None]]:
        """Read the run again."""
        nonlocal conflicts
        conflicts = 0
        for transcript in folder.transcripts():
            found = None
            if transcript.id in logs.ids:
                found = decided(transcript, replay(transcript, logs.of(transcript.id), logs.is_undone, resolved_by))
                conflicts += found.conflicts
            yield transcript, found if found is not None and found.any and (found.whole or not whole) else None

    def heard() -> Iterator[Line]:
        """Give what the run heard of what was decided on."""
        return (Line(one.id, found.heard.strip(), one.meta) for one, found in read() if found is not None)

    def right() -> Iterator[Line]:
        """Give what was decided."""
        return (Line(one.id, None if found is None else found.right.strip(), one.meta) for one, found in read())

    def notes(_name: str) -> Iterator[str]:
        """Say what is in no text though there are decisions about it."""
        if conflicts:
            what = counted(conflicts, "segment")
            yield f"{REVIEW}: reviewers differ about {what}, left out; choose with --conflicts"

    return replace(run, lines=heard), Texts(str(of), right, lacking=_NOT_WHOLE if whole else _NONE_DECIDED, notes=notes)


def _made_together(pieces: Sequence[Piece]) -> list[tuple[set[int], list[Piece]]]:
    """Put together what was made of the same segments; with the numbers of these."""
    of: dict[int, tuple[set[int], list[Piece]]] = {}
    for piece in pieces:
        group: tuple[set[int], list[Piece]] = (set(piece.origins), [piece])
        for other in {id(of[number]): of[number] for number in piece.origins if number in of}.values():
            group[0].update(other[0])
            group[1].extend(other[1])
        of.update(dict.fromkeys(group[0], group))
    return list({id(group): group for group in of.values()}.values())
