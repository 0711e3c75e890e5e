"""Tars, tables and lists that reach out of their place, unfold or lie; made on the spot.

`python -m tests.support.hostile_containers FOLDER` writes them, and the files of `hostile`.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.hostile import ESCAPES, FORMULA, MARKUP, good, make_audio


def _member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def _tar(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            info.size = info.size or len(data)
            tar.addfile(info, io.BytesIO(data))


def make_containers(folder: Path, outside: Path) -> list[str]:
    """Write tars, tables and lists; `outside` is where nothing may appear. Gives their paths."""
    folder.mkdir(parents=True)
    wav = good()
    nested = {depth: b"[" * depth + b"]" * depth for depth in (100, 400, 900, 30_000)}
    _tar(
        folder / "names.tar",
        [
            (_member("../escaped.wav"), wav),
            (_member(f"{outside}/absolute.wav"), wav),
            (_member("a/../../escaped.wav"), wav),
            (_member("C:\\windows.wav"), wav),
            (_member("link.wav", kind=tarfile.SYMTYPE, link="/etc/passwd"), b""),
            (_member("hard.wav", kind=tarfile.LNKTYPE, link="../../secret.wav"), b""),
            (_member("pipe.wav", kind=tarfile.FIFOTYPE), b""),
            (_member("device.wav", kind=tarfile.CHRTYPE), b""),
            (_member("twice.wav"), wav),
            (_member("twice.wav"), wav),
            (_member("new\nline.wav"), wav),
            (_member("\udcff\udcfe.wav"), wav),
            (_member("x" * 300 + ".wav"), wav),
            (_member(FORMULA + ".wav"), wav),
            (_member("page.wav"), wav),
            (_member("page.txt"), (MARKUP + FORMULA).encode()),
        ],
    )
    _tar(
        folder / "depth.tar",
        [
            member
            for depth, data in nested.items()
            for member in ((_member(f"{depth}.wav"), wav), (_member(f"{depth}.json"), data))
        ],
    )
    with (folder / "huge.tar").open("wb") as file:
        file.write(_member("first.wav", len(wav)).tobuf() + wav + bytes(-len(wav) % 512))
        file.write(_member("huge.wav", 2**61).tobuf(format=tarfile.GNU_FORMAT) + wav)
    # Sixty-four megabytes of zeros, again and again: gzip's members follow each other.
    zeros = gzip.compress(bytes(64 << 20), 9)
    (folder / "bomb.tar.gz").write_bytes(gzip.compress(_member("bomb.wav", 2 << 30).tobuf()) + zeros * 32)
    (folder / "noise.tar").write_bytes(np.random.default_rng(1).bytes(10_000))
    (folder / "noise.parquet").write_bytes(b"PAR1" + np.random.default_rng(2).bytes(10_000) + b"PAR1")
    table = pa.table(
        {
            "audio": [
                {"bytes": wav, "path": "../../escaped.wav"},
                {"bytes": b"", "path": None},
                {"bytes": None, "path": "/dev/zero"},
            ],
            "text": [FORMULA, MARKUP, "\0"],
        }
    )
    pq.write_table(table, folder / "rows.parquet")
    (folder / "cut.parquet").write_bytes((folder / "rows.parquet").read_bytes()[:-200])
    (folder / "good.wav").write_bytes(wav)
    os.mkfifo(folder / "pipe.wav")
    rows: list[object] = [
        {"audio": "good.wav", "id": id_, "text": text, "speaker": speaker}
        for id_, text, speaker in (
            ("../../escaped", FORMULA, "../../escaped"),
            (f"{outside}/absolute", "+1", f"{outside}/absolute"),
            ("+" + FORMULA, MARKUP, FORMULA),
            (MARKUP, "\tx", MARKUP),
            ("nul\0id", "nul\0text", "nul\0"),
            ("line\nbreak\r\n", "a\r\nb", "line\nbreak"),
            ("long" * 2_000, "長い" * 5_000, "long" * 2_000),
            ("\ud800alone", "\ud800", "\udfff"),
            (".", "..", "."),
            ("..", ".", ".."),
            ("a/", "/", "a/"),
            ("a//b", "|", "|"),
            ("  ", "  ", "  "),
            (ESCAPES, ESCAPES, ESCAPES),
        )
    ]
    rows += [
        {"audio": path, "id": f"path {n}"} for n, path in enumerate(("pipe.wav", "/dev/zero", "..", ".", "", "\0"))
    ]
    rows += [
        {"audio": "good.wav", "id": f"times {n}", "offset": offset} for n, offset in enumerate((-1, 1e300, 0.59999))
    ]
    rows += [{"audio": "good.wav", "id": "numbers", "big": 10**400, "nested": {"a": [None, True, 1e308]}}]
    text = "\n".join(json.dumps(row) for row in rows)
    text += '\n{"audio": "good.wav", "id": "not a number", "x": NaN, "y": -Infinity, "id": "again"}\n'
    for depth in nested:
        text += f'{{"audio": "good.wav", "id": "depth {depth}", "x": {"[" * depth + "]" * depth}}}\n'
    (folder / "rows.jsonl").write_text(text + "[" * 100_000 + "\n{\n\n\0\n", encoding="utf-8")
    (folder / "rows.csv").write_bytes(
        f'audio,id,text\ngood.wav,"{FORMULA}",{MARKUP}\ngood.wav,@x,{FORMULA}\n"good.wav,unclosed,x\n'.encode()
        + b"\xff\xfe,\0,\n"
    )
    (folder / "wav.scp").write_text(
        f"pipe cat {folder}/good.wav |\nprogram touch {outside}/pwned |\ngood {folder}/good.wav\n", encoding="utf-8"
    )
    (folder / "list.txt").write_bytes(
        b"good.wav\n/dev/zero\npipe.wav\n../../../../etc/passwd\n\xff\xfe.wav\n" + b"x" * 3_000_000
    )
    return sorted(os.fspath(path) for path in folder.iterdir() if path.suffix != ".wav")


if __name__ == "__main__":
    to = Path(sys.argv[1]).absolute()
    make_audio(to / "audio", f"{to}/pwned", f"{to}/secret.wav")
    make_containers(to / "containers", to)
