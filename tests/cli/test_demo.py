"""What somebody new sees first: `make`, `make demo`, and an install without warnings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.records import Segment, Transcript
from tests.sample.beside import SHOWN, beside
from tests.support.places import ROOT, SAMPLE

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_make_alone_lists_every_target_with_its_line() -> None:
    said = subprocess.run(["make", "--no-print-directory"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    targets = {name for names in re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE) for name in names.split()}
    lines = dict(re.findall(r"^make (\S+) +(\w.*)$", said, re.MULTILINE))
    assert lines.keys() == targets
    assert len(lines) == len(said.splitlines())


def test_an_editable_install_does_not_warn_of_its_own_folders() -> None:
    code = (
        "from setuptools import distutils as d; d.core.run_setup('setup.py', stop_after='init');"
        "from setuptools.warnings import InformationOnly as Note, SetuptoolsWarning as Other;"
        "Note.emit('Editable installation.', 'Be careful'); Other.emit('something else')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "Be careful" not in done.stderr
    assert "something else" in done.stderr


def test_the_demo_ends_with_transcripts_beside_references_and_what_to_try(tmp_path: Path) -> None:
    lines = (SAMPLE / "references.jsonl").read_text(encoding="utf-8").splitlines()
    references = {row["id"]: row["text"] for row in map(json.loads, lines)}
    with (tmp_path / "transcripts.jsonl").open("w", encoding="utf-8") as file:
        for id_ in references:
            seconds = 180.0 if "長い" in id_ else 3.0
            heard = Segment(0.0, seconds, f"heard {id_}", -0.1, 0.0, 1.0)
            file.write(to_json(Transcript(id_, id_, seconds, "ja", heard.text, (heard,), (), {})) + "\n")
    said = beside(str(tmp_path), "awct2")
    shown = re.findall(r"^  (\S.*)\n    heard   (.*)\n    spoken  (.*)$", said, re.MULTILINE)
    assert len(shown) == SHOWN
    assert len({id_.split("/")[0] for id_, _, _ in shown}) > 2
    for id_, heard_text, spoken in shown:
        assert (heard_text, spoken) == (f"heard {id_}", references[id_])
        assert "長い" not in id_
    assert f"{tmp_path}/transcripts.jsonl" in said
    assert len(re.findall(r"^  awct2 (?:export|run) ", said, re.MULTILINE)) == 2
