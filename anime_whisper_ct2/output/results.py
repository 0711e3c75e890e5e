"""What a run left on disk, read back: its transcripts in the order of their ids."""

from __future__ import annotations

import json
import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path, PurePath
from typing import IO, Any

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.extensions import AUDIO, CONTAINERS, KALDI, MANIFESTS, has_extension
from anime_whisper_ct2.output.lines import RUN, TRANSCRIPTS, id_of
from anime_whisper_ct2.output.run_file import read_run
from anime_whisper_ct2.records import DEEPEST, LONGEST_S, Retries, Segment, Transcript, Word
from anime_whisper_ct2.system.commands import command_line
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.paths import as_written, path_of
from anime_whisper_ct2.system.refusals import reason

_GLOB = frozenset("*?[]{}")
# What a corpus's file may end in; `x.tar.gz` has two.
_ENDINGS = frozenset(part for each in (*CONTAINERS, *MANIFESTS, *KALDI, *AUDIO) for part in each.split("."))
_FIGURES = ("avg_logprob", "no_speech_prob", "compression_ratio")
# OverflowError: an integer too long for a float. RecursionError: JSON that is nested too deep for its parser.
_NO_TRANSCRIPT = (ValueError, KeyError, TypeError, OverflowError, RecursionError)

# What is longer is no line of a run, but a file of something else.
_LONGEST_LINE = 1 << 28
_GO_ON = "the same `awct2 run` command goes on with it"


class RunFolder(Mapping[str, Transcript]):
    """The output of `awct2 run`, finished or not: its folder, or a `transcripts.jsonl` alone. Transcripts by id.

    `ids` are those of its recordings in code-point order, each once; where a file holds an id twice, the later line
    counts. A torn last line counts for nothing. `about` is what `run.json` holds, empty where there is none. Lines that
    are appended later are not seen. Memory: the ids and 8 bytes for each. Each transcript goes through `overlay` when
    it is read; such a one may say otherwise of a recording than the file does, and leaves its id as it is.

    Raises InputError when there is no such run, or a line is no transcript's.
    """

    def __init__(self, path: Path | str, overlay: Callable[[Transcript], Transcript] | None = None) -> None:
        self._overlay = overlay
        given = path_of(path)
        if has_extension(given.name, AUDIO) and given.is_file():
            transcribe = command_line("awct2", "run", str(given), "-o", "OUTPUT")
            raise InputError(
                f"{given}: is a recording and no results of a run; transcribe it first: {transcribe}, and name OUTPUT"
            )
        self.file = given / TRANSCRIPTS if given.is_dir() else given
        self.folder = self.file.parent
        try:
            self.ids, self._offsets = _index(self.file)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            raise InputError(
                f"{given}: no results of a run: {self.file.name} {'is not there' if missing else reason(error)}; "
                "name the output folder of `awct2 run`, or a transcripts.jsonl"
            ) from error
        # A file of another name may be anybody's selection, and the run.json beside it tells of something else.
        self.about: Mapping[str, Any] = read_run(self.folder) if self.file.name == TRANSCRIPTS else {}

    def overlaid(self, overlay: Callable[[Transcript], Transcript]) -> RunFolder:
        """Give the same run with another overlay; nothing is read again for it."""
        run = copy(self)
        run._overlay = overlay
        return run

    @property
    def unfinished(self) -> str | None:
        """Say in a line that the run has not come to its end, as far as `run.json` says; None where it has."""
        state = self.about.get("state")
        if state == "finished":
            return None
        if state == "running":
            return f"{RUN} says that the run is going on; if it is not, it was killed, and {_GO_ON}"
        if state in ("interrupted", "failed"):
            came = "was interrupted" if state == "interrupted" else "could not go on"
            return f"{RUN} says that the run {came} before the end; {_GO_ON}"
        return f"{RUN} does not say whether the run was finished"

    def __getitem__(self, id_: str) -> Transcript:
        at = bisect_left(self.ids, id_)
        if at == len(self.ids) or self.ids[at] != id_:
            raise KeyError(id_)
        with self._opened() as file:
            return self._read(file, id_, self._offsets[at])

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the run was given to transcribe, as far as it can be listed again: not what came on standard input."""
        inputs = self.about.get("inputs")
        if not isinstance(inputs, list) or not all(isinstance(given, str) for given in inputs) or "-" in inputs:
            return ()
        return tuple(inputs)

    @property
    def title(self) -> str | None:
        """What to call the corpus: the name of the one INPUT that it was read from; None where that is not known."""
        if len(self.inputs) != 1:
            return None
        (given,) = self.inputs
        path = as_written(given.partition("://")[2] or given)
        # Of a glob, the last folder above it.
        plain = (part for part in reversed(path.parts) if not _GLOB.intersection(part))
        name = next(plain, "").strip("/\\.")
        while (suffix := PurePath(name).suffix[1:].lower()) in _ENDINGS:
            name = name[: -len(suffix) - 1]
        return name or None

    def transcripts(self) -> Iterator[Transcript]:
        """Read the transcripts, sorted by id; one is in memory at a time.

        Raises InputError for a line that is no transcript's, naming it.
        """
        with self._opened() as file:
            for id_, offset in zip(self.ids, self._offsets, strict=True):
                yield self._read(file, id_, offset)

    def _opened(self) -> IO[bytes]:
        try:
            return opened(self.file)
        except OSError as error:
            raise InputError(f"{self.file} cannot be read: {reason(error, self.file)}") from error

    def _read(self, file: IO[bytes], id_: str, offset: int) -> Transcript:
        try:
            file.seek(offset)
            raw = file.readline()
        except OSError as error:
            raise InputError(f"{self.file} cannot be read: {reason(error, self.file)}") from error
        try:
            transcript = read_transcript(json.loads(raw, parse_float=_finite, parse_constant=_finite))
        except _NO_TRANSCRIPT as error:
            raise _bad_line(self.file, offset, error) from error
        if transcript.id != id_:
            raise InputError(f"{self.file} was changed while it was read; try again when the run is done")
        return transcript if self._overlay is None else self._overlay(transcript)


def read_transcript(line: Mapping[str, Any]) -> Transcript:
    """Make a record of one line of `transcripts.jsonl`, read as JSON; keys that are not known are passed over.

    Raises KeyError, TypeError, ValueError or OverflowError for what is no transcript: times and figures are finite, and
    nothing ends before it begins.
    """
    return Transcript(
        id=_text(line["id"]),
        audio=_text(line["audio"]),
        duration=_seconds(line["duration"]),
        language=_text(line["language"]),
        text=_text(line["text"]),
        segments=tuple(map(read_segment, _list(line["segments"]))),
        flags=tuple(map(_text, _list(line.get("flags", [])))),
        meta=_flat_enough(dict(line.get("meta") or {})),
        offset=None if line.get("offset") is None else _seconds(line["offset"]),
        missing_s=None if line.get("missing_s") is None else _seconds(line["missing_s"]),
    )


def read_segment(line: Mapping[str, Any]) -> Segment:
    """Make a record of one of a line's segments; raises as `read_transcript` does."""
    start, end = _stretch(line)
    avg_logprob, no_speech_prob, compression_ratio = (_finite(line[key]) for key in _FIGURES)
    flags = tuple(map(_text, _list(line.get("flags", []))))
    words = tuple(map(_word, _list(line.get("words", []))))
    return Segment(
        start,
        end,
        _text(line["text"]),
        avg_logprob,
        no_speech_prob,
        compression_ratio,
        flags,
        words,
        _retries(line["retries"]) if line.get("retries") else None,
        None if line.get("doubt") is None else _finite(line["doubt"]),
    )


def _word(line: Mapping[str, Any]) -> Word:
    return Word(*_stretch(line), _text(line["text"]), _finite(line["probability"]))


def _retries(line: Mapping[str, Any]) -> Retries:
    return Retries(tuple(_list(line["reasons"])), tuple(_list(line["tried"])), line["kept"])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r:.40} is no list")
    return value


def _finite(value: Any) -> float:
    """Read a number; NaN and infinities are none to JSON, whatever Python takes for it."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r:.40} is no finite number")
    return number


def _seconds(value: Any) -> float:
    number = _finite(value)
    if not 0 <= number <= LONGEST_S:
        raise ValueError(f"{value!r:.40} is no time in a recording")
    return number + 0.0  # -0.0 becomes 0.0


def _stretch(line: Mapping[str, Any]) -> tuple[float, float]:
    start, end = _seconds(line["start"]), _seconds(line["end"])
    if end < start:
        raise ValueError(f"a segment or word ends at {end} s and begins at {start} s")
    return start, end


def _flat_enough(value: Any, depth: int = 0) -> Any:
    if depth > DEEPEST:
        raise ValueError(f"values are nested more than {DEEPEST} deep")
    if isinstance(value, (dict, list)):
        for held in value.values() if isinstance(value, dict) else value:
            if isinstance(held, (dict, list)):
                _flat_enough(held, depth + 1)
    return value


def check_begins(path: Path) -> None:
    """Raise InputError for what does not begin as a `transcripts.jsonl` does; no more than its first line is read."""
    try:
        with opened(path) as file:
            raw = file.readline(_LONGEST_LINE)
        # Without its end, it is torn by a crash, or being written.
        if raw.endswith(b"\n"):
            read_transcript(json.loads(raw, parse_float=_finite, parse_constant=_finite))
        elif raw and not raw.startswith(b"{"):
            raise ValueError("it is no JSON")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error, path)}") from error
    except _NO_TRANSCRIPT as error:
        raise InputError(
            f"{path}: no results of a run: its first line is none that a run wrote ({_what(error)}); name the output "
            "folder of `awct2 run`, or mend or remove that line"
        ) from error


def _index(path: Path) -> tuple[Sequence[str], array[int]]:
    """Find where each recording's line begins: ids in order, and byte offsets."""
    ids: list[str] = []
    offsets = array("Q")
    offset = 0
    with opened(path) as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            try:
                ids.append(id_of(raw))
            except _NO_TRANSCRIPT as error:
                raise _bad_line(path, offset, error) from error
            offsets.append(offset)
            offset += len(raw)
    last: list[int] = []
    # The order is stable: of two lines with one id, the later one stands behind.
    for at in sorted(range(len(ids)), key=ids.__getitem__):
        if last and ids[last[-1]] == ids[at]:
            last[-1] = at
        else:
            last.append(at)
    return [ids[at] for at in last], array("Q", (offsets[at] for at in last))


def _bad_line(path: Path, offset: int, error: Exception) -> InputError:
    with opened(path) as file:
        # Counted only for the message: the index keeps offsets, not numbers.
        number, left = 1, offset
        while left and (block := file.read(min(left, 1 << 20))):
            number += block.count(b"\n")
            left -= len(block)
    return InputError(f"{path}, line {number}: not a line that a run wrote ({_what(error)}); mend or remove it")


def _what(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)
