"""Many recordings read strictly, one after the other, from a file that is opened once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.results import read_transcript
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.review.index.building import NO_TRANSCRIPT, strict_json
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason


def read_many(path: Path, offsets: Iterable[int]) -> Iterator[Transcript]:
    """Read the recordings whose lines begin at offsets. Raises InputError for what no run wrote."""
    try:
        with opened(path) as file:
            for offset in offsets:
                file.seek(offset)
                yield read_transcript(strict_json(file.readline()))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error, path)}") from error
    except NO_TRANSCRIPT as error:
        raise InputError(f"{path} was changed since the page was opened; start `awct2 review` again") from error
