"""What a file's structure says before anything is decoded: who reads it, what it promises, and where parts are joined.

`parts_of` gives the recordings in a file, nearly always one, each as a `Part`. The kinds are told apart here; `chunks`,
`boxes`, `pages` and `streams` know one family each.

| container | read by | promises | what is missing then | joined copies |
|---|---|---|---|---|
| WAV (also RIFX, RF64, BW64), W64, AIFF, CAF, AU, SPHERE | libsndfile | bytes of samples | what is not there | parts |
| Ogg | libsndfile: whole Vorbis; FFmpeg | numbered pages with sums, a last one | pages, the end | each link is a part |
| FLAC | libsndfile; FFmpeg from where that breaks off | the number of its samples | what is less | parts |
| MP4, M4A, MOV | FFmpeg | boxes, the length of tracks | what is less | parts |
| Matroska, WebM | FFmpeg | the segment's bytes, a length | what is less | FFmpeg reads on |
| ASF (WMA, WMV), AVI | FFmpeg | bytes | what is less | parts; AVI: FFmpeg reads on |
| MP3 | FFmpeg | with Xing, Info or VBRI: frames | what is less | FFmpeg reads on |
| FLV | FFmpeg | nothing | | parts |
| TTA, APE, TAK, WavPack | FFmpeg | the number of their samples | what is less | what follows is missing |
| ADTS, AC-3, DTS, AMR, MPEG-TS and others | FFmpeg | nothing | | FFmpeg reads on |

A size that a program wrote that could not know it promises nothing. Of whatever FFmpeg reads, packets that no decoder
takes, and gaps in a codec that leaves none, are missing too.

May import: `errors`, `audio.ogg`, `audio.remembered`, `audio.section`, `audio.source`.
"""

from __future__ import annotations

from anime_whisper_ct2.audio.remembered import Remembered
from anime_whisper_ct2.audio.section import Bytes, bytes_of
from anime_whisper_ct2.audio.source import File
from anime_whisper_ct2.audio.structure.boxes import EBML, ebml, is_mp4, mp4
from anime_whisper_ct2.audio.structure.chunks import chunked, is_chunked
from anime_whisper_ct2.audio.structure.pages import ogg
from anime_whisper_ct2.audio.structure.part import HEAD_BYTES, Part
from anime_whisper_ct2.audio.structure.streams import (
    ASF,
    FLAC,
    FLV,
    asf,
    avi,
    flac,
    flv,
    is_mp3,
    mp3,
    tag_end,
)
from anime_whisper_ct2.errors import DecodeError

__all__ = ["Part", "parts_of"]

_MOST_PARTS = 10_000
_LONG_BYTES = 1 << 20
_known: Remembered[tuple[Part, ...]] = Remembered()


def parts_of(file: File) -> tuple[Part, ...]:
    """Look through a file for the recordings that are joined in it, nearly always one.

    What is of no known kind is one part that promises nothing. Raises DecodeError where the file cannot be read or is
    empty.
    """
    with bytes_of(file) as raw:
        if not raw.size:
            raise DecodeError("the file is empty (0 bytes)")
        # Many stretches may be wanted of one long recording.
        path = file if isinstance(file, str) and raw.size >= _LONG_BYTES else None
        if path is not None and (known := _known.get(path)) is not None:
            return known
        parts = _parts(raw, 0)
        while parts[-1].end < raw.size and len(parts) < _MOST_PARTS and _is_start(raw(parts[-1].end, HEAD_BYTES)):
            parts += _parts(raw, parts[-1].end)
        return parts if path is None else _known.keep(parts, path)


def _is_start(head: bytes) -> bool:
    """Say whether bytes are the first ones of a recording, beyond doubt."""
    return is_chunked(head) or head[:4] in (b"OggS", FLAC, FLV) or head[4:8] == b"ftyp" or head[:16] == ASF


def _parts(raw: Bytes, begin: int) -> tuple[Part, ...]:
    # Some put a tag of MP3s before whatever it is.
    behind = tag_end(raw, begin)
    if behind > begin and _is_start(raw(behind, HEAD_BYTES)):
        begin = behind
    head = raw(begin, HEAD_BYTES)
    if head[:4] == b"OggS":
        return ogg(raw, begin)
    return (_part(raw, begin, head),)


def _part(raw: Bytes, begin: int, head: bytes) -> Part:
    if is_chunked(head):
        return chunked(raw, begin, _is_start)
    if head[:4] == FLAC:
        return flac(raw, begin)
    if head[:4] == FLV:
        return flv(raw, begin)
    if is_mp4(head):
        return mp4(raw, begin)
    if head[:4] == EBML:
        return ebml(raw, begin)
    if head[:16] == ASF:
        return asf(raw, begin)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return avi(raw, begin)
    if head.startswith(b"Creative Voice File"):
        return Part(begin, raw.size, "voc")
    return mp3(raw, begin) if is_mp3(head) else Part(begin, raw.size)
