"""Ogg: the links that are joined in it, and the pages that are missing or damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from anime_whisper_ct2.audio.ogg import HEADER_BYTES, MAGIC, page_checksum
from anime_whisper_ct2.audio.section import Bytes
from anime_whisper_ct2.audio.structure.part import Part, find

_AHEAD_BYTES = 1 << 16
_MAGIC = re.compile(rb"OggS\x00[\x00-\x07]")
_VORBIS, _VORBIS_BYTES = b"\x01vorbis", 30
_BOS, _EOS = 2, 4
# A file that is damaged or parted more often is none that anybody made for listening.
_MOST_LOSSES, _MOST_LINKS = 1_000, 10_000
# A stream that was tapped begins at any time; one whose first pages are lost, soon.
_SOON_S = 60.0
# The place of a page in the stream cannot be believed where it is so far behind the one before.
_LONGEST_PAGE_S = 300.0


@dataclass(slots=True)
class _Page:
    at: int
    size: int
    first: bool
    last: bool
    granule: int
    serial: int
    number: int
    whole: bool  # its sum is right
    body: int  # where that begins


@dataclass(slots=True)
class _Link:
    """One of the recordings that are joined, as far as its pages were seen."""

    begin: int
    serial: int | None = None  # of the first stream of sound
    rate_hz: int = 0
    skip: int = 0  # samples that are decoded ahead of the beginning
    number: int | None = None
    damaged: bool = False
    ended: bool = False
    several: bool = False  # streams of sound, of which another one may be heard
    plain: bool = False  # Vorbis of one or two channels, from its first sample on
    blocks: tuple[int, int] = (0, 0)  # the lengths of its two kinds of blocks
    begun: bool = False  # a page that begins no stream came
    serials: set[int] = field(default_factory=set)
    first_s: float | None = None
    end_s: float | None = None
    behind: bool = False  # what was seen last is a loss
    resumed: list[tuple[int, float]] = field(default_factory=list)

    def part(self, end: int, *, torn: bool) -> Part:
        """Give what is known of it as a part that ends before a byte; `torn`: its last page is cut."""
        cut = self.serial is not None and (torn or not self.ended)
        plain = self.plain and len(self.serials) == 1 and not cut and not self.damaged
        first_s = 0.0 if self.damaged and self.first_s is not None and self.first_s < _SOON_S else None
        return Part(
            self.begin,
            end,
            "vorbis" if plain else "ogg",
            cut=cut,
            damaged=self.damaged,
            first_s=first_s,
            end_s=None if self.several else self.end_s,
            resumed=tuple(self.resumed),
        )

    def lose(self) -> None:
        """Note that something is missing here."""
        self.damaged = self.behind = True

    def see(self, raw: Bytes, page: _Page) -> None:
        """Take in its next page."""
        if page.first and page.whole:
            self.serials.add(page.serial)
            packet = raw(page.body, 32)
            form = _sound(packet)
            self.several |= form is not None and self.serial is not None
            if self.serial is None and form is not None:
                self.serial, self.rate_hz, self.skip = page.serial, *form
                if packet.startswith(_VORBIS) and len(packet) >= _VORBIS_BYTES:
                    self.plain = packet[11] <= 2
                    self.blocks = 1 << (packet[28] & 15), 1 << (packet[28] >> 4)
        if page.serial not in self.serials:
            # Its header may be what is damaged.
            self.lose()
            return
        self.begun = self.begun or not page.first
        if page.serial != self.serial:
            return
        # What was joined while it was on the air lacks pages behind its headers, and nothing is wrong with that.
        gap = self.number is not None and page.number > self.number + 1 and self.end_s is not None
        self.number = page.number
        if gap or not page.whole:
            self.lose()
        self.ended |= page.last and page.whole
        self._place(raw, page)

    def _place(self, raw: Bytes, page: _Page) -> None:
        if page.granule <= 0 or not self.rate_hz:
            return
        now_s = (page.granule - self.skip) / self.rate_hz
        if self.first_s is None:
            self.first_s = now_s
            self.plain = self.plain and page.whole and self._is_first(raw, page)
        if self.behind and page.whole:
            self.behind = False
            self.resumed.append((page.at - self.begin, now_s))
        if self.end_s is None or (page.whole and now_s >= self.end_s) or 0 < now_s - self.end_s < _LONGEST_PAGE_S:
            self.end_s = now_s

    def _is_first(self, raw: Bytes, page: _Page) -> bool:
        """Say whether the first page of sound holds as many samples as it says: what was cut out of another does not.

        The first bit behind the one that tells sound is the kind of a block, as every encoder has it; each but the
        first gives a quarter of its own length and of the one before.
        """
        lacing = raw(page.at + HEADER_BYTES, page.body - page.at - HEADER_BYTES)
        at, size, before, samples = page.body, 0, 0, 0
        for length in lacing:
            size += length
            if length == 255:
                continue
            block = self.blocks[size > 0 and raw(at, 1)[0] >> 1 & 1]
            samples += (before + block) // 4 if before else 0
            at, size, before = at + size, 0, block
        # The last page of all may end within a block.
        return samples == page.granule or (page.last and 0 <= samples - page.granule < self.blocks[1] // 2)


def ogg(raw: Bytes, begin: int) -> tuple[Part, ...]:
    """Look at all pages from a byte on, and give each link as a part."""
    parts: list[Part] = []
    link = _Link(begin)
    end, torn = begin, False
    for page in _pages(raw, begin):
        if page is None:
            link.lose()
            continue
        if page.first and page.whole and link.begun and len(parts) < _MOST_LINKS:
            parts.append(link.part(page.at, torn=False))
            link = _Link(page.at)
        end, torn = page.at + page.size, page.at + page.size > raw.size
        link.see(raw, page)
    return (*parts, link.part(raw.size, torn=torn or (end < raw.size and link.damaged and not link.ended)))


def _pages(raw: Bytes, at: int) -> Iterator[_Page | None]:
    """Give the pages; None where what stands between two of them is none. What is nothing but damage is left."""
    losses = 0
    while at < raw.size and losses < _MOST_LOSSES:
        head = raw(at, HEADER_BYTES + 255, _AHEAD_BYTES)
        if head[:4] != MAGIC or len(head) < HEADER_BYTES:
            losses += 1
            following = find(raw, _MAGIC, at + 1)
            if following < 0:
                if at + HEADER_BYTES < raw.size and not head.startswith((b"TAG", b"ID3", b"APETAGEX")):
                    yield None
                return
            yield None
            at = following
            continue
        segments = head[HEADER_BYTES : HEADER_BYTES + head[26]]
        size = HEADER_BYTES + head[26] + sum(segments)
        page = raw(at, size, _AHEAD_BYTES)
        whole = len(page) == size and page_checksum(page) == page[22:26]
        losses += not whole
        yield _Page(
            at,
            size,
            bool(head[5] & _BOS),
            bool(head[5] & _EOS),
            int.from_bytes(head[6:14], "little", signed=True),
            int.from_bytes(head[14:18], "little"),
            int.from_bytes(head[18:22], "little"),
            whole,
            at + HEADER_BYTES + head[26],
        )
        # The size of a damaged page may be wrong, too.
        if not whole and (following := find(raw, _MAGIC, at + 4)) >= 0:
            at = following
        else:
            at += size


def _sound(packet: bytes) -> tuple[int, int] | None:
    """Give the rate in Hz and the samples to skip, by a stream's first packet; None for what is no sound."""
    if packet.startswith(_VORBIS):
        return int.from_bytes(packet[12:16], "little"), 0
    if packet.startswith(b"OpusHead"):
        return 48_000, int.from_bytes(packet[10:12], "little")
    if packet.startswith(b"\x7fFLAC"):
        return int.from_bytes(packet[27:30], "big") >> 4, 0
    return (0, 0) if packet.startswith(b"Speex   ") else None
