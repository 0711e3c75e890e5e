"""Ogg pages: the random number that every encoder puts into its streams, made the same each time.

Source: RFC 3533, section 6.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

_MAGIC = b"OggS"
_HEADER_BYTES = 27  # with the number of segments as the last byte; their lengths follow
_SERIAL = slice(14, 18)
_CHECKSUM = slice(22, 26)
# Ogg's checksum takes the highest bit of a byte first, zlib's the lowest; but for that they are one polynomial.
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def settle_serial(file: BinaryIO) -> None:
    """Give the one stream of an Ogg file a serial number that follows from what it holds, in place.

    Memory is one page. Raises ValueError for what is no Ogg file of whole pages.
    """
    serial = 0
    for _, page in _pages(file):
        serial = zlib.crc32(page[_HEADER_BYTES:], serial)
    for at, page in _pages(file):
        page[_SERIAL] = serial.to_bytes(4, "little")
        page[_CHECKSUM] = bytes(4)
        page[_CHECKSUM] = _checksum(page).to_bytes(4, "little")
        file.seek(at)
        file.write(page)


def _pages(file: BinaryIO) -> Iterator[tuple[int, bytearray]]:
    at = 0
    while True:
        file.seek(at)
        header = file.read(_HEADER_BYTES)
        if not header:
            return
        segments = file.read(header[-1])
        body = file.read(sum(segments))
        if header[:4] != _MAGIC or len(segments) < header[-1] or len(body) < sum(segments):
            raise ValueError(f"no whole Ogg page at byte {at}")
        page = bytearray(header + segments + body)
        yield at, page
        at += len(page)


def _checksum(page: bytearray) -> int:
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
