"""What the readers' targets begin with: small, valid, and with much of what each format can do."""

from __future__ import annotations

import io
import math
import tarfile
from collections.abc import Callable, Mapping

from tests.fuzz.mutation import pack

_CLIP = b"RIFF....WAVEfmt "
_MEMBERS = (
    *(("a/1.ogg", _CLIP), ("a/1.txt", "えっと".encode()), ("a/1.json", b'{"a": [1, NaN, 1e999, "\\ud800"]}')),
    *(
        ("b.v2.wav", _CLIP),
        ("b.txt", b"x"),
        ("b.speaker.txt", b"s"),
        ("c" * 150 + ".flac", _CLIP),
        ("日本/２.MP3", b""),
    ),
)


def tars() -> list[bytes]:
    """Tars of three kinds, with samples, sidecars, long names and a link."""
    made = []
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        for members in (_MEMBERS, _MEMBERS[:2]):
            file = io.BytesIO()
            with tarfile.open(fileobj=file, mode="w", format=kind) as tar:
                for name, content in members:
                    if kind == tarfile.USTAR_FORMAT and len(name) > 100:
                        continue
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
                link = tarfile.TarInfo("l.ogg")
                link.type, link.linkname = tarfile.SYMTYPE, "../../etc/passwd"
                tar.addfile(link)
            # Without the zeros that fill up tarfile's records.
            made.append(file.getvalue().rstrip(b"\0") + bytes(1536))
    return made


def _table(rows: int = 3) -> object:
    import pyarrow as pa

    names = ["a.wav", None, "../b.wav", "s3://u:p@h/c.wav?k=v"]
    return pa.table(
        {
            "id": pa.array([None, "é", "row-00000000", "a.wav"][:rows]),
            "audio": pa.array([{"bytes": _CLIP if at % 2 else None, "path": names[at]} for at in range(rows)]),
            "when": pa.array([0, 1 << 60, -(1 << 62), None][:rows], pa.timestamp("ns", tz="Asia/Tokyo")),
            "tags": pa.array([["x", None], [], None, ["y"]][:rows]),
            "f": pa.array([1.0, math.nan, math.inf, None][:rows]),
            "d": pa.array(["s", "s", None, "t"][:rows]).dictionary_encode(),
            "m": pa.array([[("k", 1)], [], None, [("k", 2), ("k", 3)]][:rows], pa.map_(pa.string(), pa.int32())),
        }
    )


def parquets() -> list[bytes]:
    """Parquet files with every encoding and compression that writers commonly choose."""
    import pyarrow.parquet as pq

    made = []
    options: tuple[Mapping[str, object], ...] = (
        {},
        {"compression": "zstd", "row_group_size": 2},
        {"compression": "gzip", "use_dictionary": False, "data_page_version": "2.0", "write_page_index": True},
        {"compression": "none", "column_encoding": {"id": "DELTA_BYTE_ARRAY"}, "use_dictionary": False},
    )
    for given in options:
        file = io.BytesIO()
        pq.write_table(_table(4), file, **given)
        made.append(file.getvalue())
    return made


def arrows() -> list[bytes]:
    """Arrow's file, its stream, and a compressed one."""
    import pyarrow as pa

    made = []
    for new, compression in ((pa.ipc.new_file, None), (pa.ipc.new_stream, None), (pa.ipc.new_stream, "lz4")):
        file = io.BytesIO()
        table = _table(4)
        with new(file, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
            writer.write_table(table, max_chunksize=3)
        made.append(file.getvalue())
    return made


def saved() -> list[bytes]:
    """Folders of a dataset and of splits."""
    arrow = arrows()[1]
    state = b'{"_data_files": [{"filename": "data.arrow"}], "_fingerprint": "0", "_split": null}'
    return [pack(state, b"", arrow), pack(b"", b'{"splits": ["train"]}', b"", state, arrow)]


JSON = (
    '{"audio": "a/1.wav", "text": "えっと、…", "speaker": "桜", "n": [1, 2.5, null, {"x": NaN}]}\n'
    '{"audio_filepath": "/abs/2.wav", "offset": 1.5, "duration": 2.25, "id": "x"}\n'
    '{"path": "s3://b/k/3.wav", "start": "0.5", "end": 4}\r\n\n{"audio": {"path": "4.wav", "bytes": null}}\n',
    '{"file_name": "a.wav", "id": "あ", "duration": 3}\n{"file_name": "a.wav", "start": 0, "end": 1e-4}\n',
)
CSV = (
    'path,text,start,end,id\na.wav,"えっと, ""x""",0.5,1.5,1\nb.wav,"two\nlines",,,\n/c.wav,,1,,3\n',
    "a.wav,x\nb.wav,y\n",
    'n,Clip,ID\n1,a.ogg,x\n2,b.ogg,"y"\n',
)
LIST = (
    "a.wav\nb/c.ogg\n\n  d e.mp3\n/abs/f.wav\ns3://b/k.wav\n../g.wav\n",
    "a.wav\0b\nc.wav\0",
    "\ufeffa.wav\r\nb.wav\r\n",
)
_KALDI = (
    b"u1 a.wav\nu2 /abs/b.flac\nu3 sox c.wav -t wav - |\nu4 d.ark:123\nu5 -\n",
    b"s1 u1 0.5 1.5\ns2 u1 1.5 -1\ns3 u2 0 2\ns4 u9 0 1\n",
    "u1 えっと\ns1 はい\n".encode(),
    b"u1 spk\ns1 spk\n",
)


def kaldis() -> list[bytes]:
    """Kaldi's folders, with segments and without."""
    return [pack(*_KALDI), pack(_KALDI[0], b"", *_KALDI[2:]), _KALDI[0]]


def texts(*given: str) -> Callable[[], list[bytes]]:
    """Seeds that are texts."""
    return lambda: [text.encode() for text in given]
