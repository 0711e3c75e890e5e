"""The way back: a table that was exported, and that somebody has edited, becomes decisions about its run.

`Correction` works them out and appends them, `Corrected` says what that came to, and `marked` shows a `Change` of a
text. `reading` reads the table, `finding` says which recording a row is about, `matching` which segment, and `deciding`
what the row makes of it; `states` and `marker` know what the export has shown.

May import: `errors`, `output`, `readers`, `records`, `reviews`, `system`, `text`, `export.clips`, `export.filters`,
`export.formats`, `export.naming`.
"""

from anime_whisper_ct2.export.edited.correcting import Correction
from anime_whisper_ct2.export.edited.marking import marked
from anime_whisper_ct2.export.edited.records import Change, Corrected, Making, Remark

__all__ = ["Change", "Corrected", "Correction", "Making", "Remark", "marked"]
