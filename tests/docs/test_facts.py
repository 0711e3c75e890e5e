"""What the code knows is listed, and nothing else: extras, formats, names, keys, variables."""

from __future__ import annotations

import configparser
import gzip
import re
from inspect import signature
from pathlib import Path
from typing import get_args

import anime_whisper_ct2
from anime_whisper_ct2 import (
    ClipFolder,
    Corpus,
    CorpusRun,
    Decoded,
    DecodingOptions,
    Export,
    FakeEngine,
    FrontendOptions,
    RunOptions,
    Transcriber,
    Window,
    Word,
)
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.extensions import AUDIO, CONTAINERS, MANIFESTS
from anime_whisper_ct2.model_dir import QUANTIZATIONS, open_model_dir
from anime_whisper_ct2.options import SegmentMode
from anime_whisper_ct2.output.merge.parts import _CHOICE
from anime_whisper_ct2.readers.lists.delimited import AUDIO_KEYS
from anime_whisper_ct2.text import NORMALIZERS
from tests.support.array_jobs import INDEXED_JOB, MERGE, SBATCH
from tests.support.documents import BOTH, Handbook, spans
from tests.support.places import ROOT

FORMATS_PAGE = "reference/formats.md"
KEPT = "Which formats keep word times"
PYTHON = "reference/python.md"
AUDIBLE = (".ogg", ".wav")
# Variables that the code reads by name, wherever it keeps the environment.
READ = re.compile(r'environ(?:\.(?:get|setdefault|pop))?[(\[]"([A-Z][A-Z0-9_]+)"')


@BOTH
def test_what_can_be_installed_is_listed(book: Handbook) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = {f"[{name}]" for name in setup["options.extras_require"]}
    listed = {name for name in book.named("guides/install.md") if name.startswith("[")}
    assert listed == extras - {"[test]", "[bench]"}


@BOTH
def test_what_can_be_chosen_is_listed(book: Handbook) -> None:
    assert book.named("guides/own-model.md", "Quantization").keys() == set(QUANTIZATIONS)
    assert book.named("guides/long-recordings.md").keys() >= set(get_args(SegmentMode))
    assert book.named("guides/evaluate.md", "Normalizers").keys() == NORMALIZERS.keys()


@BOTH
def test_what_is_read_and_written_is_listed(book: Handbook) -> None:
    assert {name for row in book.rows(FORMATS_PAGE, "Which audio is read") for name in spans(row[1:2])} == AUDIO
    assert book.named(FORMATS_PAGE, "Export formats").keys() == FORMATS.keys()
    table = book.section("guides/inputs.md").tables[0]
    inputs = {name for row in table[2:] for name in spans(row[:1])}
    assert inputs == {f".{name}" for name in (*MANIFESTS, *CONTAINERS)} | {"wav.scp", "save_to_disk", "-"}
    assert set(AUDIO_KEYS) <= book.prose("guides/inputs.md", "Manifests and lists")


@BOTH
def test_formats_keep_what_is_said(book: Handbook, corpus: Path, tiny_model: Path) -> None:
    (corpus / "broken.wav").unlink()

    def decode(_: Window) -> Decoded:
        return Decoded("はい", (1,), -0.1, 0.0, words=(Word(0.1, 0.4, "はい", 0.877),))

    options = RunOptions(DecodingOptions(words=True), frontend=FrontendOptions(workers=0))
    model = open_model_dir(tiny_model)
    CorpusRun(Corpus("corpus"), Path("run"), model, options, open_engine=lambda *_: FakeEngine(decode)).run()
    rows = book.named(FORMATS_PAGE, KEPT)
    assert rows.keys() == {"transcripts.jsonl", *FORMATS}
    for name, row in rows.items():
        place = Path("run", name)
        if name in FORMATS:
            place = Path(name)
            Export("run", name, place, clips=ClipFolder(workers=0) if FORMATS[name].cuts else None).run()
        content = text_of(place)
        for key in ("flags", "avg_logprob", "doubt", "duration"):
            assert key in content or key not in spans(row), (name, key)
        for key in ("flags", "avg_logprob", "doubt"):
            assert key not in content or key in spans(row), (name, key)
        assert ("0.877" in content) == ("words" in spans(row)), name


def text_of(place: Path) -> str:
    """Give all that is written in a file or below a folder, but for what says what was exported."""
    files = [place] if place.is_file() else [p for p in place.rglob("[!.]*.*") if p.suffix not in AUDIBLE]
    contents = (gzip.decompress(f.read_bytes()) if f.suffix == ".gz" else f.read_bytes() for f in files)
    return "".join(content.decode("utf-8", "replace") for content in contents)


@BOTH
def test_every_public_name_of_python_is_described(book: Handbook) -> None:
    described = re.findall(r"^::: anime_whisper_ct2\.(\w+)$", book.pages[PYTHON].written, re.MULTILINE)
    assert sorted(described) == sorted({*anime_whisper_ct2.__all__} - {"__version__"})
    assert "__version__" in book.prose(PYTHON)
    assert set(signature(Transcriber).parameters) - {"model"} <= book.prose(PYTHON)


@BOTH
def test_every_variable_that_is_read_is_described(book: Handbook) -> None:
    files = (path for room in ("anime_whisper_ct2", "convert") for path in (ROOT / room).rglob("*.py"))
    read = {name for path in files for name in READ.findall(path.read_text(encoding="utf-8"))}
    described = book.named("reference/configuration.md", "Environment variables").keys()
    # Systems set the first three for their own ends, and the last is set for Intel's runtime.
    assert read - {"APPDATA", "HOME", "PATH", "FOR_DISABLE_CONSOLE_CTRL_HANDLER"} <= described


@BOTH
def test_jobs_are_those_that_the_tests_run(book: Handbook) -> None:
    assert {SBATCH.strip(), MERGE, INDEXED_JOB.strip()} <= {block.code for block in book.blocks}


@BOTH
def test_what_keeps_shards_from_being_merged_is_named(book: Handbook) -> None:
    assert set(_CHOICE) <= book.prose("reference/commands/merge.md")
