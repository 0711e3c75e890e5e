"""A test is skipped where what its markers say it needs is absent, and says what would bring it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.commands import BARE
from tests.support.places import PYTHONPATH, ROOT


def lacking(*names: str) -> str:
    """Say what a test with markers of these names lacks."""
    return needs.lacking(getattr(pytest.mark, name).mark for name in names)


def test_every_need_is_a_marker(pytestconfig: pytest.Config) -> None:
    known = {re.split(r"[:(]", line)[0] for line in pytestconfig.getini("markers")}
    assert needs.NEEDS.keys() <= known


def test_where_nothing_is_there_each_reason_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(needs, "ON_WINDOWS", True)
    monkeypatch.setattr(needs, "gpus", tuple)
    monkeypatch.setattr(needs, "find_spec", lambda _: None)
    monkeypatch.setattr(needs, "_WEIGHTS", ("no-such-weights",))
    for why in needs.NEEDS.values():
        why.cache_clear()  # type: ignore[attr-defined] # each is a cache
    try:
        reasons = {name: lacking(name) for name in needs.NEEDS}
        assert reasons["gpu"] == "no CUDA device here"
        assert reasons["ffmpeg"] == "ffmpeg, ffprobe not installed; `apt-get install ffmpeg` brings it"
        assert "`pip install playwright`" in reasons["browser"]
        assert "`make test-real`" in reasons["real"]
        assert reasons["posix"] == "needs POSIX"
        assert needs.lacking([pytest.mark.posix("named pipes").mark]) == "needs POSIX: named pipes"
        assert lacking("slow", "gpu", "ffmpeg") == reasons["gpu"]
        assert lacking("slow", "usefixtures") == ""
        assert needs.browser() is None
    finally:
        for why in needs.NEEDS.values():
            why.cache_clear()  # type: ignore[attr-defined]


def test_a_marked_test_is_skipped_with_its_reason_and_an_unknown_marker_is_an_error(tmp_path: Path) -> None:
    module = tmp_path / "test_it.py"
    own = ("-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path))
    command = [sys.executable, "-m", "pytest", *own, "-p", "no:cacheprovider", "-rs", str(module)]
    env = {**BARE, "PATH": str(tmp_path), "PYTHONPATH": PYTHONPATH, "HOME": str(tmp_path)}

    def said() -> str:
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120).stdout

    module.write_text(
        "import pytest\n\n"
        "@pytest.fixture\ndef costly():\n    raise AssertionError('nobody asked')\n\n"
        "@pytest.mark.ffmpeg\ndef test_it(costly):\n    raise AssertionError\n",
        encoding="utf-8",
    )
    assert re.search(r"^SKIPPED \[1\] \S*test_it\.py:\d+: ffmpeg, ffprobe not installed", said(), re.MULTILINE)
    module.write_text("import pytest\n\n@pytest.mark.gpus\ndef test_it():\n    pass\n", encoding="utf-8")
    assert "'gpus' not found in `markers`" in said()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobodys_package.deep", "nobodys_package is not installed"),
        *((name, "") for name in ("anime_whisper_ct2.gone", "tests.support.gone", "fcntl", "numpy.gone")),
    ],
)
def test_on_windows_alone_a_package_to_compare_with_may_be_absent(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("collecting")
    error.__cause__ = ModuleNotFoundError(f"No module named {name!r}", name=name)
    monkeypatch.setattr(needs, "ON_WINDOWS", True)
    assert needs.not_installed(error) == needs.not_installed(error.__cause__) == said
    assert needs.not_installed(RuntimeError("else")) == ""
    monkeypatch.setattr(needs, "ON_WINDOWS", False)
    assert needs.not_installed(error) == ""
