"""Whether a file is audio, by its extension; by how it begins, where others use that extension, too."""

from __future__ import annotations

import re

from anime_whisper_ct2.extensions import AUDIO

HEAD_BYTES = 512

# TypeScript and Qt, device trees, skeletons that move, MeshLab, Squirrel, word lists, genomes: all of them texts.
_ALSO_TEXTS = frozenset(("ts", "mts", "dts", "asf", "mlp", "nut", "voc", "paf", "ast", "ape", "ra", "rm", "dv"))
_TEXT = re.compile(rb"[\t-\r\x20-\x7e\x80-\xff]+|\xff\xfe.*|\xfe\xff.*", re.DOTALL)
# What is audio among images (iff), features (htk), samples without a header (snd) and signatures (sf).
_SIGNATURES = {
    "iff": re.compile(rb"FORM....(?:8SVX|16SV|AIF[FC]|MAUD)", re.DOTALL),
    "htk": re.compile(rb".{8}\x00\x02\x00\x00", re.DOTALL),
    "snd": re.compile(rb"\.snd|dns\.|\x01\x04"),
    "sf": re.compile(rb"\x64\xa3[\x01-\x04]\x00|\x00[\x01-\x04]\xa3\x64"),
}
AMBIGUOUS = _ALSO_TEXTS | _SIGNATURES.keys()


def extension_of(name: str) -> str:
    """Give what follows the last dot of a path's last part, in small letters; empty where there is none."""
    stem, dot, extension = name.rpartition("/")[2].rpartition(".")
    return extension.lower() if dot and stem else ""


def is_audio(name: str, path: str | None) -> bool:
    """Say whether a file is taken for audio by its name, and by its beginning where the name may mean something else.

    `path` leads to it on a disk; None: it is elsewhere, and the name alone decides. What cannot be read is for the run
    to report.
    """
    extension = extension_of(name)
    if extension not in AUDIO:
        return False
    if path is None or extension not in AMBIGUOUS:
        return True
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - plain strings keep invalid UTF-8
            return begins_as_audio(extension, file.read(HEAD_BYTES))
    except (OSError, ValueError):
        return True


def begins_as_audio(extension: str, head: bytes) -> bool:
    """Say whether a file with an ambiguous extension may be audio, by its first `HEAD_BYTES`; an empty one may."""
    signature = _SIGNATURES.get(extension)
    if not head:
        return True
    return signature.match(head) is not None if signature else _TEXT.fullmatch(head) is None
