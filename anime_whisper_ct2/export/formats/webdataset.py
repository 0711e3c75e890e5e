"""WebDataset: tars that hold, for each row, `<key>.<audio's extension>`, `<key>.json` and `<key>.txt`."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from anime_whisper_ct2.export.formats import ExportSettings, Row, speaker_of
from anime_whisper_ct2.export.formats.audio_files import AudioFiles, check_whole, extension, split_tar
from anime_whisper_ct2.export.formats.plain import flat, one_line, to_json
from anime_whisper_ct2.extensions import TARS, has_extension

FORMAT = "webdataset"
# A shard of the rows that came out of none ends with the row that reaches either.
SHARD_ROWS = 10_000
SHARD_BYTES = 1_000_000_000
# Members that begin so are none of the samples, says the reader.
_SKIPPED = re.compile(r"__[^/]*__(?:$|/)")


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write the tars; a row that came out of a shard goes to one of the same name, with the key it had.

    Others go to `<title>-000000.tar` and so on. What packed a shard (`.tar.gz`) is left out of its name. Dots in the
    last part of a key become `_`: the reader takes what follows them for the extension.

    Raises InputError for audio that is no whole file, in a tar or out of it.
    """
    with AudioFiles(FORMAT) as files, _Shards(folder, settings.title) as shards:
        for row in rows:
            check_whole(row, FORMAT)
            shard, key = shards.place(row)
            with files.open(row) as (audio, size):
                shard.add(f"{key}.{extension(row) or 'audio'}", audio, size)
            shard.add_text(f"{key}.json", to_json(_about(row, settings)))
            shard.add_text(f"{key}.txt", row.text)


def _about(row: Row, settings: ExportSettings) -> dict[str, Any]:
    return {
        "id": row.name,
        "recording": row.recording,
        "start": row.start_s,
        "duration": row.duration_s,
        "language": row.language,
        "speaker": one_line(speaker_of(row, settings)),
        "text": row.text,
        "avg_logprob": row.avg_logprob,
        "no_speech_prob": row.no_speech_prob,
        "doubt": row.doubt,
        "flags": list(row.flags),
        "meta": dict(row.meta),
    }


def file_of_title(title: str, number: int = 0) -> str:
    """Give the name of a tar of rows that came out of none."""
    name = flat(re.sub(r"[/\\]", "_", title)) or "dataset"
    return f"{name}-{number:06d}.tar"


class _Shard:
    """One tar that is being written; the same members give the same bytes, whenever and by whomever."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows = 0
        self.bytes = 0
        self._keys: set[str] = set()
        # GNU's kind of headers, of which names that are not ASCII need no second one.
        self._tar = tarfile.open(  # noqa: SIM115 - closed by `close`
            path, "w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        )

    def close(self) -> None:
        """End the tar."""
        self._tar.close()

    def key(self, name: str) -> str:
        """Give the key of a row of that name, which no other row of the shard has."""
        above, slash, base = name.rpartition("/")
        plain = key = above + slash + base.replace(".", "_")
        if _SKIPPED.match(plain):
            plain = key = plain.lstrip("_")
        number = 1
        while key in self._keys:
            number += 1
            key = f"{plain}-{number}"
        self._keys.add(key)
        self.rows += 1
        return key

    def add(self, name: str, content: IO[bytes], size: int) -> None:
        """Add a member, made of the next `size` bytes of `content`."""
        member = tarfile.TarInfo(name)
        member.size = size
        member.mode = 0o644
        self._tar.addfile(member, content)
        # No one asks for them again, and a shard has many.
        self._tar.members = []  # type: ignore[attr-defined] # known to every version, and to no type stub
        self.bytes += size

    def add_text(self, name: str, text: str) -> None:
        """Add a member that holds a text in UTF-8."""
        encoded = text.encode("utf-8", "replace")
        self.add(name, io.BytesIO(encoded), len(encoded))


class _Shards:
    """The tars of an export: at most two are open, one that is named after a shard, and one of the rows of none."""

    def __init__(self, folder: Path, title: str) -> None:
        self._folder = folder
        self._title = title
        self._count = 0
        self._common: _Shard | None = None
        self._named: _Shard | None = None
        self._source = ""

    def __enter__(self) -> _Shards:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as closing:
            for shard in (self._common, self._named):
                if shard is not None:
                    closing.callback(shard.close)

    def place(self, row: Row) -> tuple[_Shard, str]:
        """Give the shard that a row goes to, and its key there."""
        source, _ = split_tar(row.recording)
        depth = source.count("/") + 1
        parts = row.name.split("/")
        if not source or len(parts) <= depth:
            shard = self._next_common()
            return shard, shard.key(row.name)
        if self._named is None or source != self._source:
            if self._named is not None:
                self._named.close()
            self._named = _Shard(self._free_path("/".join(parts[:depth])))
            self._source = source
        return self._named, self._named.key("/".join(parts[depth:]))

    def _next_common(self) -> _Shard:
        shard = self._common
        if shard is None or shard.rows >= SHARD_ROWS or shard.bytes >= SHARD_BYTES:
            if shard is not None:
                shard.close()
            shard = self._common = _Shard(self._free_path(file_of_title(self._title, self._count)))
            self._count += 1
        return shard

    def _free_path(self, name: str) -> Path:
        """Give the path of a shard, numbered where another has its name already."""
        stem = name
        for ending in TARS:
            if has_extension(name, (ending,)):
                stem = name[: -len(f".{ending}")]
        path = self._folder / f"{stem}.tar"
        number = 1
        while path.exists():
            number += 1
            path = self._folder / f"{stem}-{number}.tar"
        return path
