"""A transcript in, subtitles out: what stands on the screen, in which lines, from when to when.

`cues_of` gives the `Cue`s of a recording, as `SubtitleOptions` want them; `formats.subtitles` and `formats.ass` write
them down.

All of it is pure. `clock` says when each character is spoken, `breaks` where a text may be broken and how well, with
the help of `phrases`, the door to BudouX; `cutting` chooses what stands together, `lines` folds that, and `timing` says
how long it is shown. `widths` measures, `kinsoku` knows which characters no line begins or ends with.

May import: `errors`, `records`.
"""

from anime_whisper_ct2.export.subtitles.cues import Cue, cues_of
from anime_whisper_ct2.export.subtitles.options import SHOWN_BY, SUBTITLES, SubtitleOptions

__all__ = ["SHOWN_BY", "SUBTITLES", "Cue", "SubtitleOptions", "cues_of"]
