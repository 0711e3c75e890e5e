"""What is absolute, what can be no name, which names are one."""

from __future__ import annotations

import os
import re

# Where a path of Windows begins that names its drive; on other systems it leads nowhere.
DRIVE = re.compile(r"[A-Za-z]:[/\\]")
# ERROR_INVALID_NAME, ERROR_BAD_PATHNAME: a name that Windows lets nothing have, as `voice_*.ogg`.
_NO_NAMES = frozenset((123, 161))


def is_absolute(path: str) -> bool:
    r"""Say whether a path says for itself where it leads: `/a`, `C:\a`, `\\server\share`.

    Since Python 3.13 `os.path.isabs` is False for `/a` on Windows, where it leads to the current drive's root.
    """
    return os.path.isabs(path) or path.startswith(("/", os.sep)) or DRIVE.match(path) is not None  # noqa: PTH117 - may be no UTF-8


def can_be_no_name(error: OSError) -> bool:
    """Say whether the system refused a name that nothing can have, so that nothing of that name is there."""
    return getattr(error, "winerror", None) in _NO_NAMES


def alike(path: str) -> str:
    """Give a path as the system compares it: on Windows in lower case, with `\\` for `/`."""
    return os.path.normcase(path)
