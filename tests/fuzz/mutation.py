"""Changes to bytes: blind ones, and those that keep lines and numbers whole."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from random import Random

# What parsers of any kind stumble over: ends, halves of characters, numbers at the edge, paths that lead away.
TOKENS: tuple[bytes, ...] = (
    *(b"\0", b"\n", b"\r\n", b"\r", b"\t", b'"', b"'", b",", b"\\", b"/", b"../", b"..", b"./", b"|", b" ", b"-", b"#"),
    *(b"\xff", b"\x80", b"\xe3\x81", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc2\x85", b"\xe2\x80\xa8"),
    *(
        "あ".encode(),
        "が".encode(),
        "か\u3099".encode(),
        "😀".encode(),
        "\u202e".encode(),
        "ＡＢ".encode(),
        b"\x1b[31m",
    ),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1", b"-0.0", b"1e-320", b"9" * 400, b"9" * 5000, b"0x10", b"1_0"),
    *(
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"[",
        b"{",
        b"]",
        b"}",
        b'""',
        b"\\ud800",
        b"\\u0000",
        b"\\n",
        b"[" * 3000,
        b"[" * 300 + b"]" * 300,
    ),
    *(b"a.wav", b"a.ogg", b"con", b"=1+1", b"<b>", b"-->", b"file://", b"://", b"s3://b/k", b"/etc/passwd", b"x" * 300),
)
_EDGES = (0, 1, -1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**40, -(2**31))
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
_NUMBERS = (
    *(b"0", b"-1", b"1", b"-0.0", b"0.0005", b"1e9", b"1e308", b"-1e308", b"1e999", b"NaN", b"Infinity", b"null"),
    *(b'"1"', b"true", b"9007199254740993", b"9" * 30, b"9" * 400, b"9" * 4400, b"1e-400", b"[]", b"{}", b"0.1"),
)
SEPARATOR = b"\n%%%%\n"


def pack(*parts: bytes) -> bytes:
    """Put the contents of several files into one case; an empty one stands for a file that is absent."""
    return SEPARATOR.join(parts)


def unpack(case: bytes, count: int) -> list[bytes | None]:
    """Take a case of several files apart; None for those that are absent."""
    parts = case.split(SEPARATOR, count - 1)
    return [part or None for part in [*parts, *[b""] * (count - len(parts))]]


def mutate(rng: Random, given: bytes, others: Sequence[bytes], tokens: Sequence[bytes], most_bytes: int) -> bytes:
    """Give a changed copy, of at most `most_bytes`; most changes are few, some are many."""
    data = bytearray(given)
    for _ in range(1 + int(rng.expovariate(0.45))):
        rng.choice(_OPERATIONS)(rng, data, others, tokens)
        if len(data) > most_bytes:
            del data[most_bytes:]
    return bytes(data)


def _place(rng: Random, data: bytearray) -> int:
    # Headers are at the beginning of most formats, and matter most.
    end = min(len(data), 256) if rng.random() < 0.3 else len(data)
    return rng.randint(0, end)


def _stretch(rng: Random, data: bytearray) -> tuple[int, int]:
    at = _place(rng, data)
    return at, min(len(data), at + 1 + int(rng.expovariate(1 / rng.choice((2, 16, 200)))))


def _flip(rng: Random, data: bytearray, *_: object) -> None:
    if data:
        data[_place(rng, data) - 1] ^= 1 << rng.randrange(8)


def _byte(rng: Random, data: bytearray, *_: object) -> None:
    if data:
        data[_place(rng, data) - 1] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 10, 34, 47, rng.randrange(256)))


def _integer(rng: Random, data: bytearray, *_: object) -> None:
    width, code = rng.choice(((1, "B"), (2, "H"), (4, "I"), (8, "Q")))
    at = _place(rng, data) - width
    if at < 0:
        return
    order = rng.choice("<>")
    (now,) = struct.unpack_from(order + code, data, at)
    new = rng.choice((rng.choice(_EDGES), now + 1, now - 1, now * 2, len(data), len(data) - at))
    struct.pack_into(order + code, data, at, new % (1 << 8 * width))


def _number(rng: Random, data: bytearray, *_: object) -> None:
    found = list(_NUMBER.finditer(data))
    if found:
        start, end = rng.choice(found).span()
        data[start:end] = rng.choice(_NUMBERS)


def _insert(rng: Random, data: bytearray, _: object, tokens: Sequence[bytes]) -> None:
    at = _place(rng, data)
    data[at:at] = rng.choice(tokens)


def _overwrite(rng: Random, data: bytearray, _: object, tokens: Sequence[bytes]) -> None:
    start, end = _stretch(rng, data)
    data[start:end] = rng.choice(tokens)


def _junk(rng: Random, data: bytearray, *_: object) -> None:
    at = _place(rng, data)
    data[at : at + rng.randint(0, 8)] = rng.randbytes(rng.randint(1, 8))


def _delete(rng: Random, data: bytearray, *_: object) -> None:
    start, end = _stretch(rng, data)
    del data[start:end]


def _repeat(rng: Random, data: bytearray, *_: object) -> None:
    start, end = _stretch(rng, data)
    data[end:end] = data[start:end] * rng.choice((1, 1, 1, 3, 30, 1000))


def _move(rng: Random, data: bytearray, *_: object) -> None:
    start, end = _stretch(rng, data)
    piece = data[start:end]
    del data[start:end]
    at = _place(rng, data)
    data[at:at] = piece


def _truncate(rng: Random, data: bytearray, *_: object) -> None:
    if rng.random() < 0.3:
        del data[_place(rng, data) :]


def _splice(rng: Random, data: bytearray, others: Sequence[bytes], _: object) -> None:
    other = rng.choice(others)
    start, end = sorted((rng.randint(0, len(other)), rng.randint(0, len(other))))
    at, until = _stretch(rng, data)
    data[at : rng.choice((at, until))] = other[start:end]


def _cross(rng: Random, data: bytearray, others: Sequence[bytes], _: object) -> None:
    other = rng.choice(others)
    data[_place(rng, data) :] = other[rng.randint(0, len(other)) :]


def _lines(rng: Random, data: bytearray, others: Sequence[bytes], _: object) -> None:
    """Change the order or number of lines, or of what commas, tabs or blanks part."""
    separator = rng.choice((b"\n", b"\n", b"\n", b",", b"\t", b" ", b'"', SEPARATOR))
    lines = bytes(data).split(separator)
    at = rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif what == 2:
        lines[at], lines[at - 1] = lines[at - 1], lines[at]
    elif what == 3:
        lines.insert(at, rng.choice(rng.choice(others).split(separator)))
    else:
        lines[at] = b""
    data[:] = separator.join(lines)


_OPERATIONS: tuple[Callable[..., None], ...] = (
    *(_flip, _byte, _integer, _integer, _number, _number, _insert, _insert, _overwrite, _junk),
    *(_delete, _repeat, _move, _truncate, _splice, _cross, _lines, _lines, _lines),
)
