"""Teaches a checkpoint to hear in a short window what it hears in one of 30 s: by its own texts, nobody writes any.

`course` is the whole way, and loads torch: in `hearing`, a `teacher` makes `lessons` of a corpus, with torch's
`states`; a `training` takes `steps` over them, and `measuring` holds both models against each other, which `report` and
`chart` tell. `network` is Whisper as it can be trained, `trainable` says what of it is, `student` how far it is from
its teacher. `checkpoint` is what goes in and comes out, `place` where, and `publishing` how it gets there;
`telling` says how far it has come.

May import: `_version`, `engine`, `errors`, `evaluation`, `executors`, `features`, `model_dir`, `models`, `options`,
`output`, `readers`, `records`, `system`, `text`.
"""

from anime_whisper_ct2.adaptation.options import AdaptOptions

__all__ = ["AdaptOptions"]
