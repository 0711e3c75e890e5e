"""Pure functions over hostile texts: file names made of ids, and ways to write the same words the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from anime_whisper_ct2.export.naming import Names, Room
from anime_whisper_ct2.text import NORMALIZERS, count_errors
from tests.fuzz.mutation import TOKENS
from tests.fuzz.targets import Target

_LONGEST_PART_BYTES = 200


def _text(raw: bytes) -> str:
    """Give a text that may hold halves of characters of both kinds: those in JSON, and those of bad file names."""
    return raw.decode("utf-8", "surrogateescape").replace("\\ud800", "\ud800")


def _names(case: bytes, _folder: Path) -> object:
    """Ids, parted by NUL, have names that differ on every file system, are safe on each, and need no order.

    No name is a folder of another's with the extension of an export; `holds` knows them all.
    """
    ids = sorted({_text(raw) for raw in case.split(b"\0")})
    given = _checked(ids, None)
    # The same has to hold where there is little room.
    _checked(ids, Room(24 + len(case) % 100, slash=1 + len(ids) % 2))
    return len(ids) > 1, sum(name != id_ for id_, name in given.items()), max(map(len, given.values())) // 50


def _checked(ids: Sequence[str], room: Room | None) -> Mapping[str, str]:
    names = Names(ids, room)
    given = {id_: names[id_] for id_ in ids}
    for name in given.values():
        _check_safe(name)
        assert names.holds(name), f"{name!r:.200} is unknown"
        assert room is None or room.has(name), f"{name!r:.200} has no room"
    alike = {_folded(name) for name in given.values()}
    assert len(alike) == len(ids), f"two of {sorted(given.values())!r:.300} are one to some file system"
    folders = {_folded(str(above)) for name in given.values() for above in PurePosixPath(name).parents}
    files = {_folded(f"{name}.txt") for name in given.values()}
    assert not files & folders, f"{sorted(files & folders)[0]!r:.200} is a file and a folder"
    backwards = Names(ids[::-1], room)
    assert {id_: backwards[id_] for id_ in ids} == given, "another order gives other names"
    return given


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_safe(name: str) -> None:
    what = f"{name!r:.300}"
    assert name, "an empty name"
    name.encode()
    windows = PureWindowsPath(name)
    assert not windows.drive, what
    assert not windows.is_reserved(), what
    assert "/".join(windows.parts) == name, what
    assert len(name.splitlines()) == 1, what
    # macOS takes 1,024 bytes to a path, and something comes before and behind it.
    assert len(name.encode()) <= 4 * _LONGEST_PART_BYTES, f"a name of {len(name.encode())} bytes"
    for part in name.split("/"):
        assert part not in ("", ".", ".."), what
        assert part[0] != ".", what
        assert part == part.rstrip(" ."), what
        assert len(part.encode()) <= _LONGEST_PART_BYTES, what
        assert not set(part) & set('\\:*?"<>|\0'), what
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in part), what


def _normalizers(case: bytes, _folder: Path) -> object:
    """Any text is normalised, twice as once; the author's is never empty; errors are counted over the whole of it."""
    text = _text(case)
    other = _text(case[::2])
    seen = []
    for name, normal in NORMALIZERS.items():
        once = normal(text)
        assert normal(once) == once, f"{name}: {once!r:.200} becomes {normal(once)!r:.200}"
        heard = normal(other)
        errors = count_errors(once, heard)
        assert errors.characters == len(once), f"{errors} of {len(once)} characters"
        assert 0 <= errors.edits <= max(len(once), len(heard)), f"{errors} of {len(once)} and {len(heard)} characters"
        assert len(once) - errors.deletions + errors.insertions == len(heard), f"{errors} of {once!r:.99} {heard!r:.99}"
        seen.append((name, len(once) == len(text), once == ""))
    assert NORMALIZERS["author"](text), "nothing is left"
    return seen


_IDS = (
    *(
        "a/B.ogg\0a/b.ogg\0a/b.wav\0a/b\0a",
        "が.ogg\0か\u3099.ogg\0..\0.\0\0/\0a//b\0a/../b",
        "con.ogg\0NUL\0COM¹.x.ogg",
    ),
    *(
        "x" * 255 + "\0" + "あ" * 99 + ".wav\0\udcff.ogg\0\udcfe.ogg",
        "scene.wav\0scene.txt/001.wav\0scene/1.wav\0Straße",
    ),
)
_WORDS = ("えっと、……ｶﾞﾝ！！？？♡♡ああああッッッ[n]　ＡＢ～", "「はい」。\nﾊﾟﾊﾟ●◯♥…ーー!?!?!?か\u3099が\u0301", "x\u0301é")

TARGETS: Mapping[str, Target] = {
    "names": Target(
        _names,
        lambda: [text.encode("utf-8", "surrogateescape") for text in _IDS],
        (
            *TOKENS,
            "ß".encode(),
            b"ss",
            "ﬁ".encode(),
            "İ".encode(),
            "ͅ".encode(),
            b"K",
            b".tar.gz/",
            b"-00000000",
        ),
        most_bytes=1 << 11,
    ),
    "normalizers": Target(
        _normalizers,
        lambda: [text.encode() for text in _WORDS],
        (*TOKENS, "ﾞ".encode(), "ﾟ".encode(), "\u3099".encode(), "…".encode(), "！？".encode(), "ッ".encode(), b"[n]"),
        most_bytes=1 << 11,
    ),
}
