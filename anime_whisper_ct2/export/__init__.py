"""A run in, a data set out: the room behind `awct2 export`.

`Export` writes the results of a run in one format, `Exported` says what that came to, and `ClipFolder` where clips are
cut to. `CLIPS_MARKER` is the file that says whose clips are in a folder.

`filters` says which segments stay, `naming` what files are called, `clips` cuts, `formats` knows what each kind of data
set looks like; `writing` puts the steps in order.

May import: `audio`, `errors`, `executors`, `extensions`, `ids`, `options`, `output`, `readers`, `records`, `text`.
"""

from anime_whisper_ct2.export.writing import CLIPS_MARKER, ClipFolder, Export, Exported

__all__ = ["CLIPS_MARKER", "ClipFolder", "Export", "Exported"]
