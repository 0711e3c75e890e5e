"""What a run leaves behind: written line by line, and read back.

`Assembler` puts recordings together; `Journal` writes their lines into a locked folder, `Printed` into a pipe, and
`RunFolder` reads a folder's transcripts again; `unfinished` keeps what there is of a long recording. `Counts`, `Meter`
and `Totals` say what a run came to and how fast. `TRANSCRIPTS`, `ERRORS` and `RUN` are the files of the folder; a
`Part` is lines for them that were written elsewhere.

`storage` writes into folders here and behind URLs, `merge` joins the runs of shards, `charts` writes charts into files,
`places` refuses places for them; none of them is loaded with the rest.

May import: `_version`, `errors`, `extensions`, `features`, `ids`, `model_dir`, `options`, `readers`, `records`,
`system`, `text`.
"""

from anime_whisper_ct2.output.assemble import Assembler
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import ERRORS, RUN, TRANSCRIPTS, Part
from anime_whisper_ct2.output.metrics import Counts, Meter, Totals
from anime_whisper_ct2.output.printed import Printed
from anime_whisper_ct2.output.results import RunFolder

__all__ = [
    "ERRORS",
    "RUN",
    "TRANSCRIPTS",
    "Assembler",
    "Counts",
    "Journal",
    "Meter",
    "Part",
    "Printed",
    "RunFolder",
    "Totals",
]
