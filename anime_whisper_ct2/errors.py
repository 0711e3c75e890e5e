"""Everything that can go wrong, as a tree; what the user reads is the message, so it says what, where and what to do.

    Awct2Error                      exit status 1: the work could not go on
    ├── InputError                  exit status 2: an option, a path or a combination that cannot be honoured
    ├── ModelError                  the model
    │   ├── ModelNotFoundError      neither a folder nor a hub id that could be fetched
    │   ├── CheckpointError         a checkpoint that cannot be converted: shape, weights or files
    │   ├── ConversionError         a conversion that did not finish (disk, permissions)
    │   └── ModelFolderError        a converted folder that is not safe to run
    ├── OutputError                 the output folder: locked, not writable, full, made with other settings
    ├── EngineError                 the device or CTranslate2 itself
    │   ├── EngineMemoryError       a batch that does not fit the device's memory; a smaller one may
    │   └── EngineLostError         a device that this process has lost; a new one may reach it again
    └── RecordingError              one recording; the run goes on and `errors.jsonl` gets a line
        ├── DecodeError             bytes that are no readable audio
        └── TranscribeError         a window that the engine could not decode

Messages name options as the command does; `in_python` has them speak of arguments. Standard library only (floor 0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

# Options whose arguments are called otherwise.
_ARGUMENTS = {
    "gpus": "gpu",
    "tail": "tail_s",
    "max-segment": "max_segment_s",
    "min-silence": "min_silence_s",
    "speech-pad": "speech_pad_s",
    "time-limit": "time_limit_s",
    "no-retry": "retry=False",
}
# All others that have an argument. Nothing else is taken for an option: files may be called like one.
_ALIKE = (
    *("model", "device", "encoder", "compute-type", "cpu-threads", "batch-size", "workers", "language", "beam-size"),
    *("window", "no-repeat-ngram-size", "retry", "words", "segment", "vad-threshold", "channel", "strict-audio"),
)
# A command stays as it is; what concerns the command alone goes.
_OPTION = re.compile(
    r"(?:awct2|hf|ray) [^;,`]*| \(and with --retry-failed\)"
    rf"|(?<![\w./-])--({'|'.join((*_ARGUMENTS, *_ALIKE))})(?![\w./-])"
    r"(?: (cpu|cuda|torch|ctranslate2|fit|full|off|bfloat16|float32)\b)?"
)


def one_line(text: str) -> str:
    """Escape what a terminal would obey or cannot take: control characters, line breaks, bytes that are no UTF-8."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def first_line(error: BaseException) -> str:
    """Give the first line of what a library says of an error, which may be many; its kind, where it says nothing."""
    return one_line(str(error).strip().partition("\n")[0]) or type(error).__name__


def counted(number: int, what: str) -> str:
    """Write a number with its noun, given in the singular: `1 recording`, `2,000 recordings`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def in_python(message: str) -> str:
    """Give a message with the arguments of `Transcriber` in place of the command's options."""

    def argument(found: re.Match[str]) -> str:
        """Write one option as an argument, with its value if one stands behind it."""
        if found[1] is None:
            return "" if found[0].startswith(" (") else found[0]
        name = _ARGUMENTS.get(found[1], found[1].replace("-", "_"))
        return f'{name}="{found[2]}"' if found[2] else name

    return _OPTION.sub(argument, message)


@contextmanager
def speaking_python() -> Iterator[None]:
    """Let errors that pass speak of arguments instead of options."""
    try:
        yield
    except Awct2Error as error:
        error.args = (in_python(str(error)), *error.args[1:])
        raise


class Awct2Error(Exception):
    """An error whose message can be shown to a user as it is.

    `exit_code` is the status that the command line ends with.
    """

    exit_code = 1


class InputError(Awct2Error):
    """An option, path or combination that cannot be honoured."""

    exit_code = 2


class ModelError(Awct2Error):
    """Anything wrong with a model."""


class ModelNotFoundError(ModelError):
    """The model is neither a folder here nor a hub id that could be fetched."""


class CheckpointError(ModelError):
    """A checkpoint that cannot be converted: its shape, its weights or a file that is absent."""


class ConversionError(ModelError):
    """A conversion that did not finish; what stood at the destination is untouched."""


class ModelFolderError(ModelError):
    """A converted folder that would give wrong text or crash."""


class OutputError(Awct2Error):
    """The output folder is locked, not writable, full, or was made with other settings."""


class EngineError(Awct2Error):
    """The device or CTranslate2 itself failed."""


class EngineMemoryError(EngineError):
    """A batch did not fit the device's memory; a smaller one may."""


class EngineLostError(EngineError):
    """The device answers no more, or only with errors, to this process; a new one may reach it again."""


class RecordingError(Awct2Error):
    """One recording that could not be transcribed; the others go on.

    `stage` is where it happened (`read`, `decode`, `engine`) and `kind` its name, as `errors.jsonl` gives them;
    `recording` is its id, or None where the room that raises does not know it.
    """

    stage = "read"

    def __init__(
        self, message: str, *, stage: str | None = None, recording: str | None = None, kind: str | None = None
    ) -> None:
        super().__init__(message)
        self.recording = recording
        self.kind = kind or type(self).__name__
        if stage is not None:
            self.stage = stage


class DecodeError(RecordingError):
    """The bytes are no readable audio, or hold no samples."""

    stage = "decode"


class TranscribeError(RecordingError):
    """The engine could not decode a window of this recording."""

    stage = "engine"
