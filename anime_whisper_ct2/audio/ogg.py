"""Ogg pages: their sums, and the random number of their streams, made the same each time.

Source: RFC 3533, section 6.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

MAGIC = b"OggS"
HEADER_BYTES = 27  # with the number of segments as the last byte; their lengths follow
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
        serial = zlib.crc32(page[HEADER_BYTES:], serial)
    for at, page in _pages(file):
        page[_SERIAL] = serial.to_bytes(4, "little")
        page[_CHECKSUM] = page_checksum(page)
        file.seek(at)
        file.write(page)


def _pages(file: BinaryIO) -> Iterator[tuple[int, bytearray]]:
    at = 0
    while True:
        file.seek(at)
        header = file.read(HEADER_BYTES)
        if not header:
            return
        segments = file.read(header[-1])
        body = file.read(sum(segments))
        if header[:4] != MAGIC or len(segments) < header[-1] or len(body) < sum(segments):
            raise ValueError(f"no whole Ogg page at byte {at}")
        page = bytearray(header + segments + body)
        yield at, page
        at += len(page)


def page_checksum(page: bytes | bytearray) -> bytes:
    """Give the sum that a page should have, as it stands in its header; the one that does is not looked at."""
    mirrored = 0xFFFFFFFF
    for piece in (page[:22], bytes(4), page[26:]):
        mirrored = zlib.crc32(piece.translate(_MIRRORED), mirrored)
    return (mirrored ^ 0xFFFFFFFF).to_bytes(4, "big").translate(_MIRRORED)
