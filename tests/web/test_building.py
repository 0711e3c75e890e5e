"""The page is built from its sources where Node.js is, and nothing else fails where it is not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from anime_whisper_ct2.web import building
from anime_whisper_ct2.web.building import BuildError, build, digest, is_current, needed
from tests.support.places import ROOT

_NPM = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in
  ci*) {ci} ;;
  "run build") mkdir -p ../dist/assets && echo "<html>" > ../dist/index.html && cp src/main.ts ../dist/assets/main.js ;;
esac
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Sources of a page."""
    folder = tmp_path / "ページ の 元" / "page"
    (folder / "src").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "index.html", "vite.config.ts", "src/main.ts"):
        (folder / name).write_text(f"{name}\n", encoding="utf-8")
    return folder


def node(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str = "v20.19.0", ci: str = "true") -> Path:
    """Put a Node.js that only pretends in the place of all others; gives the file that npm's calls are written to."""
    programs, log = folder / "programs", folder / "npm.log"
    programs.mkdir(exist_ok=True)
    for name, script in (("node", f"#!/bin/sh\necho {version}\n"), ("npm", _NPM.format(log=log, ci=ci))):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(building, "find_spec", lambda _: None)
    return log


def nothing_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(building, "find_spec", lambda _: None)


@pytest.mark.posix("scripts that play npm")
def test_a_page_is_built_once_for_the_same_sources(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, dist = node(tmp_path, monkeypatch), page.parent / "dist"
    assert not is_current(page, dist)
    build(page, dist)
    assert is_current(page, dist)
    assert (dist / "assets" / "main.js").read_text() == "src/main.ts\n"
    assert {path.name for path in page.parent.iterdir()} == {"page", "dist"}
    build(page, dist)
    installs, builds = log.read_text().splitlines()
    assert installs.startswith("ci ")
    assert builds == "run build"
    (page / "src" / "main.ts").write_text("other\n")
    assert not is_current(page, dist)
    build(page, dist)
    assert (dist / "assets" / "main.js").read_text() == "other\n"


@pytest.mark.posix("scripts that play npm")
def test_a_build_that_fails_says_why_and_leaves_the_page_as_it_was(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = page.parent / "dist"
    node(tmp_path, monkeypatch)
    build(page, dist)
    (page / "src" / "main.ts").write_text("other\n")
    node(tmp_path, monkeypatch, ci='{ echo "npm error network: no such host" >&2; exit 1; }')
    with pytest.raises(BuildError, match=r"npm.* failed: npm error network: no such host"):
        build(page, dist)
    assert (dist / "assets" / "main.js").read_text() == "src/main.ts\n"


def test_the_digest_is_of_names_and_bytes_whatever_the_line_ends(page: Path) -> None:
    before = digest(page)
    (page / "src" / "main.ts").write_bytes(b"src/main.ts\r\n")
    assert digest(page) == before
    (page / "src" / "main.ts").rename(page / "src" / "other.ts")
    assert digest(page) != before


@pytest.mark.posix("scripts that play Node.js")
@pytest.mark.parametrize(
    ("version", "is_enough"),
    [
        *(("v18.19.0", False), ("v20.18.3", False), ("v20.19.0", True), ("v21.7.0", False), ("v22.11.0", False)),
        *(("v22.12.0", True), ("v24.0.0", True), ("no version", False)),
    ],
)
def test_only_a_node_that_vite_takes_is_used(
    version: str, is_enough: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node(tmp_path, monkeypatch, version)
    monkeypatch.setattr(building, "is_current", lambda: False)
    assert needed() == (() if is_enough else (building.NODE_PACKAGE,))


def test_node_is_asked_for_only_where_pypi_has_it_and_the_page_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_here(tmp_path, monkeypatch)
    monkeypatch.setattr(building, "is_current", lambda: False)
    monkeypatch.setattr(building.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(building.sys, "platform", "linux")
    assert needed() == (building.NODE_PACKAGE,)
    monkeypatch.setattr(building.platform, "machine", lambda: "riscv64")
    assert needed() == ()
    monkeypatch.setattr(building.platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("AWCT2_WEB", "0")
    assert needed() == ()


def test_without_node_it_is_said_which_one_is_needed(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_here(tmp_path, monkeypatch)
    with pytest.raises(BuildError, match=r"^there is no Node\.js 20\.19 or 22\.12 or newer$"):
        build(page, page.parent / "dist")


def test_a_package_is_built_without_its_page_where_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("build_backend", ROOT / "build_backend.py")
    assert spec is not None
    assert spec.loader is not None
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    monkeypatch.setattr(backend.build_meta, "build_wheel", lambda *_: "some.whl")

    def fails() -> None:
        raise BuildError("there is no Node.js")

    pretended = type("Building", (), {"build": staticmethod(fails), "BuildError": BuildError})
    monkeypatch.setattr(backend, "_building", lambda: pretended)
    monkeypatch.delenv("AWCT2_WEB", raising=False)
    assert backend.build_wheel(str(tmp_path)) == "some.whl"
    assert capfd.readouterr().err == "The page of `awct2 review` is left out: there is no Node.js\n"
    monkeypatch.setenv("AWCT2_WEB", "0")
    assert backend.build_wheel(str(tmp_path)) == "some.whl"
    assert capfd.readouterr().err == ""


def test_the_command_fails_with_one_line_where_npm_cannot_be_had(page: Path, tmp_path: Path) -> None:
    # The file is all that the project's build has of the package.
    alone = page.parent / "building.py"
    alone.write_bytes((ROOT / "anime_whisper_ct2" / "web" / "building.py").read_bytes())
    env = {"PATH": str(tmp_path), "PIP_NO_INDEX": "1", "SYSTEMROOT": r"C:\Windows"}
    done = subprocess.run([sys.executable, "-S", str(alone)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: the page could not be built: there is no Node.js 20.19")


def test_the_lock_file_names_no_registry() -> None:
    locked = (ROOT / "anime_whisper_ct2" / "web" / "page" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in locked
    assert '"integrity"' in locked
