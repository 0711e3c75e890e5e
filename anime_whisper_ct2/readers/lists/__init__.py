"""Lists of recordings, read line by line, of any length.

`manifest` reads JSON lines, CSV, TSV, plain lists and those of voice trainers by their names, `path_list` the lines of
one that comes from elsewhere, `wav_scp` Kaldi's. A bad row is one recording that fails. `lines` bounds a line,
`encodings` reads what is not UTF-8, `delimited` finds the column that names the audio, and `voices` the files of an
`esd.list`.

May import: `errors`, `extensions`, `ids`, `languages`, `records`, `system`, `readers.remote`, `readers.rows`,
`readers.spelling`.
"""

from anime_whisper_ct2.readers.lists.kaldi import wav_scp
from anime_whisper_ct2.readers.lists.manifests import manifest
from anime_whisper_ct2.readers.lists.paths import path_list

__all__ = ["manifest", "path_list", "wav_scp"]
