"""Where torch is not installed, a run says why it did without, and who asks for it gets the command that installs it.

python -m tests.whole.without_torch MODEL
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.support.places import CHECKPOINT, CORPUS, ROOT


def awct2(*args: str) -> subprocess.CompletedProcess[str]:
    """Call the command as it is installed."""
    command = [str(Path(sys.executable).with_name("awct2")), *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def run(model: str, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Transcribe a clip."""
    return awct2("run", str(next(CORPUS.rglob("*.ogg"))), "-m", model, "-o", str(out), *options)


def main(model: str) -> None:
    """Raise AssertionError, with what was said, where it is otherwise."""
    assert find_spec("torch") is None, "torch is installed here"
    with tempfile.TemporaryDirectory() as temp:
        asked = run(model, Path(temp, "asked"), "--encoder", "torch", "--device", "cpu")
        assert asked.returncode == 2, asked
        assert asked.stderr.splitlines()[-1].endswith('torch is not installed; pip install "torch>=2.5"'), asked.stderr
        taught = awct2("adapt", str(CHECKPOINT), str(CORPUS), "-o", str(Path(temp, "adapted")))
        assert taught.returncode == 2, taught
        said = 'torch is not installed: pip install "torch>=2.5" matplotlib matplotlib-fontja\n'
        assert taught.stderr == f"Error: `awct2 adapt` needs torch, and {said}", taught.stderr
        plain = run(model, Path(temp, "plain"))
        assert plain.returncode == 0, plain.stderr
        told = json.loads(Path(temp, "plain", "run.json").read_text(encoding="utf-8"))
        assert told["engine"]["encoder"]["library"] == "ctranslate2", told["engine"]
    print("Without torch, CTranslate2 encodes, and who asks for torch is told how to install it.")


if __name__ == "__main__":
    main(sys.argv[1])
