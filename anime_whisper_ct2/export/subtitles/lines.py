"""What stands on the screen together, folded into lines of about the same width."""

from __future__ import annotations

from collections.abc import Sequence

from anime_whisper_ct2.export.subtitles.breaks import Break, shown
from anime_whisper_ct2.export.subtitles.cutting import PAUSE_S, Piece, line_count

# What a line's end costs beside its width, which costs 1 where it is a whole line off.
_ENDS = {Break.SENTENCE: 0.0, Break.CLAUSE: 0.05, Break.JOINT: 0.15, Break.PHRASE: 0.25, Break.LETTER: 4.0}
_ENDS_IN_PAUSE = 0.1
_WIDER_THAN_LAST = 0.03  # the eye likes the lower line to be the wider


def fold(pieces: Sequence[Piece], text: str, most: int) -> tuple[str, ...]:
    """Give the lines in which pieces are shown: as few as can be, none wider than `most` halves."""
    count = line_count(pieces, most)
    mean = sum(piece.wide for piece in pieces) / count
    # best[n][end]: the cost of the pieces before `end` in n lines, where the last of them began, and its width.
    best: list[dict[int, tuple[float, int, int]]] = [{0: (0.0, 0, 0)}]
    for _ in range(count):
        found: dict[int, tuple[float, int, int]] = {}
        for start, (cost, _, above) in best[-1].items():
            taken = 0
            for end, piece in enumerate(pieces[start:], start + 1):
                if end > start + 1 and taken + piece.last > most:
                    break
                wide, taken = taken + piece.last, taken + piece.wide
                total = cost + ((wide - mean) / most) ** 2 + _end_cost(piece) * (end < len(pieces))
                total += _WIDER_THAN_LAST * (above > wide)
                if end not in found or total < found[end][0]:
                    found[end] = total, start, wide
        best.append(found)
    end = len(pieces)
    lines: list[str] = []
    for found in best[:0:-1]:
        start = found[end][1]
        lines.append(shown(text[pieces[start].start : pieces[end - 1].end]))
        end = start
    return tuple(line for line in lines[::-1] if line)


def _end_cost(piece: Piece) -> float:
    cost = _ENDS[piece.kind]
    return min(cost, _ENDS_IN_PAUSE) if piece.pause_s >= PAUSE_S else cost
