"""What reviewers decide about a run, kept beside it and laid over it; nothing of the run is changed.

`open_log` writes one reviewer's decisions, `Logs` reads everybody's, `replay` says what a recording comes to by them,
and `Reviews` gives its transcript so. `records` have the format of a line, `versions` the names of states that they are
bound to, `structure` what one decision makes of a segment; `field` and `branches` hold what several reviewers made of
it, and `resolving` settles that by a rule.

May import: `errors`, `ids`, `records`, `system`.
"""

from anime_whisper_ct2.reviews.folder import review_folder
from anime_whisper_ct2.reviews.log import Log, open_log
from anime_whisper_ct2.reviews.logs import Logs
from anime_whisper_ct2.reviews.overlay import Reviews
from anime_whisper_ct2.reviews.records import (
    ACTIONS,
    CONFLICTS,
    Action,
    Conflicts,
    Counts,
    Decision,
    Piece,
    Replayed,
    ReviewOptions,
    Rival,
)
from anime_whisper_ct2.reviews.replay import replay
from anime_whisper_ct2.reviews.samples import Sample, upper_bound
from anime_whisper_ct2.reviews.steps import Step, Steps
from anime_whisper_ct2.reviews.versions import version_of, version_of_piece

__all__ = [
    "ACTIONS",
    "CONFLICTS",
    "Action",
    "Conflicts",
    "Counts",
    "Decision",
    "Log",
    "Logs",
    "Piece",
    "Replayed",
    "ReviewOptions",
    "Reviews",
    "Rival",
    "Sample",
    "Step",
    "Steps",
    "open_log",
    "replay",
    "review_folder",
    "upper_bound",
    "version_of",
    "version_of_piece",
]
