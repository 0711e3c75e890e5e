"""Where an export goes: a folder, a single file, or a stream."""

from __future__ import annotations

import filecmp
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.export.formats import Format
from anime_whisper_ct2.export.formats.publish import not_written, publishing
from anime_whisper_ct2.export.naming import Names
from anime_whisper_ct2.output.printed import ReaderGone
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.pipes import reader_may_go, silence

# A path that ends so is meant for a file.
_FILE_ENDINGS = frozenset(
    (
        *("txt", "srt", "vtt", "ass", "lrc", "json", "tsv", "csv", "parquet", "jsonl", "list", "tar", "gz", "xlsx"),
        *("zip", "wav", "flac", "ogg"),
    )
)
# A folder in which one file waits until it is whole.
_TEMPORARY = ".awct2-"
# What else the only file of a format is called by.
_ALSO = {"nemo": ("jsonl", "json")}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an export goes.

    `path` is the folder, or the file; None: what is written goes to `stream`. `file` is the one file of the format, as
    it lies in a folder, which is all that is wanted; None: the folder is.
    """

    path: Path | None
    file: str | None = None
    stream: IO[bytes] | None = None

    @property
    def folder(self) -> Path | None:
        """The folder that paths in the export count from; None for a stream, which lies nowhere."""
        return self.path if self.path is None or self.file is None else self.path.parent

    @contextmanager
    def opened(self, about: Mapping[str, Any], keep: Path | None = None) -> Iterator[Path]:
        """Give an empty folder to write into; what is in it is where it belongs at the end, whole or not at all.

        `about` and `keep` as in `publishing`. Raises InputError when the place is taken, OutputError when the disk does
        not take it, ReaderGone when nobody reads the stream any more.
        """
        if self.file is None:
            assert self.path is not None
            with publishing(self.path, about, keep) as folder:
                yield folder
            return
        with _beside(self.path) as folder:
            yield folder
            written = folder / self.file
            # Of a recording that the filters have left out, nothing is written.
            if not written.exists():
                return
            if self.stream is not None:
                _print(written, self.stream)
            # What says the same stays, whoever has it open.
            elif self.path is not None and _is_new(self.path, written):
                files.replace(written, os.path.realpath(self.path))


def destination(out: Path | IO[bytes], format_: Format, ids: Sequence[str], names: Names) -> Destination:
    """Say where an export of these recordings goes.

    Raises InputError for a file or a stream where there will be more than one file.
    """
    single = format_.file
    if single is None and format_.extension is not None and len(ids) == 1:
        single = f"{names[ids[0]]}.{format_.extension}"
    if not isinstance(out, Path):
        if single is None:
            raise InputError(f"{_many(format_, len(ids))}, which cannot go to standard output; name a folder with -o")
        if format_.name == "parquet" and out.isatty():
            raise InputError("parquet is no text; name a file: -o transcripts.parquet")
        return Destination(None, single, out)
    ending = out.suffix[1:].lower()
    # A folder that is there is one, whatever it is called.
    if ending not in _FILE_ENDINGS or out.is_dir():
        return Destination(out)
    endings = _ALSO.get(format_.name, (format_.name,))
    if single is None:
        raise InputError(f"{out}: {_many(format_, len(ids))}; name a folder with -o, such as {out.stem}")
    if ending not in endings:
        raise InputError(f"{out}: {format_.name} is no .{ending}; name a folder, or a file that ends in .{endings[0]}")
    return Destination(out, single)


def _many(format_: Format, recordings: int) -> str:
    if format_.extension is None:
        return f"{format_.name} is a folder of files"
    return f"{format_.name} is a file for each recording, and the run has {counted(recordings, 'recording')}"


@contextmanager
def _beside(path: Path | None) -> Iterator[Path]:
    """Give a folder on the disk of a file to be, or any for a stream; it goes at the end.

    Raises OutputError when the disk does not take what is done to it.
    """
    above = tempfile.gettempdir() if path is None else os.path.dirname(os.path.realpath(path))  # noqa: PTH120 - a string
    try:
        os.makedirs(above, exist_ok=True)  # noqa: PTH103 - as above
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=above))
        try:
            yield folder
        finally:
            files.clear_away(folder)
    except OSError as error:
        own = os.path.join(above, _TEMPORARY)  # noqa: PTH118 - as above
        raise not_written(path or "standard output", error, (own,)) from error


def _is_new(path: Path, written: Path) -> bool:
    """Refuse to write over a file that says anything else: somebody may have edited it; one that says it is no news."""
    if not path.exists() or not path.stat().st_size:
        return True
    if not filecmp.cmp(path, written, shallow=False):
        # Before 7.4, PowerShell's `>` writes no bytes as they are, so that `-o - > FILE` is no advice.
        raise InputError(f"{path} is there already and says something else; remove it, or name another")
    return False


def _print(written: Path, stream: IO[bytes]) -> None:
    try:
        with written.open("rb") as file:
            while block := file.read(1 << 20):
                with reader_may_go(stream):
                    stream.write(block)
        with reader_may_go(stream):
            stream.flush()
    except BrokenPipeError:
        silence(stream)
        raise ReaderGone("the reader of the export has gone") from None
