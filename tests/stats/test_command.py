"""`awct2 stats` prints what was counted, and refuses what is no run."""

from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest

from anime_whisper_ct2.cli.stats import stats_command
from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions, RunOptions
from anime_whisper_ct2.output.lines import read_lines
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.stats.distribution import PERCENTILES
from tests.support.known_runs import SOME, invoke, segment, transcript, write_run
from tests.support.places import CORPUS


class TestCommand:
    def test_tables_on_standard_output_and_warnings_beside(self, tmp_path: Path) -> None:
        result = invoke(write_run(tmp_path, *SOME, state="interrupted"))
        assert result.exit_code == 0, result.output
        for part in ("さくら", "decode, DecodeError", "repetition", "Lowest log-probability", "0.00-3.00 s"):
            assert part in result.stdout
        assert result.stderr.startswith("Warning: run.json says that the run was interrupted")
        assert result.stderr.count("\n") == 1

    def test_json_holds_all_that_was_counted(self, tmp_path: Path) -> None:
        result = invoke(write_run(tmp_path, *SOME), "--json", "--top", 1)
        content = json.loads(result.stdout)
        assert (content["recordings"], content["characters"], content["hours"]) == (4, 109, round(50 / 3600, 6))
        assert content["failures"][0] == {"stage": "decode", "error": "DecodeError", "count": 2}
        assert content["flags"]["repetition"] == {"segments": 1, "recordings": 1}
        assert content["groups"]["先生"]["failed"] == 3
        (slowest,) = content["extremes"]["slowest"]
        assert slowest == {"value": 0.2, "id": "top.ogg", "start": 0.0, "end": 5.0, "text": "え"}
        spread = content["distributions"]["recording_seconds"]
        assert set(spread["percentiles"]) == {str(percent) for percent in PERCENTILES}
        assert sum(spread["histogram"]["counts"]) == spread["count"] == 4
        assert (content["state"], content["warnings"]) == ("finished", [])

    def test_an_id_that_is_no_utf8_survives_the_json(self, tmp_path: Path) -> None:
        id_ = "\udc8b/1.ogg"
        result = invoke(write_run(tmp_path, transcript(id_, 1.0, segment(0.0, 1.0, "はい"))), "--json")
        content = json.loads(result.stdout)
        assert content["extremes"]["slowest"][0]["id"] == id_
        assert list(content["groups"]) == ["\udc8b"]

    @pytest.mark.parametrize(("args", "said"), [([], rb"\u3055\u304f\u3089"), (["--json"], "さくら".encode())])
    def test_a_terminal_that_knows_no_japanese_gets_escapes_and_a_program_utf_8(
        self, tmp_path: Path, args: list[str], said: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
        stats_command.main([str(write_run(tmp_path, *SOME)), *args], standalone_mode=False)
        sys.stdout.flush()
        assert said in written.getvalue()

    def test_what_is_no_run_is_refused_as_wrong_usage(self, tmp_path: Path) -> None:
        error = invoke(tmp_path / "absent").exception
        assert isinstance(error, InputError)
        assert (error.exit_code, "absent: no results of a run" in str(error)) == (2, True)

    @pytest.mark.parametrize("args", [["--top", "-1"], ["--group-by", "speaker"]])
    def test_options_that_cannot_be_honoured_are_refused(self, tmp_path: Path, args: list[str]) -> None:
        assert invoke(write_run(tmp_path, *SOME), *args).exit_code == 2

    def test_stats_of_a_real_run_agree_with_its_files(self, tiny_model: Path, tmp_path: Path) -> None:
        out, chart = tmp_path / "out", tmp_path / "chart.svg"
        CorpusRun(
            Corpus((str(CORPUS),)),
            out,
            open_model_dir(tiny_model),
            RunOptions(frontend=FrontendOptions(workers=0)),
            open_engine=lambda _model, _options: FakeEngine(),
        ).run()
        result = invoke(out, "--json", "--plot", chart)
        assert (result.exit_code, result.stderr) == (0, "")
        content = json.loads(result.stdout)
        about = json.loads((out / "run.json").read_text(encoding="utf-8"))
        lines = pd.DataFrame(read_lines(out / "transcripts.jsonl"))
        segments = pd.DataFrame(segment for line in lines["segments"] for segment in line)
        assert content["recordings"] == about["done"] == len(lines)
        assert content["hours"] == pytest.approx(about["audio_seconds"] / 3600, abs=1e-6)
        assert content["characters"] == segments["text"].str.len().sum()
        assert content["groups"].keys() == set(lines["id"].str.partition("/")[0])
        rates = segments["text"].str.len() / (segments["end"] - segments["start"])
        spread = content["distributions"]["characters_per_second"]
        assert spread["percentiles"]["50"] == pytest.approx(rates.median(), abs=1e-6)
        assert ET.parse(chart).getroot().tag.endswith("svg")
