"""A run in, a data set out: the room behind `awct2 export`.

`Export` writes the results of a run in one format, `Exported` says what that came to, and `ClipFolder` where clips are
cut to. `CLIPS_MARKER` is the file that says whose clips are in a folder.

`reviewed` says what reviewers made of a run, `filters` which segments stay, `naming` what files are called, and `room`
how long that may be; `clips` cuts, and `cutting` what of a run; `clip_folders` are where clips lie, `destination` is
where an export goes. `formats` knows what each kind of data set looks like, and `writing` puts the steps in order.
`edited` is the way back: a table that somebody has corrected becomes decisions about the run.

May import: `audio`, `errors`, `executors`, `extensions`, `ids`, `options`, `output`, `readers`, `records`,
`reviews`, `system`, `text`.
"""

from anime_whisper_ct2.export.clip_folders import CLIPS_MARKER, ClipFolder
from anime_whisper_ct2.export.writing import Export, Exported

__all__ = ["CLIPS_MARKER", "ClipFolder", "Export", "Exported"]
