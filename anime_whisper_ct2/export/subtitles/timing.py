"""From when to when subtitles are shown: never two at once, and long enough to be read where there is time."""

from __future__ import annotations

from collections.abc import Sequence

from anime_whisper_ct2.export.subtitles.cutting import GAP_S
from anime_whisper_ct2.export.subtitles.options import SubtitleOptions

# Players drop what is shown for no time; SubStation's clock has hundredths.
_LEAST_MS = 10
# A shorter gap flickers: the earlier subtitle stays until the next one instead.
_FLICKER_MS = 500
_GAP_MS = round(GAP_S * 1000)


def shown_ms(
    spoken_s: Sequence[tuple[float, float]], letters: Sequence[float], end_s: float, options: SubtitleOptions
) -> list[tuple[int, int]]:
    """Give start and end in milliseconds of each subtitle, from when to when it is spoken.

    They are in order of their starts, and nothing is shown beyond `end_s`, the recording's end, that is not spoken
    there. `letters`: how much there is to read in each.
    """
    starts: list[int] = []
    for start_s, _ in spoken_s:
        starts.append(max(starts[-1] + _LEAST_MS if starts else 0, round(start_s * 1000)))
    found: list[tuple[int, int]] = []
    for at, (start, (_, said_s), count) in enumerate(zip(starts, spoken_s, letters, strict=True)):
        said = round(said_s * 1000)
        wanted_s = max(options.min_cue_s, count / options.max_cps)
        end = max(said, min(start + round(wanted_s * 1000), max(said, round(end_s * 1000))))
        if at + 1 < len(starts):
            following = starts[at + 1]
            # Of a short way to the next one, the gap takes a third at most.
            latest = following - min(_GAP_MS, (following - start) // 3)
            end = latest if end > following - _FLICKER_MS else min(end, latest)
        end = min(end, start + round(options.max_cue_s * 1000))
        found.append((start, max(end, start + _LEAST_MS)))
    return found
