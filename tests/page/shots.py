"""Takes the handbook's pictures of the page: `make shots`.

The sample corpus, with mistakes put into what the tiny model heard; light, 1280 by 860, the same each time but for the
fonts of the machine. They go to `docs/LANGUAGE/guides/review-NAME.png`, or below a folder that is named.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.commands import awct2
from tests.support.desks import Desk, desk
from tests.support.pages import chromium_started, served
from tests.support.places import CHECKPOINT, ROOT, SAMPLE
from tests.support.spoiled import spoil

_LOCALES = {"en": "en-US", "ja": "ja-JP"}


def main() -> None:
    """Take them all, and say where they are."""
    to = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    with tempfile.TemporaryDirectory() as temp, chromium_started() as browser:
        heard = transcribed(Path(temp) / "transcripts-v2")
        spoiled = spoil(transcribed(Path(temp) / "transcripts"))
        for language in _LOCALES:
            folder = to / language / "guides"
            folder.mkdir(parents=True, exist_ok=True)
            for name, picture in shots(browser, spoiled, heard, language):
                path = folder / f"review-{name}.png"
                path.write_bytes(smaller(picture))
                print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


def transcribed(folder: Path) -> Path:
    """Transcribe the sample corpus with the times of words."""
    from anime_whisper_ct2_convert import convert

    model = convert(str(CHECKPOINT), folder.with_name(f"model-{folder.name}"), quantization="float32").path
    done = awct2("run", SAMPLE / "corpus", "-o", folder, "--model", model, "--words", "--quiet")
    assert done.returncode == 0, done.stderr
    return folder


def shots(browser: Browser, run: Path, against: Path, language: str) -> Iterator[tuple[str, bytes]]:
    """Decide on a few clips, and give pictures by their names."""
    locale = _LOCALES[language]
    with (
        served(run, "--reviewer", "mika", "--against", against) as server,
        desk(browser, server, color_scheme="light", reduced_motion="reduce", locale=locale) as here,
    ):
        decide(here)
        yield "list", still(here)
        here.press("e", "Delete")
        here.page.keyboard.insert_text("弟")
        yield "edit", still(here)
        here.press("Escape", "b")
        expect(here.page.locator("ol.examples li")).to_have_count(5)
        yield "batch", still(here)
        here.press("Escape", "?")
        here.page.locator("awct2-help dialog[open]").wait_for()
        yield "help", still(here)
    (run / "review" / "edits-mika.jsonl").unlink()


def decide(here: Desk) -> None:
    """Reject what was made up, correct what was misheard, and accept one that is right."""
    for position, key in ((0, "x"), (1, "x"), (2, "o"), (3, "o"), (4, "o"), (8, "Enter")):
        here.go(position)
        here.press(key)
        here.wait(position=position + 1)
        here.wait_saved()
    here.go(5)


def still(here: Desk) -> bytes:
    """Take a picture when nothing moves any more: the clip was heard, and the playhead is put where it began."""
    here.wait_held()
    here.wait(playing=False)
    expect(here.page.locator("awct2-pane .play")).to_contain_text("100 %")
    here.page.locator("awct2-wave canvas").first.wait_for(state="attached")
    here.page.evaluate(
        """() => {
          const { player, store } = document.querySelector("awct2-review");
          player.seek(store.times.start);
        }"""
    )
    here.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return here.page.screenshot(caret="hide", animations="disabled")


def smaller(picture: bytes) -> bytes:
    """Take colours away where Pillow is installed: nobody sees it, and it makes a third of a picture."""
    try:
        from PIL import Image
    except ImportError:
        return picture
    made = io.BytesIO()
    whole = Image.open(io.BytesIO(picture)).convert("RGB")
    whole.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
    return made.getvalue()


if __name__ == "__main__":
    main()
