"""A hundred thousand segments are filtered and counted as plain Python does it; a million fit into little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.review.index.index import Index, open_index
from anime_whisper_ct2.review.index.queries import Filters
from benchmarks.measures.made_up import make_run
from tests.support import review_oracle as oracle
from tests.support.places import PYTHONPATH
from tests.support.review_oracle import Plain

pytestmark = pytest.mark.slow

FILTERS = (
    Filters(),
    Filters(flag="fast"),
    Filters(flag="none", min_s=2.0, max_s=4.0),
    Filters(speaker="話者007"),
    Filters(speaker="名前3", flag="repetition"),
    Filters(path="話者00*/第[1-3]章/*"),
    Filters(search="学校"),
    Filters(search="忘"),
    Filters(search="ABC", nfkc=True),
    Filters(search="...", nfkc=True, max_logprob=-0.5),
    Filters(search="[ぁ-ん]{7}$", regex=True),
    Filters(search="A+", regex=True, nfkc=True),
    Filters(min_cps=20.0, status="undecided"),
    Filters(status="accepted"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("made up"), 100_000, seed=2)


@pytest.fixture(scope="module")
def index(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with open_index(run, cache=tmp_path_factory.mktemp("cache")) as opened:
        yield opened


@pytest.fixture(scope="module")
def segments(run: Path) -> list[Plain]:
    return oracle.plain(run)


@pytest.mark.parametrize("filters", FILTERS, ids=repr)
def test_queues_and_counts_are_those_of_plain_python(index: Index, segments: list[Plain], filters: Filters) -> None:
    frozen = index.queue(filters)
    wanted = oracle.expected(segments, filters)
    assert frozen.rows.tolist() == oracle.ordered(oracle.fitting(segments, filters), "risk", descending=True)
    assert frozen.seconds == pytest.approx(wanted["seconds"], abs=0.1)
    assert (dict(frozen.flags), dict(frozen.speakers)) == (wanted["flags"], wanted["speakers"])
    assert frozen.statuses == wanted["statuses"]


def test_every_recording_is_read_where_its_line_is(index: Index, run: Path) -> None:
    for rec, transcript in enumerate(RunFolder(run).transcripts()):
        assert index.transcript(rec) == transcript


@pytest.mark.posix
@pytest.mark.million
def test_a_million_segments_are_listed_in_700_mib(tmp_path: Path) -> None:
    file = make_run(tmp_path / "run", 1_000_000)
    code = (
        "import json, resource, sys; from pathlib import Path\n"
        "from anime_whisper_ct2.review.index.index import open_index\n"
        "from anime_whisper_ct2.review.index.queries import Filters\n"
        "with open_index(Path(sys.argv[1]), cache=Path(sys.argv[2])) as index:\n"
        "    frozen = [index.queue(Filters(search=search, nfkc=True)) for search in ('', '学', '学校')]\n"
        "    rows = index.rows(frozen[0].rows[:200])\n"
        "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "    print(json.dumps([index.total, [len(each.rows) for each in frozen], len(rows), peak]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
    )
    total, counts, shown, peak_mib = json.loads(done.stdout)
    with file.open(encoding="utf-8") as lines:
        texts = [segment["text"] for line in lines for segment in json.loads(line)["segments"]]
    assert total == len(texts) == 1_000_000
    # No sign of these has another form.
    assert counts == [1_000_000, sum("学" in text for text in texts), sum("学校" in text for text in texts)]
    assert shown == 200
    assert peak_mib < 700
