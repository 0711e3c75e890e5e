"""Charts into files: what all that draw some have in common. Needs matplotlib."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.system.files import put
from anime_whisper_ct2.system.refusals import reason

_FORMATS = (".svg", ".png")

# Fonts with Japanese forms first, then those that have the characters at least.
_JAPANESE_FONTS = (
    *("Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans JP", "Source Han Sans", "IPAexGothic", "IPAGothic"),
    *("IPAPGothic", "BIZ UDPGothic", "BIZ UDGothic", "Yu Gothic", "Meiryo", "MS Gothic", "Hiragino Sans"),
    *("Hiragino Kaku Gothic ProN", "Hiragino Maru Gothic Pro", "TakaoPGothic", "TakaoGothic", "VL PGothic"),
    *("VL Gothic", "M PLUS 1p", "Noto Serif CJK JP", "IPAexMincho", "Droid Sans Fallback", "Noto Sans CJK SC"),
    *("Noto Sans CJK TC", "Noto Sans CJK KR", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Arial Unicode MS"),
)
# Packages that bring a font along: the folder in which it lies.
_FONT_PACKAGES = ("matplotlib_fontja", "japanize_matplotlib")


def check_chart(path: Path) -> None:
    """See whether a chart can be drawn to a path, before anything is read or measured.

    Raises InputError for another format than SVG and PNG, for a folder that is not there, and without matplotlib.
    """
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"{path}: name a .svg or a .png file")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it, or name another")
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("a chart needs matplotlib: pip install matplotlib matplotlib-fontja")


def write_chart(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib's; the same figure gives the same bytes.

    Raises OutputError when the file cannot be written; it is there whole or not at all.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import

    content, kind = io.BytesIO(), path.suffix.lower()[1:]
    # No random ids; and of the two kinds, SVG alone would carry a date.
    with mpl.rc_context({"svg.hashsalt": "awct2"}):
        figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    try:
        put(path, content.getvalue(), through_links=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error, path)}") from error


def fonts(text: str) -> tuple[list[str], str]:
    """Give the fonts to draw a text with, and the characters that none of them has."""
    from matplotlib import font_manager  # noqa: PLC0415 - as above

    manager = font_manager.fontManager
    # matplotlib brings this one along, so it is always there.
    family = ["DejaVu Sans"]
    lacking = _lacking(text, manager.findfont("DejaVu Sans"))
    known = {font.name for font in manager.ttflist}
    for name in (*(name for name in _JAPANESE_FONTS if name in known), *_FONT_PACKAGES):
        if not lacking:
            break
        try:
            path = manager.findfont(name, fallback_to_default=False) if name in known else _packaged(name)
            fewer = _lacking(lacking, path) if path else lacking
        except (OSError, RuntimeError, ValueError):  # a damaged font is no font
            continue
        if path and fewer != lacking:
            lacking = fewer
            if name not in known:
                manager.addfont(path)
                name = font_manager.FontProperties(fname=path).get_name()  # noqa: PLW2901 - a package is called otherwise
            family.append(name)
    return family, lacking


def _lacking(text: str, path: str) -> str:
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415 - as above

    has = FT2Font(path).get_charmap()
    return "".join(character for character in dict.fromkeys(text) if ord(character) not in has)


def _packaged(package: str) -> str | None:
    """Give the font that a package brings, without importing it: that would change how every chart looks."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "fonts" / "ipaexg.ttf"
    return str(path) if path.is_file() else None
