"""The files of the built page: a table that is made once, so that no request names a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from anime_whisper_ct2.errors import InputError

if TYPE_CHECKING:
    # Later Pythons have it elsewhere.
    from importlib.abc import Traversable

BUILD = "python -m anime_whisper_ct2.web.building"
INDEX = "index.html"
# What the page's build writes where the nonce of its content security policy goes.
NONCE = b"__NONCE__"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "md": "text/plain; charset=utf-8",
}
# As `queue-DX2f_9ab.js`: under such a name there is never anything else.
_HASHED = re.compile(r"-[\w-]{8}\.\w+$")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page; `is_fixed`: its name has a hash of what is in it."""

    content: bytes
    media_type: str
    is_fixed: bool


@dataclass(frozen=True, slots=True)
class Assets:
    """The page: its files by the path of their address, such as `/assets/main-DX2f_9ab.js`, but for the first one."""

    index: bytes
    by_path: Mapping[str, Asset]

    def page(self, nonce: str) -> bytes:
        """Give the HTML with the nonce of one answer."""
        return self.index.replace(NONCE, nonce.encode("ascii"))


def page_is_built() -> bool:
    """Say whether there is a page."""
    return _dist().joinpath(INDEX).is_file()


def load_assets() -> Assets:
    """Read all files of the page. Raises InputError where it was never built."""
    if not page_is_built():
        raise InputError(f"the page is not built in this installation; build it once: {BUILD}")
    by_path = {}
    for name, file in _all_below(_dist()):
        kind = _TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
        by_path[f"/{name}"] = Asset(file.read_bytes(), kind, _HASHED.search(name) is not None)
    return Assets(by_path.pop(f"/{INDEX}").content, MappingProxyType(by_path))


def _dist() -> Traversable:
    return files("anime_whisper_ct2.web").joinpath("dist")


def _all_below(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    """Give all files below a folder with their names in it; hidden ones are none of the page's."""
    for each in folder.iterdir():
        if each.name.startswith("."):
            continue
        if each.is_dir():
            yield from _all_below(each, f"{above}{each.name}/")
        else:
            yield f"{above}{each.name}", each
