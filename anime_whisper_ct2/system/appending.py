"""Files of lines that grow at their end: a line is whole or absent, whatever ended the process that wrote it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO

from anime_whisper_ct2.system.files import opened


def appended(path: Path) -> IO[bytes]:
    """Open a file for appending, its torn last line cut off. Unbuffered: a line is in the file when written."""
    file = opened(path, "ab+", buffering=0)
    end = file.seek(0, os.SEEK_END)
    at = end
    while at > 0:
        step = min(1 << 16, at)
        file.seek(at - step)
        block = file.read(step)
        if (newline := block.rfind(b"\n")) >= 0:
            at = at - step + newline + 1
            break
        at -= step
    if at < end:
        file.truncate(at)
    return file


def write_whole(file: IO[bytes], lines: bytes) -> None:
    """Write lines at the end; what a failed write left behind is taken back where the disk allows it."""
    start = file.seek(0, os.SEEK_END)
    try:
        # A disk that is nearly full takes the beginning and says nothing.
        if file.write(lines) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(file.fileno(), start)
        raise
