"""The doors to a corpus: what the user names as INPUT becomes a stream of recordings.

`Corpus` lists them, and a `Listing` follows and says what was passed over. Recordings are references: who transcribes
them opens the audio with `fetch.opened`.

`sources` says what an INPUT stands for, `patterns` what one with wildcards matches, `selection` what of it is taken.
`files` walks folders, `lists` reads lists of paths, `tar` and `tables` read containers, `remote` what is behind URLs.
`stamps` tell whether the audio under an id is still the same.

May import: `audio`, `errors`, `extensions`, `ids`, `languages`, `model_dir`, `records`, `system`.
"""

from anime_whisper_ct2.readers.corpus import Corpus
from anime_whisper_ct2.readers.listing import Listing

__all__ = ["Corpus", "Listing"]
