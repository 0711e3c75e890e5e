"""What recordings are counted together."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation.records import Line

# Up to the tar: ids of its members go on behind a slash.
_TAR = re.compile(r"(?:^|.*?/)[^/]*\.(?:tar|tar\.gz|tgz|tar\.bz2|tar\.xz)(?=/)", re.IGNORECASE)
_FOLDERS = re.compile(r"folder(?::([1-9]\d?))?")
NO_GROUP = "(none)"


@dataclass(frozen=True, slots=True)
class Grouping:
    """By what recordings are grouped: the first folders of their ids, the tar they lie in, or what is known of them."""

    kind: Literal["none", "folder", "tar", "column"] = "folder"
    depth: int = 1  # folders
    column: str = ""

    @classmethod
    def parse(cls, written: str) -> Grouping:
        """Read `folder`, `folder:2`, `tar`, `column:NAME` or `none`. Raises InputError for anything else."""
        if found := _FOLDERS.fullmatch(written):
            return cls("folder", int(found[1] or 1))
        kind, colon, column = written.partition(":")
        if written in ("none", "tar"):
            return cls("none" if written == "none" else "tar")
        if kind == "column" and colon and column:
            return cls("column", column=column)
        raise InputError(f"cannot group by {written!r}; give folder, folder:2, tar, column:NAME or none")

    def __str__(self) -> str:
        if self.kind == "folder" and self.depth > 1:
            return f"folder:{self.depth}"
        return f"column:{self.column}" if self.kind == "column" else self.kind

    def of(self, line: Line) -> str | None:
        """Give the group that a recording belongs to; None where the line does not say."""
        if self.kind == "folder":
            *folders, _ = line.id.split("/")
            return "/".join(folders[: self.depth]) or NO_GROUP
        if self.kind == "tar":
            found = _TAR.match(line.id)
            return found[0] if found else NO_GROUP
        if self.kind == "column":
            value = line.meta.get(self.column)
            if value is None or isinstance(value, str):
                return value or None
            return json.dumps(value, ensure_ascii=False)
        return NO_GROUP
