"""Lists of recordings, read line by line, of any length.

`manifest` reads JSON lines, CSV, TSV and plain lists by their names, `path_list` the lines of one that comes from
elsewhere, `wav_scp` Kaldi's. A bad row is one recording that fails. `lines` bounds a line, `delimited` finds the column
that names the audio.

May import: `errors`, `extensions`, `records`, `readers.remote`, `readers.rows`, `readers.spelling`.
"""

from anime_whisper_ct2.readers.lists.kaldi import wav_scp
from anime_whisper_ct2.readers.lists.manifests import manifest, path_list

__all__ = ["manifest", "path_list", "wav_scp"]
