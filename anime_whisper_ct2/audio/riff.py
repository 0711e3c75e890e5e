"""What a WAV's header promises: libsndfile takes a file that was cut short for one that ends there."""

from __future__ import annotations

from anime_whisper_ct2.errors import DecodeError

# So much of a file's beginning is looked through for the header of its samples.
HEAD_BYTES = 1 << 16
# A program that writes to a pipe cannot know the length, and puts 0 or something of this size.
_UNKNOWN_BYTES = 0x7FFF_F000


def check_whole(head: bytes, size_bytes: int) -> None:
    """Raise DecodeError for a WAV that promises more than the file holds; whatever is no WAV passes.

    `head`: the file's first `HEAD_BYTES`, or all of it.
    """
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return
    at, bytes_per_s = 12, 0
    while at + 8 <= len(head):
        name, length = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if name == b"fmt " and at + 20 <= len(head):
            bytes_per_s = int.from_bytes(head[at + 16 : at + 20], "little")
        if name == b"data":
            held = size_bytes - at - 8
            # Some leave out the byte that pads an odd length.
            if length < _UNKNOWN_BYTES and length > held + 1:
                raise DecodeError(f"breaks off{_at(held, bytes_per_s)}: its header promises {length} bytes of sound")
            return
        at += 8 + length + length % 2


def _at(held: int, bytes_per_s: int) -> str:
    return f" after {held / bytes_per_s:.2f} s" if bytes_per_s else f" after {held} bytes"
