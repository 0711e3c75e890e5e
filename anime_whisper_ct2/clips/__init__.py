"""Segments cut out of their recordings, into files of their own.

One pass over a recording cuts all its clips, block by block; recordings are cut beside each other in processes. A clip
is written beside and renamed, so that a file that is there is whole, and the same call again does what is left.
"""

from anime_whisper_ct2.clips.jobs import ClipJob, ClipResult, jobs
from anime_whisper_ct2.clips.rows import cut_rows
from anime_whisper_ct2.clips.workers import cut_clips

__all__ = ["ClipJob", "ClipResult", "cut_clips", "cut_rows", "jobs"]
