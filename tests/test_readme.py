"""What the READMEs say is so, in both languages."""

from __future__ import annotations

import configparser
import json
import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from inspect import cleandoc, getsource, signature
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args

import click
import pytest

import anime_whisper_ct2
from anime_whisper_ct2 import (
    Corpus,
    CorpusRun,
    Failure,
    FakeEngine,
    RunOptions,
    Segment,
    Transcriber,
    Transcript,
    Word,
    quality,
)
from anime_whisper_ct2.calibration import Calibration, TailResult, as_table
from anime_whisper_ct2.cli import main
from anime_whisper_ct2.doctor import Check
from anime_whisper_ct2.executors.ladder import STEPS, Ladder
from anime_whisper_ct2.exporters.formats import FORMATS
from anime_whisper_ct2.extensions import AUDIO, CONTAINERS, MANIFESTS
from anime_whisper_ct2.lines import to_json
from anime_whisper_ct2.merge import merge
from anime_whisper_ct2.merge.parts import _CHOICE
from anime_whisper_ct2.model_dir import QUANTIZATIONS, open_model_dir
from anime_whisper_ct2.options import (
    DEFAULT_MODEL,
    RETRY_BEAMS,
    RETRY_NGRAM,
    AudioOptions,
    DecodingOptions,
    EngineOptions,
    FrontendOptions,
    SegmentMode,
)
from anime_whisper_ct2.plan import PlanOptions
from anime_whisper_ct2.readers.lists.delimited import AUDIO_KEYS
from anime_whisper_ct2.records import RECORDING_FLAGS, Retries
from anime_whisper_ct2.text import NORMALIZERS
from tests.test_floors import FLOORS
from tests.test_merge import INDEXED_JOB, MERGE, SBATCH

ROOT = Path(__file__).resolve().parents[1]
CODE_SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)]+)\)")
COMMENT = re.compile(r"(^|[ \t]+)#.*$", re.MULTILINE)
ANCHOR = re.compile(r"\[([^\]]+)\]\(#([^)]+)\)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

Table = list[list[str]]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced piece of code: `line` is that of its first line, counted from 0, `headings` are those above it."""

    line: int
    language: str
    code: str
    headings: tuple[str, ...]


@dataclass(slots=True)
class Section:
    """A heading and what stands below it, down to the next heading."""

    level: int
    title: str
    tables: list[Table] = field(default_factory=list)
    prose: str = ""


class Document:
    """A README, taken apart."""

    def __init__(self, name: str) -> None:
        self.text = (ROOT / name).read_text(encoding="utf-8")
        self.sections: list[Section] = []
        self.blocks: list[Block] = []
        fence: tuple[int, str] | None = None
        lines = self.text.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("```"):
                if fence:
                    self.blocks.append(Block(*fence, "\n".join(lines[fence[0] : number]), self._headings()))
                fence = None if fence else (number + 1, line[3:])
            elif fence is None:
                self._prose(line, is_first_row=not lines[number - 1].startswith("|"))

    def _prose(self, line: str, *, is_first_row: bool) -> None:
        if heading := re.match(r"(#+) (.*)", line):
            self.sections.append(Section(len(heading[1]), heading[2]))
        elif line.startswith("|"):
            if is_first_row:
                self.sections[-1].tables.append([])
            self.sections[-1].tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        else:
            self.sections[-1].prose += line + "\n"

    def _headings(self) -> tuple[str, ...]:
        above: dict[int, str] = {}
        for section in self.sections:
            above = {level: title for level, title in above.items() if level < section.level}
            above[section.level] = section.title
        return tuple(above.values())

    def index(self, title: str) -> int:
        """Give the number of the section whose title begins so."""
        (number,) = (n for n, section in enumerate(self.sections) if section.title.startswith(title))
        return number

    def rows(self, number: int) -> list[list[str]]:
        """Give the rows of all tables of a section and of those under it, without their heads."""
        top, *rest = self.sections[number:]
        below = takewhile(lambda section: section.level > top.level, rest)
        return [row for section in (top, *below) for table in section.tables for row in table[2:]]


ENGLISH, JAPANESE = Document("README.md"), Document("README.ja.md")
READMES = pytest.mark.parametrize("readme", [ENGLISH, JAPANESE], ids=["en", "ja"])
COMMANDS: dict[str, click.Command] = {"awct2": main, **{f"awct2 {name}": c for name, c in main.commands.items()}}


def spans(cells: list[str]) -> list[str]:
    return [span for cell in cells for span in CODE_SPAN.findall(cell)]


def anchor(title: str) -> str:
    """Give the name by which GitHub links to a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def option_rows(readme: Document, command: str) -> dict[str, list[str]]:
    """The rows of a command's option tables, by each name that they give an option."""
    if command == "awct2":
        (table,) = readme.sections[ENGLISH.index("Options")].tables
        rows = table[2:]
    else:
        rows = readme.rows(readme.index("`" + command))
    return {name: row for row in rows for name in spans(row[:1])}


@READMES
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_its_row_with_default_and_choices(readme: Document, command: str) -> None:
    rows = option_rows(readme, command)
    known = {"-h", "--help"} if command == "awct2" else set()
    for option in (p for p in COMMANDS[command].params if isinstance(p, click.Option)):
        names = [*option.opts, *option.secondary_opts]
        known.update(names)
        row, default = rows[names[0]], option.to_info_dict()["default"]
        assert spans(row[:1]) == names
        if isinstance(default, str | int | float | tuple) and not isinstance(default, bool):
            values = default if isinstance(default, tuple) else (default,)
            assert spans(row[1:2]) == [str(value) for value in values], names
        if isinstance(option.type, click.Choice):
            assert set(option.type.choices) <= set(spans(row)), names
    assert rows.keys() == known


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_that_parses(command: str) -> None:
    text = cleandoc(COMMANDS[command].help or "")
    assert re.search(r"^Examples?:$", text, re.MULTILINE)
    examples = re.findall(r"^ +(awct2 .*)", text, re.MULTILINE)
    assert examples
    for example in examples:
        parse(example)


def parse(line: str) -> None:
    """Read a command line as click would, without running it."""
    name, *arguments = shlex.split(line, comments=True)[1:]
    main.commands[name].make_context(name, arguments)


def test_commands_in_the_readme_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for block in (block for block in ENGLISH.blocks if block.language == "sh"):
        for line in block.code.splitlines():
            if line.startswith("awct2 "):
                parse(line)
            elif make := re.match(r"make (\w+)", line):
                assert make[1] in targets
            elif module := re.search(r"python -m (tests\.\S+)", line):
                path = ROOT / module[1].replace(".", "/")
                assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_both_languages_have_the_same_structure_and_code() -> None:
    assert [section.level for section in ENGLISH.sections] == [section.level for section in JAPANESE.sections]
    code = [[(block.language, COMMENT.sub("", block.code)) for block in d.blocks] for d in (ENGLISH, JAPANESE)]
    assert code[0] == code[1]


@pytest.mark.parametrize("number", range(len(ENGLISH.sections)), ids=[section.title for section in ENGLISH.sections])
def test_both_languages_name_the_same_things_in_each_section(number: int) -> None:
    english, japanese = ENGLISH.sections[number], JAPANESE.sections[number]
    assert set(spans([english.prose])) == set(spans([japanese.prose]))
    names = [[[set(spans(row)) for row in table] for table in section.tables] for section in (english, japanese)]
    assert names[0] == names[1]


@READMES
def test_links_lead_somewhere(readme: Document) -> None:
    anchors = {anchor(section.title) for section in readme.sections}
    for target in LINK.findall(readme.text):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (ROOT / target).exists(), target


@READMES
def test_the_contents_lead_to_every_chapter_and_every_command(readme: Document) -> None:
    number = ENGLISH.index("Contents")
    chapters = [section.title for section in readme.sections[number + 1 :] if section.level == 2]
    links = ANCHOR.findall(readme.sections[number].prose)
    commands = [(label, target) for label, target in links if label.strip("`") in main.commands]
    assert [link for link in links if link not in commands] == [(title, anchor(title)) for title in chapters]
    titles = {anchor(section.title): section.title for section in readme.sections}
    assert {label.strip("`") for label, _ in commands} == main.commands.keys()
    assert all(titles[target].startswith(f"`awct2 {label.strip('`')}") for label, target in commands)


def test_the_example_lines_have_the_keys_of_the_records() -> None:
    transcript, failure, retries, words = (
        json.loads(block.code) for block in ENGLISH.blocks if block.language == "json"
    )
    segment = Segment(0.0, 1.0, "はい", -0.1, 0.0, 1.0)
    written = json.loads(to_json(Transcript("a.wav", "a.wav", 1.0, "ja", "はい", (segment,), (), {})))
    assert list(transcript) == list(written)
    assert list(transcript["segments"][0]) == list(written["segments"][0])
    assert list(failure) == [field.name for field in fields(Failure)]
    assert list(retries) == [field.name for field in fields(Retries)]
    assert {*retries["tried"], retries["kept"]} <= {*STEPS, "first"}
    for word in words:
        assert list(word) == [field.name for field in fields(Word)]
    keys = {name for row in ENGLISH.rows(ENGLISH.index("transcripts.jsonl")) for name in spans(row[:1])}
    named = {field.name for record in (Transcript, Segment) for field in fields(record)}
    assert keys == named - {"language", "start", "end"}


@READMES
def test_what_the_code_knows_is_listed(readme: Document) -> None:
    def names(title: str, columns: slice) -> set[str]:
        return {name for row in readme.rows(ENGLISH.index(title)) for name in spans(row[columns])}

    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = {f"[{name}]" for name in setup["options.extras_require"]}
    assert names("Install", slice(1)) == extras - {"[test]", "[bench]"}
    assert names("Quantization", slice(1)) == set(QUANTIZATIONS)
    assert names("Which audio", slice(1, 2)) == AUDIO
    assert names("Exports", slice(1)) == FORMATS.keys()
    assert names("Long recordings", slice(1)) == set(get_args(SegmentMode))
    assert names("Normalizers", slice(1)) == NORMALIZERS.keys()
    inputs = {name for row in readme.sections[ENGLISH.index("Inputs")].tables[0][2:] for name in spans(row[:1])}
    assert inputs == {f".{name}" for name in (*MANIFESTS, *CONTAINERS)} | {"wav.scp", "save_to_disk", "-"}
    assert set(AUDIO_KEYS) <= set(spans([readme.sections[ENGLISH.index("Manifests")].prose]))
    assert {name for name in anime_whisper_ct2.__all__ if name not in readme.text} <= {"__version__", "Segment"}
    python = spans([readme.sections[ENGLISH.index("Python")].prose])
    assert set(signature(Transcriber).parameters) - {"model"} <= set(python)


def test_the_rows_of_the_manifest_have_the_ids_of_the_readme(tmp_path: Path) -> None:
    (manifest,) = (block.code for block in ENGLISH.blocks if block.language == "jsonl")
    (tmp_path / "manifest.jsonl").write_text(manifest, encoding="utf-8")
    ids = [recording.id for recording in Corpus(str(tmp_path / "manifest.jsonl"))]
    assert ids == ["alice/001.ogg", "talk.wav#12.500-16.500", "greeting"]


@READMES
def test_a_glob_gives_the_ids_of_the_readme(
    readme: Document, write_tone: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row = next(row for row in readme.rows(ENGLISH.index("Ids")) if "*" in row[1])
    pattern, id_ = spans(row)
    write_tone(f"corpus/{id_}")
    assert [recording.id for recording in Corpus((pattern,))] == [id_]


@READMES
def test_jobs_are_those_that_the_tests_run(readme: Document) -> None:
    assert {SBATCH.strip(), MERGE, INDEXED_JOB.strip()} <= {block.code for block in readme.blocks}


@READMES
def test_what_keeps_shards_from_being_merged_is_named(readme: Document) -> None:
    section = readme.sections[readme.index("`awct2 merge")]
    assert set(_CHOICE) <= set(spans([section.prose]))


@READMES
def test_a_plan_reads_as_many_headers_as_is_said(readme: Document) -> None:
    assert spans(option_rows(readme, "awct2 run")["--sample"][1:2]) == [str(PlanOptions().sample)]


@READMES
def test_what_is_said_of_windows_is_what_is_measured(readme: Document) -> None:
    (columns,) = readme.sections[ENGLISH.index("Calibrate")].tables
    measured = Calibration(1, 1.0, 1.0, 0, (TailResult(1.28, 0.0, 0.0, 0, 0.0, 1.0),), max_cer=0.5)
    header = [cell.strip() for cell in as_table(measured).splitlines()[0].strip("|").split("|")]
    assert [span for row in columns[2:] for span in spans(row[:1])] == header


def keys_of(function: Callable[..., object]) -> set[str]:
    """Name what a function looks for, as its source lists it."""
    return set(re.findall(r'^ +"(\w+)":', getsource(function), re.MULTILINE))


def bounds(row: list[str]) -> set[float]:
    """Give the figures in a row's second column, but for the second in 1秒に, "a second"."""
    return {float(number) for number in NUMBER.findall(row[1].replace("1秒に", ""))}


@READMES
def test_flags_have_the_thresholds_of_the_code(readme: Document) -> None:
    rows = {name: row for row in readme.rows(ENGLISH.index("Flags")) for name in spans(row[:1])}
    assert rows.keys() == keys_of(quality.flags) | RECORDING_FLAGS
    longest = int(quality._PERIODIC.pattern.partition("{1,")[2].partition("}")[0])
    assert bounds(rows["repetition"]) == {longest, *(bound for pair in quality._LOOPS for bound in pair)}
    assert bounds(rows["cap"]) == {quality.CAP_BASE, quality.CAP_PER_S, quality.WHISPER_MAX_NEW_TOKENS}
    assert bounds(rows["fast"]) == {quality.MOST_CHARS_PER_S, quality.MOST_CHARS_PER_S / 2}
    assert bounds(rows["slow"]) == {quality.LEAST_CHARS_PER_S, quality.SLOW_FROM_S}
    assert bounds(rows["low_logprob"]) == {quality.LEAST_LOGPROB}
    assert bounds(rows["clipped"]) == {100 * quality.MOST_CLIPPED}
    assert bounds(rows["noisy"]) == {quality.LEAST_RANGE_DB, quality.NOISY_FROM_S}


@READMES
def test_retries_are_those_of_the_ladder(readme: Document) -> None:
    section = readme.sections[ENGLISH.index("Retries")]
    steps, signs = ({name: row for row in table[2:] for name in spans(row[:1])} for table in section.tables)
    assert tuple(steps) == tuple(STEPS)
    assert (bounds(steps["ngram"]), bounds(steps["beam"])) == ({RETRY_NGRAM}, {RETRY_BEAMS})
    assert set(spans([section.prose])) >= quality.MENDABLE | Ladder().figures["retries"].keys()
    assert signs.keys() == keys_of(quality.doubts)
    assert bounds(signs["fast"]) == {quality.MOST_CHARS_PER_S, quality.MOST_CHARS_PER_S / 2}
    assert bounds(signs["compression"]) == {quality.MOST_COMPRESSION}
    assert bounds(signs["low_logprob"]) == {quality.LEAST_LOGPROB}
    assert bounds(signs["empty"]) == {round(20 * math.log10(quality.SPEECH_RMS))}


@READMES
def test_what_the_doctor_prints_as_json_is_named(readme: Document) -> None:
    row = option_rows(readme, "awct2 doctor")["--json"]
    assert set(spans(row[2:])) == {"ok", "version", "checks", *(field.name for field in fields(Check))}


@READMES
def test_the_floors_are_those_that_the_tests_hold(readme: Document) -> None:
    floors = {int(row[0]): set(spans(row)) for row in readme.rows(ENGLISH.index("Development"))}
    assert floors == {number: rooms - {"_version"} for number, rooms in enumerate(FLOORS)}


@pytest.fixture
def corpus(write_tone: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the README's Python speaks of, in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_tone("corpus/alice/001.ogg")
    write_tone("corpus/bob/001.wav")
    (tmp_path / "corpus/broken.wav").write_bytes(b"no audio")
    return tmp_path / "corpus"


def python_blocks(*, with_model: bool) -> list[Any]:
    """Give the blocks of Python; those of the recipes are for `test_recipes`."""
    # Recipes have a test of their own, and so has Ray Data.
    blocks = [
        block
        for block in ENGLISH.blocks
        if block.language == "python" and "Recipes" not in block.headings and "import ray" not in block.code
    ]
    return [
        pytest.param(block, id=f"line {block.line}") for block in blocks if (DEFAULT_MODEL in block.code) == with_model
    ]


def execute(block: Block, model: str) -> None:
    """Run a block of Python with another model in place of the default."""
    code = "\n" * block.line + block.code.replace(DEFAULT_MODEL, model)  # so that a traceback names the README's line
    exec(compile(code, str(ROOT / "README.md"), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", python_blocks(with_model=False))
@pytest.mark.usefixtures("corpus")
def test_python_without_a_model_runs(block: Block, tiny_model: Path) -> None:
    here, model = RunOptions(frontend=FrontendOptions(workers=0)), open_model_dir(tiny_model)
    CorpusRun(Corpus("corpus"), Path("transcripts"), model, here, open_engine=lambda *_: FakeEngine()).run()
    execute(block, "")


@pytest.mark.parametrize("block", python_blocks(with_model=True))
@pytest.mark.usefixtures("corpus")
def test_python_with_a_model_runs(block: Block, tiny_model: Path) -> None:
    execute(block, tiny_model.as_posix())


def test_run_json_has_the_keys_of_the_readme(tiny_model: Path, corpus: Path) -> None:
    here, fitted = FrontendOptions(workers=0), DecodingOptions(window="fit", words=True)
    left = AudioOptions("left", strict=True)
    runs = {
        "one": (RunOptions(fitted, frontend=here), lambda *_: FakeEngine()),
        "two": (RunOptions(fitted, EngineOptions(device="cpu", engines=2), here, audio=left), None),
    }
    written: dict[str, Any] = {}
    for out, (options, opener) in runs.items():
        CorpusRun(Corpus((str(corpus),)), Path(out), open_model_dir(tiny_model), options, open_engine=opener).run()
    merge([Path("two")], Path("merged"))
    for out in (*runs, "merged"):
        written |= json.loads(Path(out, "run.json").read_text(encoding="utf-8"))
    rows = {name: row for row in ENGLISH.rows(ENGLISH.index("run.json")) for name in spans(row[:1])}
    assert written.keys() == rows.keys() - {"engines_lost", "nodes"}  # these are of clusters
    assert written["settings"].keys() == set(spans(rows["settings"][1:]))
    assert written["engine"].keys() == set(spans(rows["engine"][1:])) - {"auto", "default"}
    assert set(spans(rows["parts"][1:])) <= written["parts"][0].keys()
    checks = ENGLISH.rows(ENGLISH.index("Audit"))
    assert written["window_check"].keys() == {name for row in checks for name in spans(row[:1])}
