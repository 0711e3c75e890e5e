"""When words are spoken: from where the decoder looked for each token, and from where there is sound at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.engine.pieces import Piece
from anime_whisper_ct2.features.mel import FRAMES_PER_S
from anime_whisper_ct2.records import Features

Flags = npt.NDArray[np.bool_]
# First frame and the one behind the last.
Stretch = tuple[int, int]

# Quiet is what lies so far below the loudest of a window, and no further above its quietest: a whisper in a silent room
# is sound, and so is everything where noise fills the pauses.
_BELOW_LOUDEST_DB = 30
_ABOVE_QUIETEST_DB = 20
# A shorter gap is part of a word: っ and plosives hold the breath for up to 0.15 s.
_PAUSE_FRAMES = FRAMES_PER_S // 5
# A log-mel value is a quarter of the power's decimal logarithm.
_DB_TO_MEL = 1 / 40


def sounding(mel: Features) -> Flags:
    """Say which frames are no pause. `mel`: shape (n_mels, frames); returns shape (frames,).

    Quiet of less than 0.2 s between sounds counts as sound; all frames do where pauses do not stand out.
    """
    level = mel.max(axis=0).astype(np.float32)
    # Not the extremes: one click would make all else quiet, one digital zero all else loud.
    loudest, quietest = np.percentile(level, (99, 10))
    loud: Flags = level >= min(loudest - _BELOW_LOUDEST_DB * _DB_TO_MEL, quietest + _ABOVE_QUIETEST_DB * _DB_TO_MEL)
    for start, end in _runs(~loud):
        if start > 0 and end < len(loud) and end - start < _PAUSE_FRAMES:
            loud[start:end] = True
    return loud


def stretches(words: Sequence[Piece], starts: Sequence[int], sound: Flags) -> list[Stretch]:
    """Give the frames in which each word is spoken, in order and without overlaps.

    `starts`: the frame in which each token begins, and the last one's end: one more than there are tokens. The path
    that they are read from leaves tokens without any time where the decoder looked away, and gives pauses to the words
    beside them. So words in whose time nothing sounds share the sound of the next one in equal parts, or of the one
    before where a mark follows; and each word ends up with its longest stretch without a pause.
    """
    found = [(starts[word.first], starts[word.end]) for word in words]
    for group in _groups(words, [bool(sound[start:end].any()) for start, end in found]):
        begin, end = found[group.start][0], found[group.stop - 1][1]
        frames = begin + np.flatnonzero(sound[begin:end])
        if 1 < len(group) <= len(frames):
            for at, share in zip(group, np.array_split(frames, len(group)), strict=True):
                found[at] = int(share[0]), int(share[-1]) + 1
    return [_longest_sound(stretch, sound) for stretch in found]


def _groups(words: Sequence[Piece], sounds: Sequence[bool]) -> list[range]:
    """Put the words that share a sound together: silent ones with the next that sounds, no mark between them."""
    groups: list[range] = []
    start = 0
    for at, word in enumerate(words):
        closed = at + 1 == len(words) or words[at + 1].first != word.end
        if not closed and not sounds[at]:
            continue
        group = range(start, at + 1)
        start = at + 1
        before = groups[-1] if groups else None
        if not sounds[at] and before is not None and words[before.stop - 1].end == words[group.start].first:
            groups[-1] = range(before.start, group.stop)
        else:
            groups.append(group)
    return groups


def _longest_sound(stretch: Stretch, sound: Flags) -> Stretch:
    runs = _runs(sound[stretch[0] : stretch[1]])
    if not len(runs):
        return stretch
    start, end = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return stretch[0] + int(start), stretch[0] + int(end)


def _runs(flags: Flags) -> npt.NDArray[np.intp]:
    """Find where stretches of True begin and end; returns shape (stretches, 2)."""
    padded = np.concatenate(([False], flags, [False]))
    return np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2)
