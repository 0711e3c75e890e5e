"""Segments cut out of their recordings, into files of their own.

One pass over a recording cuts all its clips, block by block; recordings are cut beside each other in processes. A clip
is written beside and renamed, so that a file that is there is whole, and the same call again does what is left.

`jobs` pairs transcripts with recordings and gives a `ClipJob` for each, `cut_clips` makes a `ClipResult` of it,
`cut_rows` gives each `Clip` that is there. `plan` says which stretch becomes which clip, `cutting` does it.

May import: `audio`, `errors`, `executors`, `ids`, `options`, `readers`, `records`, `system`.
"""

from anime_whisper_ct2.export.clips.jobs import ClipJob, ClipResult, jobs
from anime_whisper_ct2.export.clips.rows import Clip, ClipsOf, cut_rows
from anime_whisper_ct2.export.clips.workers import cut_clips

__all__ = ["Clip", "ClipJob", "ClipResult", "ClipsOf", "cut_clips", "cut_rows", "jobs"]
