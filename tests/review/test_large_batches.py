"""A million segments decided on in one step, and taken back after a restart, in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measures.made_up import make_run
from tests.support.places import PYTHONPATH

pytestmark = [pytest.mark.slow, pytest.mark.million, pytest.mark.posix]

CODE = """
import json, resource, sys
from pathlib import Path
from anime_whisper_ct2.review.opening import opened
from anime_whisper_ct2.review.index.queries import Filters
from anime_whisper_ct2.review.requests import BatchRequest
from anime_whisper_ct2.review.settings import ReviewSettings
with opened(ReviewSettings(Path(sys.argv[1]), "hana")) as opening:
    opening.wait()
    session = opening.session
    queue = session.bench.shelf.add(session.bench.index.queue(Filters()).rows, {})
    request = BatchRequest(queue.number, sys.argv[2], None, only_undecided=True, sample=None, dry=False)
    done = session.undo() if sys.argv[2] == "undo" else session.batch(request)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([done.count, dict(done.counts), peak]))
"""


def test_a_million_segments_are_decided_on_and_taken_back_in_700_mib(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 1_000_000).parent
    # Whom it takes for somebody at a prompt, as `python -c` is to it, DuckDB shows how far a slow query is.
    script = tmp_path / "decide.py"
    script.write_text(CODE, encoding="utf-8")
    for what, status in (("accept", "accepted"), ("undo", "open")):
        done = subprocess.run(
            [sys.executable, str(script), str(run), what],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": PYTHONPATH},
        )
        count, counts, peak_mib = json.loads(done.stdout)
        assert (count, counts[status]) == (1_000_000, 1_000_000)
        assert peak_mib < 700
    with (run / "review" / "edits-hana.jsonl").open("rb") as log:
        assert sum(1 for _ in log) == 1_000_001
