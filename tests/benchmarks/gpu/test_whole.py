"""The GPU's part keeps to its time, loses no more than a step to a hang, and is gone through to its end on a CPU."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks import render
from benchmarks.gpu import __main__ as whole
from benchmarks.gpu import budget, probe, steps
from benchmarks.gpu.plan import ENCODERS, SMOKE, STEPS
from benchmarks.measures import standins
from tests.support.processes import wait_until

# What each step leaves in the figures when it has its way, without those of the systems, and those.
PARTS = {
    "prepare": ["prepare"],
    "probe": ["probe"],
    "texts": ["texts"],
    "words": ["words"],
    "memory": [f"memory, {encoder}" for encoder in ENCODERS],
    "stations": ["stations"],
    "engines": ["engines"],
}
SYSTEMS = {
    "fit": [f"awct2-fit-{encoder}" for encoder in ENCODERS],
    "full": [f"awct2-full-{encoder}" for encoder in ENCODERS],
    "faster-whisper": ["fw-batched"],
    "transformers": ["hf-2"],
}


def test_a_step_that_fails_or_finds_no_time_is_named_and_the_others_are_done() -> None:
    clock = budget.Clock(minutes=1)
    saved: list[str] = []
    clock.after = lambda: saved.append(clock.under_way)

    def fail(_: float) -> None:
        raise KeyError("wall_s")

    assert clock.step("one", fail) is None
    assert clock.step("two", lambda limit_s: limit_s, most_s=5) == 5
    assert clock.step("three", lambda limit_s: limit_s) == pytest.approx(60, abs=30)
    assert clock.step("four", lambda limit_s: limit_s, needs_s=100) is None
    assert clock.skipped == {"one": "'wall_s'", "four": "no time left"}
    assert saved == ["one", "two", "three"]


def test_a_step_that_never_ends_is_given_up() -> None:
    given_up = threading.Event()
    clock = budget.Clock(minutes=0.001)
    clock.guard(given_up.set, grace_s=0.1)
    assert given_up.wait(20)


def test_a_part_that_takes_too_long_or_breaks_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"benchmarks.soak took more than 0 s"):
        budget.command_output(["benchmarks.soak", "--help"], timeout_s=0.05)
    with pytest.raises(RuntimeError, match="the following arguments are required: size, folder"):
        budget.command_output(["benchmarks.measures.standins"])


@pytest.mark.posix("process groups")
def test_nothing_is_left_of_a_part_that_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    waits = "import time; time.sleep(600)"
    parent = (
        "import subprocess, sys, pathlib; child = subprocess.Popen([sys.executable, '-c', sys.argv[2]]);"
        "file = pathlib.Path(sys.argv[1]); file.with_suffix('.new').write_text(str(child.pid));"
        "file.with_suffix('.new').rename(file); child.wait()"
    )
    found: list[BaseException] = []

    def run() -> None:
        try:
            budget.output_of([sys.executable, "-c", parent, str(pid), waits], timeout_s=1.5)
        except RuntimeError as error:
            found.append(error)

    runner = threading.Thread(target=run)
    runner.start()
    wait_until(pid.is_file, 60, "the part did not begin")
    runner.join(60)
    assert "took more than 2 s" in str(found[0])
    child = Path("/proc") / pid.read_text(encoding="utf-8") / "stat"
    # Dead and waited for by whoever adopted it, or not yet.
    wait_until(lambda: not child.exists() or ") Z " in child.read_text(encoding="utf-8"), 60, "its child lives on")


class Launched:
    """Does what each process of a step would, and hangs in one of them after a first figure, until it is killed."""

    def __init__(self, hangs: str) -> None:
        self.hangs = hangs

    def __call__(self, arguments: Sequence[str], limit_s: float) -> object:
        module, out = arguments[0], Path(arguments[arguments.index("--out") + 1])
        hangs = self.hangs == step_of(arguments)
        if module == "benchmarks.gpu.probe":
            lines = ['{"name": "encode.256", "took_s": 1.0, "windows": 94, "ms": 1.5}\n']
            lines += ['{"name": "decode.3'] if hangs else ['{"name": "decode.384", "took_s": 1.0, "ms": 0.1}\n']
            out.write_text("".join(lines), encoding="utf-8")
        elif module.startswith("benchmarks.systems."):
            if not hangs:
                self._system(out, dict(word.split("=", 1) for word in arguments[arguments.index("--set") + 1 :]))
        else:
            # Of what is written bit by bit, the first bit; of all else a hang leaves nothing.
            kept = {"found": 2, "done": 2, "memory_halvings": 1, "batch_size": 8, "times_real_time": 9.0}
            figures = {"float32, torch": {"clips": 2, "equal": 2, "logprob_difference": 0.0}}
            wanted = figures if module == "benchmarks.gpu.texts" else kept
            if not hangs or module == "benchmarks.gpu.texts":
                out.write_text(json.dumps({"about": {}, "options": {}, **wanted}), encoding="utf-8")
        if hangs:
            budget.output_of([sys.executable, "-S", "-c", "import time; time.sleep(600)"], limit_s)
        return ""

    def _system(self, out: Path, settings: dict[str, str]) -> None:
        out.mkdir(parents=True, exist_ok=True)
        figures = {"clips": 2, "audio_s": 10.0, "wall_s": 0.1, "cpu_s": 1.0, "peak_mib": 100.0, "load_s": 1.0}
        result = {**figures, "settings": {"batch_size": 0, **settings}, "notes": {"engine_waits": 0.02}}
        (out / "result.json").write_text(json.dumps(result), encoding="utf-8")
        (out / "transcripts.jsonl").write_text(json.dumps({"id": "a", "text": standins.TEXT}) + "\n", encoding="utf-8")


def step_of(arguments: Sequence[str]) -> str:
    """Say which step a process is of; second rounds begin like the first."""
    module, words = arguments[0].rpartition(".")[2], set(arguments)
    if module == "awct2":
        return "fit" if "window=fit" in words else "full"
    if module in ("texts", "stations"):
        return {("texts", True): "words", ("stations", False): "engines"}.get(
            (module, bool(words & {"--words", "--kill"})), module
        )
    peers = {"oom": "memory", "faster_whisper_batched": "faster-whisper", "transformers_loader": "transformers"}
    return peers.get(module, module)


@pytest.mark.posix("statvfs")
@pytest.mark.parametrize("hangs", [*(step for step in STEPS if step != "rounds"), "nothing"])
def test_a_hang_in_any_step_costs_that_step_alone(hangs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GpuWatch", Unwatched)
    clock = budget.Clock(minutes=5)
    part = steps.Gpu(replace(SMOKE, limits=dict.fromkeys(STEPS, 0.15)), tmp_path, clock, Launched(hangs))
    part.measure()
    lost = {*PARTS.get(hangs, ()), *SYSTEMS.get(hangs, ())}
    # What was written before the hang counts.
    lost -= {"probe", "texts", "words"}
    present = {*part.figures, *part.figures["systems"]} - {"systems"}
    assert present == {name for names in (*PARTS.values(), *SYSTEMS.values()) for name in names} - lost
    assert set(part.figures["probe"]) == ({"encode.256"} if hangs == "probe" else {"encode.256", "decode.384"})
    of_this = {name.partition(",")[0] for name in clock.skipped}
    if hangs == "nothing":
        assert clock.skipped == {}
    else:
        assert all(why.endswith("took more than 0 s") for why in clock.skipped.values())
        assert len(of_this) == 1


class Unwatched:
    """Sees nothing, and starts no process for it."""

    peak_mib = None

    def __enter__(self) -> Unwatched:
        return self

    def __exit__(self, *_: object) -> None: ...

    def busy(self, _seconds: float) -> None: ...


def test_steps_are_chosen_by_name_and_go_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GpuWatch", Unwatched)
    part = steps.Gpu(SMOKE, tmp_path, budget.Clock(minutes=5), Launched("nothing"))
    part.measure(["memory", "fit"])
    assert list(part.figures) == ["systems", "memory, torch", "memory, ctranslate2"]
    assert list(part.figures["systems"]) == ["awct2-fit-torch", "awct2-fit-ctranslate2"]


def test_the_folder_is_a_fixed_one_and_earlier_figures_of_the_same_commit_and_machine_stay(tmp_path: Path) -> None:
    assert whole.usual_folder(smoke=False) == whole.usual_folder(smoke=False) != whole.usual_folder(smoke=True)
    where = {"commit": "abc", "machine": {"gpu": "H200"}}
    chosen = {"size": "full"}
    out = tmp_path / "gpu.json"
    assert whole.earlier(out, chosen, where) == {}
    out.write_text(json.dumps({"about": where, "options": chosen, "words": {"a": 1}, "skipped": {"b": "c"}}))
    assert whole.earlier(out, chosen, where) == {"words": {"a": 1}}
    assert whole.earlier(out, chosen, {**where, "commit": "def"}) == {}
    assert whole.earlier(out, {"size": "33m"}, where) == {}
    out.write_text("[")
    assert whole.earlier(out, chosen, where) == {}


def test_the_names_of_the_steps_are_in_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu", "--help"])
    with pytest.raises(SystemExit):
        whole.main()
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in STEPS)


@pytest.mark.smoke
@pytest.mark.posix("/proc")
def test_the_gpu_part_runs_to_its_end_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "results" / "gpu.json"
    options = ["--smoke", "--minutes", "20", "--temp", str(tmp_path), "--out", str(out)]
    budget.command_output(["benchmarks.gpu", *options], timeout_s=1_300)
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["skipped"] == {}
    assert {name for names in SYSTEMS.values() for name in names} == set(report["systems"])
    assert {name for names in PARTS.values() for name in names} <= set(report)
    probed = report["probe"]
    assert {name.partition(".")[0] for name in probed} == set(probe.PARTS)
    assert not [name for name, figure in probed.items() if "error" in figure]
    met = {row["what"]: row["met"] for row in report["asked"]}
    of_a_cpu = (
        "wrong texts",
        "% of the texts",
        "% of the words",
        "% of the clips",
        "batches",
        "CTranslate2's",
        "torch's",
    )
    verdicts = {what: found for what, found in met.items() if what.startswith(of_a_cpu)}
    assert len(verdicts) == 11
    assert all(verdicts.values()), verdicts
    assert out.with_suffix(".svg").is_file()
    page = tmp_path / "page.md"
    page.write_text("<!-- results: gpu -->\n<!-- end of results -->\n", encoding="utf-8")
    render.fill(page, results=out.parent)
    assert "| awct2, fit, torch | auto | 1 | 80 | 2 |" in page.read_text(encoding="utf-8")
