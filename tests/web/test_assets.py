"""The files of the page come from a table that is made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.web import assets
from anime_whisper_ct2.web.assets import BUILD, load_assets, page_is_built


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dist"
    monkeypatch.setattr(assets, "_dist", lambda: folder)
    return folder


def written(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_js", ".js").replace("_html", ".html")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def test_without_a_page_it_is_said_how_to_build_one(dist: Path) -> None:
    assert not page_is_built()
    with pytest.raises(InputError, match=f"build it once: {BUILD}$"):
        load_assets()


def test_the_command_that_is_said_is_one() -> None:
    from importlib.util import find_spec

    python, option, module = BUILD.split()
    assert (python, option) == ("python", "-m")
    assert find_spec(module)


def test_files_are_known_by_their_addresses(dist: Path) -> None:
    written(dist, index_html="<html>", assets__main_js="1")
    (dist / "assets" / "話者-abcd_-12.css").write_bytes(b"2")
    (dist / ".sources").write_text("digest")
    (dist / ".vite").mkdir()
    (dist / ".vite" / "manifest.json").write_text("{}")
    assert page_is_built()
    found = load_assets()
    assert found.index == b"<html>"
    assert {path: (file.content, file.is_fixed) for path, file in found.by_path.items()} == {
        "/assets/main.js": (b"1", False),
        "/assets/話者-abcd_-12.css": (b"2", True),
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.CSS", "text/css; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("licenses.md", "text/plain; charset=utf-8"),
        ("a.exe", "application/octet-stream"),
        ("LICENSE", "application/octet-stream"),
    ],
)
def test_a_type_is_that_of_the_name(dist: Path, name: str, kind: str) -> None:
    written(dist, index_html="")
    (dist / name).write_bytes(b"")
    assert load_assets().by_path[f"/{name}"].media_type == kind


def test_a_file_that_comes_later_or_lies_outside_is_none(dist: Path) -> None:
    written(dist, index_html="")
    (dist.parent / "secret.txt").write_text("secret")
    found = load_assets()
    (dist / "later.js").write_text("1")
    assert dict(found.by_path) == {}


def test_every_nonce_is_filled_in(dist: Path) -> None:
    written(dist, index_html='<meta nonce="__NONCE__"><script nonce="__NONCE__">')
    assert load_assets().page("abc") == b'<meta nonce="abc"><script nonce="abc">'
