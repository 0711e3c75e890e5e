"""What the fuzzer once found stays mended, each of its targets works, and it finds what it is there for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import soundfile

if sys.platform == "win32":
    pytest.skip("needs POSIX: the fuzzer", allow_module_level=True)

from anime_whisper_ct2 import Corpus, CorpusRun, FakeEngine, RunOptions
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.output.lines import read_lines
from tests.fuzz.child import Finding
from tests.fuzz.loop import CASES, Worker, kept_cases
from tests.fuzz.mending import mend_ogg
from tests.fuzz.mutation import pack, unpack
from tests.fuzz.targets import NAMES
from tests.support.sounds import tone

# So many are made within a fraction of a second, and the same ones every time.
CASES_EACH = 100


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


def counting(found: list[Finding]) -> list[str]:
    return [f"{one.target}: {one.name}: {one.message}" for one in found if one.counts]


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir() if "-" in path.name))
def test_a_case_that_was_found_once_is_no_longer_one(worker: Worker, name: str) -> None:
    assert not counting(worker.replay(name.rpartition("-")[0], (CASES / name).read_bytes()))


@pytest.mark.parametrize("name", NAMES)
def test_a_target_finds_nothing_in_its_first_cases(worker: Worker, name: str) -> None:
    found, count = worker.fuzz(name, "tests", seconds=120, most_cases=CASES_EACH)
    assert not counting(found)
    assert count >= CASES_EACH


def test_every_kept_case_is_some_targets() -> None:
    assert {name for name, _ in kept_cases()} <= set(NAMES)


FAULTS = {
    "invariant": (b"assert", "AssertionError"),
    "error": (b"raise", "RuntimeError"),
    "crash": (b"crash", "ended with status -11"),
    "memory": (b"memory", "MiB"),
    "slow": (b"slow", "s of the processor"),
}
GUARDED = (b"write", b"link", b"process", b"connect", b"unpickle")


@pytest.mark.parametrize(("kind", "case", "told"), [(kind, *each) for kind, each in FAULTS.items()], ids=FAULTS)
def test_a_fault_is_found(worker: Worker, kind: str, case: bytes, told: str) -> None:
    (found,) = worker.replay("faulty", case)
    assert found.kind == kind
    assert found.counts
    assert told in f"{found.place} {found.message}"
    assert found.case == case


@pytest.mark.parametrize("case", GUARDED)
def test_what_no_case_may_do_is_found(worker: Worker, case: bytes) -> None:
    (found,) = worker.replay("faulty", case)
    assert found.kind == "invariant"
    assert "what it may not" in found.message


def test_mutations_come_upon_a_fault_behind_several_conditions_and_cut_the_case_down(worker: Worker) -> None:
    found, _ = worker.fuzz("faulty", "tests", seconds=100, most_cases=20_000)
    (deep,) = [one for one in found if "deep" in one.message]
    assert deep.case == b"%%fuzz"


def test_files_of_a_case_come_apart_as_they_were_put_together() -> None:
    assert unpack(pack(b"a\n", b"", b"c"), 3) == [b"a\n", None, b"c"]
    assert unpack(b"", 2) == [None, None]


def test_an_ogg_file_with_mended_checksums_is_itself() -> None:
    from tests.fuzz.audio import TARGETS

    pages = [seed for seed in TARGETS["audio"].seeds() if seed.startswith(b"OggS")]
    assert len(pages) > 2
    assert all(mend_ogg(Random(3), page) == page for page in pages)
    damaged = pages[0][:-9] + bytes(9)
    assert mend_ogg(Random(3), damaged) != damaged


def test_what_crashes_a_decoder_costs_its_own_recording_alone(tiny_model: Path, tmp_path: Path) -> None:
    cases = dict(enumerate(case for _, case in kept_cases("audio")))
    # A decoder may crash where it is to find a place, too.
    rows = [{"audio": "good.wav"}]
    rows += [{"audio": f"{at}.ogg", "id": f"{at} {start}", "offset": start} for at in cases for start in (0, 0.05, 2.5)]
    for at, case in cases.items():
        (tmp_path / f"{at}.ogg").write_bytes(case)
    soundfile.write(tmp_path / "good.wav", tone(1.0), 16_000)
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    options = RunOptions(frontend=FrontendOptions(workers=1))
    corpus, model = Corpus((str(tmp_path / "all.jsonl"),)), open_model_dir(tiny_model)
    CorpusRun(corpus, tmp_path / "out", model, options, open_engine=lambda *_: FakeEngine()).run()
    done = [line["id"] for line in read_lines(tmp_path / "out" / "transcripts.jsonl")]
    failed = [line["id"] for line in read_lines(tmp_path / "out" / "errors.jsonl")]
    assert "good.wav" in done
    assert sorted([*done, *failed]) == sorted(row.get("id", "good.wav") for row in rows)
