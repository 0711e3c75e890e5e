"""Folders to write into, here or behind a URL, and the runs that lie in them."""

from __future__ import annotations

from anime_whisper_ct2.storage.place import Storage, local_path, open_storage
from anime_whisper_ct2.storage.runs import LocalRuns, local_runs

__all__ = ["LocalRuns", "Storage", "local_path", "local_runs", "open_storage"]
