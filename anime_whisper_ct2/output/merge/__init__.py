"""Runs of the parts of a corpus in, one run folder out: the room behind `awct2 merge`.

`merge` does it and gives `Merged`; `shard_folders` finds the parts below a folder. `parts` says whether they make a
whole, `lines` copies each recording's once, `reviews` joins what was decided about them, `figures` sums what their
`run.json` say.

May import: `errors`, `ids`, `readers`, `system`, `output.journal`, `output.lines`, `output.metrics`,
`output.run_file`, `output.settings`, `output.unfinished`.
"""

from anime_whisper_ct2.output.merge.merging import Merged, merge, shard_folders

__all__ = ["Merged", "merge", "shard_folders"]
