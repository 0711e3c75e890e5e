"""Folders to write into, here or behind a URL, and the runs that lie in them.

`open_storage` gives a `Storage` at a path or URL, `local_path` the path where a URL is one. `local_runs` gives runs
that may be behind URLs as local ones (`LocalRuns`). `output` is where a run on a cluster leaves its results, `parts` in
what pieces.

May import: `errors`, `extensions`, `readers`, `system`, `output.lines`, `output.metrics`, `output.run_file`.
"""

from __future__ import annotations

from anime_whisper_ct2.output.storage.place import Storage, local_path, open_storage
from anime_whisper_ct2.output.storage.runs import LocalRuns, local_runs

__all__ = ["LocalRuns", "Storage", "local_path", "local_runs", "open_storage"]
