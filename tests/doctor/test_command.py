"""`awct2 doctor` prints what the doctor found, and its exit status says whether all is well."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.doctor.sound import FORMATS
from tests.support.machines import BY_NAME
from tests.support.places import PYTHONPATH


class TestCommand:
    def run(self, *args: str) -> Result:
        return CliRunner().invoke(main, ["doctor", *args])

    def test_json_holds_the_same_and_the_status_says_whether_all_is_well(self, tiny_model: Path) -> None:
        result = self.run("--model", str(tiny_model), "--json")
        content = json.loads(result.stdout_bytes.decode("utf-8"))
        assert set(content) == {"ok", "version", "checks"}
        assert all(set(check) == {"name", "state", "found", "remedy"} for check in content["checks"])
        failed = [check for check in content["checks"] if check["state"] == "failed"]
        assert content["ok"] == (not failed)
        assert result.exit_code == (1 if failed else 0)
        states = {check["name"]: check["state"] for check in content["checks"]}
        assert [states[name] for name in (*BY_NAME, "model", "engine on the CPU")] == ["ok"] * (len(FORMATS) + 2)

    def test_a_broken_model_fails_with_its_remedy_below(self, tiny_model: Path, tmp_path: Path) -> None:
        folder = shutil.copytree(tiny_model, tmp_path / "声" / "model")
        (folder / "tokenizer.json").unlink()
        result = self.run("--model", str(folder))
        assert result.exit_code == 1
        lines = result.stdout.splitlines()
        at = next(number for number, line in enumerate(lines) if re.match(r"failed +model ", line))
        assert re.match(rf" +awct2 convert \S+ \S*{re.escape(str(folder))}\S* --force", lines[at + 1])
        assert "1 failed" in lines[-1]
        # All the names stand below each other.
        starts = {line.index(line.split(maxsplit=1)[1]) for line in lines[:-1] if not line.startswith(" ")}
        assert len(starts) == 1

    @pytest.mark.posix("such names")
    def test_a_name_that_is_no_utf_8_leaves_the_json_valid(self, tiny_model: Path, tmp_path: Path) -> None:
        try:
            folder = shutil.copytree(tiny_model, tmp_path / "\udcff")
        except OSError:
            pytest.skip("this file system takes no such names")
        (folder / "tokenizer.json").unlink()
        result = self.run("--model", str(folder), "--json")
        assert result.exit_code == 1
        content = json.loads(result.stdout_bytes.decode("utf-8"))
        (model,) = (check for check in content["checks"] if check["name"] == "model")
        assert str(folder) in model["found"]
        assert str(folder) in model["remedy"]

    def test_a_terminal_that_knows_ascii_alone_gets_a_report(self, tmp_path: Path) -> None:
        code = "from anime_whisper_ct2.cli import main; main(prog_name='awct2')"
        result = subprocess.run(
            [sys.executable, "-c", code, "doctor", "--model", str(tmp_path / "声")],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": PYTHONPATH, "PYTHONIOENCODING": "ascii"},
            timeout=120,
            check=False,
        )
        assert result.returncode == 1, result.stderr
        assert b"\\u58f0" in result.stdout
        assert b"Traceback" not in result.stderr
