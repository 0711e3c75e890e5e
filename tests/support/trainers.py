"""How trainers of voices read a data set: what their own scripts do with its list and its files, step by step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import soundfile

_STYLE_BERT_LANGUAGES = ("JP", "EN", "ZH")
_SOVITS_LANGUAGES = {
    given: code for code in ("zh", "ja", "en", "ko", "yue") for given in (code, code.upper(), code.capitalize())
} | {"JP": "ja", "jp": "ja"}


@dataclass(frozen=True)
class Line:
    """One example as the trainer has it: the file that it decodes, who speaks, in which language, and what."""

    file: Path
    speaker: str
    language: str
    text: str


def style_bert_vits2(folder: Path) -> list[Line]:
    """Read `Data/<model>`: all below `raw` becomes `.wav` below `wavs`, where the names of the list are looked up."""
    resampled = {}
    for path in (folder / "raw").rglob("*"):
        if path.is_file():
            assert soundfile.info(str(path)).frames > 0, f"{path} would be passed over"
            resampled[folder / "wavs" / path.relative_to(folder / "raw").with_suffix(".wav")] = path
    found: dict[Path, Line] = {}
    with (folder / "esd.list").open(encoding="utf-8") as file:
        for line in file:
            name, speaker, language, text = line.strip().split("|")
            assert language in _STYLE_BERT_LANGUAGES
            wav = folder / "wavs" / name
            assert wav not in found, "the same file twice is dropped"
            found[wav] = Line(resampled[wav], speaker, language, text)
    assert found.keys() == resampled.keys(), "files that no line names"
    return list(found.values())


def gpt_sovits(list_file: Path, wavs: Path | None = None) -> list[Line]:
    """Read a list of annotations; `wavs` is the page's field for the folder of the audio, None an empty one."""
    assert list_file.name.endswith(".list")
    made: dict[str, Line] = {}
    for line in list_file.read_text(encoding="utf8").strip("\n").split("\n"):
        path, speaker, language, text = line.split("|")
        name = os.path.basename(path)
        file = Path(path.strip(" ").strip("'").strip('"')).expanduser() if wavs is None else wavs / name
        assert soundfile.info(str(file)).frames > 0
        # Features are kept under the file's name: of two that share it, the second one is taken for done.
        assert name not in made, "two files of one name"
        made[name] = Line(file, speaker, _SOVITS_LANGUAGES[language], text)
    return list(made.values())
