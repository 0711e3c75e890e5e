"""The page of `awct2 review` in Chromium, from the command to the sound: the sample, 100,000 and a million segments.

    python -m benchmarks.review_page [--sizes 0 100000 1000000] [--presses 100]
    python -m benchmarks.review_page --sizes 0 --out FILE      to try it

0 is the sample corpus as the tiny model hears it; other runs are made up on the spot, and all of their recordings are
one file of 100 s. Each is opened twice, the second time with the index of the first. Where a key is the beginning, time
is by the page's own clock: to the media element's `playing`, or to the frame in which the row is there. Before a key is
pressed, the clips around it are waited for, but for jumps. Needs Chromium and Playwright.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Browser, CDPSession

from benchmarks.measures.corpora import speechlike
from benchmarks.measures.made_up import SOUND_S, make_run
from benchmarks.measures.places import folder
from benchmarks.measures.process import PROC, about, span, wait_for_quiet
from benchmarks.report import store
from benchmarks.report.review_page_tables import criteria, review_page_table
from tests.support.asking import Asking
from tests.support.commands import awct2
from tests.support.desks import Desk
from tests.support.pages import Served, chromium_started, served, tab
from tests.support.places import CHECKPOINT, SAMPLE

_SLOW_MS = 200
_SLOW_PRESSES = 30
_REST_MS = 1_000
_JUMPS = 30
_BATCH = 300_000
# What the page's clock says of keys, sounds and answers; before any script of the page's own.
_CLOCK = """
  window.pressed = 0; window.heard = []; window.delay = 0;
  addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    const asked = window.pressed;
    this.addEventListener("playing", () => window.heard.push(performance.now() - asked), { once: true });
    return play.call(this);
  };
  const ask = window.fetch;
  window.fetch = async (path, ...more) => {
    if (window.delay && String(path).includes("api/clip")) await new Promise((go) => setTimeout(go, window.delay));
    return ask(path, ...more);
  };
  performance.setResourceTimingBufferSize(5000);
"""
_SHOWN = """async (position) => {
  const page = document.querySelector("awct2-review");
  const row = () => page.shadowRoot.querySelector("awct2-queue").shadowRoot
    .querySelector(`[aria-rowindex="${position + 1}"][aria-selected="true"] .text`);
  while (page.dataset.position !== String(position) || !row()) await new Promise(requestAnimationFrame);
  return performance.now() - window.pressed;
}"""
_ANSWERS = """(path) => performance.getEntriesByType("resource")
  .filter((one) => one.name.endsWith(path)).map((one) => one.duration)"""


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "review-page")
    parser.add_argument("--sizes", type=int, nargs="*", default=[0, 100_000, 1_000_000])
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--patience", type=float, default=600.0, help="seconds to wait for a quiet machine, each time")
    options = parser.parse_args()
    where = about()
    sizes: list[dict[str, Any]] = []
    with folder(options.temp) as temp, chromium_started() as browser:
        where["chromium"] = browser.version
        for segments in options.sizes:
            run = sample_run(temp) if segments == 0 else made_up_run(temp, segments)
            wait_for_quiet(at_most_s=options.patience)
            with span() as passed:
                measured = measure(browser, run, temp / f"cache-{segments}", options.presses)
            measured |= {"segments": segments, "others_share": passed.others_share}
            sizes.append(measured)
            print(f"{segments}: {measured}", file=sys.stderr)
            report = {"sizes": sizes, "criteria": criteria(sizes)}
            chosen = {"sizes": options.sizes, "presses": options.presses}
            # After every size, so that a measurement that is cut short keeps what it has.
            store.save(options.out, chosen, report, where)
    print(review_page_table({"options": chosen, **report}))


def sample_run(temp: Path) -> Path:
    """Transcribe the sample corpus."""
    from anime_whisper_ct2_convert import convert

    model = convert(str(CHECKPOINT), temp / "tiny", quantization="float32").path
    done = awct2("run", SAMPLE / "corpus", "-o", temp / "sample", "--model", model, "--overwrite", "--quiet")
    assert done.returncode == 0, done.stderr
    return temp / "sample"


def made_up_run(temp: Path, segments: int) -> Path:
    """Make up a run of which something can be heard."""
    sound = temp / "sound.ogg"
    soundfile.write(sound, speechlike(SOUND_S, 19), 16_000)
    return make_run(temp / f"run-{segments}", segments, sound=sound).parent


def measure(browser: Browser, run: Path, cache: Path, presses: int) -> dict[str, Any]:
    """Open a run twice, and do on its page what a reviewer does."""
    shutil.rmtree(cache, ignore_errors=True)
    shutil.rmtree(run / "review", ignore_errors=True)
    measured: dict[str, Any] = {}
    with opened(browser, run, cache) as (_, took):
        measured["first_start"] = took
    with opened(browser, run, cache) as (here, took):
        measured["second_start"] = took
        measured["total"] = here.api("state")["total"]
        measured["queues"] = queues(here)
        measured["ends"] = ends(here)
        measured["playing"] = playing(here, presses)
        measured["decisions"] = decisions(here, presses)
        measured |= memory(here)
    with served(run, "--reviewer", "bench", AWCT2_CACHE=str(cache)) as server, Asking(server) as asking:
        measured["batch"] = batch(asking)
        measured["server_peak_mib"] = max(measured["server_peak_mib"], peak_mib(server))
    return measured


@contextmanager
def opened(browser: Browser, run: Path, cache: Path) -> Iterator[tuple[Desk, dict[str, float]]]:
    """Start the command and open its page; gives the seconds until it shows rows, and until one is heard."""
    begun = time.perf_counter()
    with served(run, "--reviewer", "bench", AWCT2_CACHE=str(cache)) as server:
        ready_s = time.perf_counter() - begun
        with tab(browser, server) as (page, watched):
            page.add_init_script(_CLOCK)
            page.set_default_timeout(120_000)
            here = Desk(page, watched, server)
            page.goto(server.url)
            page.locator("awct2-queue .text").first.wait_for()
            rows_s = time.perf_counter() - begun
            here.wait_detail()
            page.locator('awct2-review:not([data-held="0"])').wait_for()
            here.press("r")
            here.wait(playing=True)
            yield here, {"ready_s": ready_s, "rows_s": rows_s, "playing_s": time.perf_counter() - begun}
            watched.assert_clean()


def queues(here: Desk) -> dict[str, Any]:
    """Ask for one queue after the other by the page's own controls; how long the server took, of each."""

    def asked(act: Callable[[], object]) -> float:
        """Give milliseconds from the request to the rows that are shown."""
        here.page.evaluate("() => performance.clearResourceTimings()")
        before = here.state("queue")
        act()
        here.page.locator(f'awct2-review:not([data-queue="{before}"]):not([data-queue=""])').wait_for()
        return float(max(here.page.evaluate(_ANSWERS, "/api/queue")))

    page = here.page
    speaker = page.get_by_label("Speaker").locator("option").nth(1).get_attribute("value")
    took: dict[str, float] = {}
    for _ in range(3):
        for name, act in {
            "without flags": lambda: page.get_by_label("Flag").select_option("none"),
            "all flags": lambda: page.get_by_label("Flag").select_option(""),
            "speaker": lambda: page.get_by_label("Speaker").select_option(speaker),
            "all speakers": lambda: page.get_by_label("Speaker").select_option(""),
            "two characters": lambda: page.get_by_role("searchbox").fill("学校"),
            "all texts": lambda: page.get_by_role("searchbox").fill(""),
            "sorted by length": lambda: page.get_by_label("Order by").select_option("length"),
            "sorted by name": lambda: page.get_by_label("Order by").select_option("id"),
            "sorted by risk": lambda: page.get_by_label("Order by").select_option("risk"),
        }.items():
            took[name] = max(took.get(name, 0.0), asked(act))
    page.get_by_label("Regex").check()
    took["pattern"] = asked(lambda: page.get_by_role("searchbox").fill("[ぁ-ん]{6}[校薬]"))
    asked(lambda: page.get_by_role("button", name="Clear filters").click())
    return {"longest_ms": took}


def ends(here: Desk) -> dict[str, Any]:
    """Go from one end to the other; to the frame in which the row is there."""
    took: dict[str, list[float]] = {"End": [], "Home": []}
    last = int(here.state("count")) - 1
    for _ in range(5):
        for key, position in (("End", last), ("Home", 0)):
            here.press(key)
            took[key].append(here.page.evaluate(_SHOWN, position))
    rows = here.page.locator("awct2-queue [role=row]").count()
    return {"row_elements": rows, **{f"{key.lower()}_ms": summary(each) for key, each in took.items()}}


def playing(here: Desk, presses: int) -> dict[str, Any]:
    """Go on, and hear how soon the next clip begins: held ready, after a jump, and with slow answers."""

    def press(key: str) -> float:
        """Give milliseconds from a key to the sound."""
        before = here.page.evaluate("() => window.heard.length")
        here.press(key)
        while (now := here.page.evaluate("() => window.heard"))[before:] == []:
            here.page.wait_for_timeout(2)
        return float(now[-1])

    def heard(keys: int, key: str, rest_ms: float | None) -> list[float]:
        """Press a key so often, going round; `rest_ms` after all around it stands ready, or at once."""
        press("Home")
        figures: list[float] = []
        for _ in range(keys):
            if int(here.state("position")) + 12 > int(here.state("count")):
                press("Home")
            if rest_ms is not None:
                here.page.locator('awct2-review:is([data-prefetched="5"], [data-prefetched="6"])').wait_for()
                here.page.wait_for_timeout(rest_ms)
            figures.append(press(key))
        return figures

    figures = {"prefetched_ms": summary(heard(presses, "j", 0.0))}
    figures["after_a_jump_ms"] = summary(heard(_JUMPS, "PageDown", None))
    here.page.evaluate(f"() => {{ window.delay = {_SLOW_MS}; }}")
    figures["slow_answers_ms"] = summary(heard(min(presses, _SLOW_PRESSES), "j", _REST_MS))
    here.page.evaluate("() => { window.delay = 0; }")
    return figures


def decisions(here: Desk, presses: int) -> dict[str, Any]:
    """Accept one clip after the other; how long the answers took, each behind its line's fsync."""
    here.press("Home")
    here.wait(position=0)
    here.page.evaluate("() => performance.clearResourceTimings()")
    for position in range(min(presses, int(here.state("count")) - 1)):
        here.press("Enter")
        here.wait(position=position + 1)
        here.wait_saved()
    return {"answer_ms": summary(here.page.evaluate(_ANSWERS, "/api/decide"))}


def memory(here: Desk) -> dict[str, float]:
    """Give what the page's script and the server have taken by now, without garbage and at most."""
    session: CDPSession = here.page.context.new_cdp_session(here.page)
    session.send("Performance.enable")
    before = _heap_mib(session)
    session.send("HeapProfiler.collectGarbage")
    return {"heap_mib": before, "heap_kept_mib": _heap_mib(session), "server_peak_mib": peak_mib(here.server)}


def _heap_mib(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "JSHeapUsedSize") / 2**20


def peak_mib(server: Served) -> float:
    """Give the most that the server's own process has had; those that decode clips are others."""
    status = (PROC / str(server.process.pid) / "status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def batch(asking: Asking) -> dict[str, float]:
    """Accept 300,000 at once, or as many as there are."""
    asking.wait_until_ready()
    for path in ("話者0[0-6]*", "*"):
        filters = {"path": path, "status": "open"}
        queue = asking.post("queue", filters=filters, sort="id", descending=False)
        if queue["count"] >= _BATCH or path == "*":
            break
    begun = time.perf_counter()
    done = asking.post("batch", queue=queue["queue"], action="accept", value=None, only_undecided=True)
    took_s = time.perf_counter() - begun
    begun = time.perf_counter()
    asking.post("undo")
    return {"count": done["count"], "accept_s": took_s, "undo_s": time.perf_counter() - begun}


def summary(took_ms: list[float]) -> dict[str, float]:
    """Give the median, the 95th percentile and the longest, and how many there were."""
    ordered = sorted(took_ms)
    return {
        "median": float(np.median(ordered)),
        "p95": float(np.percentile(ordered, 95)),
        "longest": ordered[-1],
        "count": len(ordered),
    }


if __name__ == "__main__":
    main()
