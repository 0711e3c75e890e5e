"""`awct2 run --dry-run`: its options, and a plan as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from anime_whisper_ct2.cli.groups import option_of, together
from anime_whisper_ct2.cli.pacing import duration
from anime_whisper_ct2.errors import InputError, one_line
from anime_whisper_ct2.features.mel import FRAMES_PER_S
from anime_whisper_ct2.plan import Estimate, LengthClass, Plan, PlanOptions

_DEFAULTS = PlanOptions()
_BAR, _BAR_COLUMNS = "█", 30
_ENGINES = (1, 8, 64, 512)
_plan = option_of("Plan")


plan_options = together(
    _plan("--dry-run", is_flag=True, help="Say what there is to do and how long it takes, and do nothing."),
    _plan(
        "--rate",
        metavar="X",
        type=float,
        help="With --dry-run: how many times real time one engine is. [default: as OUTPUT/run.json says]",
    ),
    _plan(
        "--sample",
        metavar="N",
        type=int,
        help=f"With --dry-run: read the headers of so many recordings. [default: {_DEFAULTS.sample}]",
    ),
)


def read_plan_options(given: dict[str, Any]) -> PlanOptions | None:
    """Make options of what was given; None: no plan is wanted. Raises InputError for what is of a plan alone."""
    if not given["dry_run"]:
        for name in ("rate", "sample"):
            if given[name] is not None:
                raise InputError(f"--{name} is for --dry-run; add that, or leave it out")
        return None
    return PlanOptions(_DEFAULTS.sample if given["sample"] is None else given["sample"], given["rate"])


def plan_text(plan: Plan) -> str:
    """Write a plan for people to read."""
    if not plan.found:
        return one_line(f"{''.join(plan.notes)}.")
    parts = [list(_amounts(plan))]
    if plan.percentiles_s is not None:
        parts += [list(_lengths(plan.lengths)), list(_windows(plan)), list(_time(plan))]
    return "\n\n".join("\n".join(part) for part in parts)


def _amounts(plan: Plan) -> Iterator[str]:
    before = [(plan.resumed, "transcribed before"), (plan.failed_before, "failed before")]
    rest = ", ".join(f"{count:,} {what}" for count, what in (*before, (plan.todo, "to do")) if count or what == "to do")
    yield f"Recordings  {plan.found:,} found: {rest}"
    yield from (one_line(f"{'':12}{note}") for note in plan.notes)
    if not plan.todo:
        return
    audio = plan.audio_s
    yield f"Audio       {_audio(audio.value)}{_interval(audio, _audio)}"
    yield f"Size        {_size(plan.bytes.value)}{_interval(plan.bytes, _size)}"
    if plan.percentiles_s is not None:
        low, median, high, longest = plan.percentiles_s
        yield f"Length      median {median:.1f} s, nine in ten {low:.1f} to {high:.1f} s, longest {longest:,.1f} s"
    drawn = "all" if plan.read == plan.todo else f"{plan.read:,}, drawn at random,"
    yield f"Read        the headers of {drawn} of {plan.todo:,}"
    if plan.unreadable:
        yield f"Unreadable  {plan.unreadable:,} of those read; a run records each as failed"
    if plan.unknown:
        one, many = "does not say how long it is; it counts", "do not say how long they are; they count"
        yield f"Unknown     {plan.unknown:,} of those read {one if plan.unknown == 1 else many} as the others do"


def _lengths(lengths: tuple[LengthClass, ...]) -> Iterator[str]:
    used = [at for at, one in enumerate(lengths) if one.recordings]
    most = max((one.recordings for one in lengths), default=0)
    yield f"{'Seconds':>12}  {'recordings':>12}  {'hours':>10}"
    for one in lengths[used[0] : used[-1] + 1] if used else ():
        name = f"{one.from_s:g} and more" if math.isinf(one.to_s) else f"{one.from_s:g} to {one.to_s:g}"
        bar = _BAR * math.ceil(one.recordings / most * _BAR_COLUMNS)
        yield f"{name:>12}  {one.recordings:>12,}  {_hours(one.audio_s):>10}  {bar}".rstrip()


def _windows(plan: Plan) -> Iterator[str]:
    if plan.window.mode == "fit":
        yield f"Windows are fitted, with a tail of {plan.window.tail_s:g} s."
    else:
        why = {None: "; the model is not converted here yet", False: "; awct2 calibrate can shorten them", True: ""}
        yield f"Windows are full: 30 s each{why[plan.calibrated]}."
    yield f"{'Window':>12}  {'windows':>12}  {'together':>10}  {'batches':>10}"
    for bucket in plan.buckets:
        seconds = f"{bucket.frames / FRAMES_PER_S:.2f} s"
        yield f"{seconds:>12}  {bucket.windows:>12,}  {bucket.together:>10,}  {bucket.batches:>10,}"


def _time(plan: Plan) -> Iterator[str]:
    if plan.rate is None:
        yield "How long it takes is not known: no run here has measured it, and no --rate says it."
        yield "Transcribe a part first (--limit 1000 in place of --dry-run), or give --rate."
        return
    yield f"One engine does {plan.rate.speed:,.1f} times real time, says {plan.rate.source}."
    for engines in sorted({plan.engines, *_ENGINES}):
        time = plan.wall_s(engines)
        assert time is not None
        asked = "  as asked for" if engines == plan.engines else ""
        interval = _interval(time, duration) if engines == plan.engines else ""
        yield f"{engines:>12,}  {duration(time.value):>12}{interval}{asked}"
    whole = plan.wall_s(1)
    assert whole is not None
    yield f"Together {_hours(whole.value)} GPU-hours, or hours of whatever the engine runs on."


def _interval(of: Estimate, write: Callable[[float], str]) -> str:
    return "" if of.low == of.high else f" (95 %: {write(of.low)} to {write(of.high)})"


def _audio(seconds: float) -> str:
    return duration(seconds) if seconds < 360_000 else f"{seconds / 3600:,.0f} h"


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.0f}" if hours >= 1_000 else f"{hours:.1f}" if hours >= 10 else f"{hours:.3f}"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
