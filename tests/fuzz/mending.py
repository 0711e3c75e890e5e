"""What makes mutated bytes plausible again: lines of JSON with other values, and checksums that are right."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.fuzz.mutation import SEPARATOR, TOKENS, mutate

# What texts may hold that means something to one reader of them or another.
_TEXTS: tuple[str, ...] = (
    *("", " ", "\n", "a\nb", "\r\n\r\n", "\t=1", "\x85", "\u2028", "\0", "\x1b[31m", "\ufeff", "\udcff", "\ud83d"),
    *(
        "=1+1",
        "@x",
        "＝1",
        " -1",
        "<b>&amp;",
        "--> ",
        "00:00:01,000 --> 00:00:02,000",
        "[00:00.00]",
        "{\\an8}",
        "a|b|c",
    ),
    *(".", "..", "/", "a/../b", "../../x", "/etc/x", "a//b", "con.wav", "x.tar/y.wav", "in/a.wav", "in/a.wav |", "-"),
    *(
        "train",
        "a test.wav",
        "__x__/y",
        "a__b",
        "が",
        "か\u3099",
        "ß",
        "x" * 300,
        "あ" * 90,
        "y/" * 700,
        "ja",
        "en",
        "row",
    ),
)
_VALUES = (
    0,
    -0.0,
    1,
    -1,
    0.0004,
    0.2,
    1e-9,
    1e8,
    1e300,
    2**63,
    10**400,
    True,
    None,
    [],
    {},
    [[]],
    {"a": {}},
    ["x", "x"],
)


def vary_json(rng: Random, data: bytes) -> bytes:
    """Change values within lines of JSON, and drop lines that are none, mostly."""
    if rng.random() < 0.1:
        return data
    lines = []
    for line in data.split(b"\n"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            if rng.random() < 0.1 or line == SEPARATOR.strip():
                lines.append(line)
            continue
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            _vary(rng, row)
        try:
            lines.append(_json(rng, row))
        except (ValueError, RecursionError):
            lines.append(line)
    return b"\n".join([*lines, b""])


def _json(rng: Random, row: object) -> bytes:
    """Write JSON as a run does, now and then with halves of characters in place of escapes."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass") if rng.random() < 0.05 else json.dumps(row).encode()


def _vary(rng: Random, value: object) -> None:
    """Change one thing somewhere in a value of JSON."""
    keys: Sequence[Any] = ()
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = range(len(value))
    if not isinstance(value, (dict, list)) or not keys:
        return
    key = rng.choice(keys)
    held = value[key]
    if isinstance(held, (dict, list)) and held and rng.random() < 0.8:
        _vary(rng, held)
    elif rng.random() < 0.05:
        del value[key]
    elif isinstance(value, list) and rng.random() < 0.3:
        value.extend([held] * rng.choice((1, 1, 2, 40)))
    elif isinstance(held, str) and rng.random() < 0.95:
        text = rng.choice(_TEXTS)
        value[key] = rng.choice((text, text, held + text, text + held, held[:1] + text + held[1:]))
    elif isinstance(held, (int, float)) and rng.random() < 0.8:
        value[key] = rng.choice((0, 0.1, 0.2, 0.25, 0.3, 1e-3, 4e-4, held))
    else:
        value[key] = rng.choice((*_VALUES, rng.choice(_TEXTS)))


def mend_tar(rng: Random, data: bytes) -> bytes:
    """Make the checksums of a tar's headers right again, mostly, and compress it, sometimes."""
    tar = bytearray(data)
    if rng.random() < 0.85:
        for at in range(0, len(tar) - 511, 512):
            if tar[at + 257 : at + 262] == b"ustar":
                tar[at + 148 : at + 156] = b" " * 8
                tar[at + 148 : at + 156] = b"%06o\0 " % sum(tar[at : at + 512])
    if rng.random() < 0.15:
        packed = gzip.compress(bytes(tar), 1, mtime=0)
        return mutate(rng, packed, [packed], TOKENS, len(packed) + 100) if rng.random() < 0.4 else packed
    return bytes(tar)


def mend_ogg(rng: Random, data: bytes) -> bytes:
    """Make the checksums of Ogg's pages right again, mostly; other audio passes through."""
    if b"OggS" not in data or rng.random() < 0.2:
        return data
    out = bytearray(data)
    at = out.find(b"OggS")
    while 0 <= at <= len(out) - 27:
        end = at + 27 + out[at + 26]
        end += sum(out[at + 27 : end])
        out[at + 22 : at + 26] = bytes(4)
        out[at + 22 : at + 26] = _ogg_checksum(out[at:end]).to_bytes(4, "little")
        at = out.find(b"OggS", at + 4)
    return bytes(out)


_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _ogg_checksum(page: bytes | bytearray) -> int:
    # zlib's polynomial with the bits the other way round, and without its first and last inversion.
    crc = zlib.crc32(bytes(page).translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_MIRRORED), "big")
