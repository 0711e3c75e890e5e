"""What results look like: each as a Markdown table, some as a chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report.charts import bars, curves
from benchmarks.report.words import EN, Words

Report = Mapping[str, Any]


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Lay out a Markdown table; all columns but the first are numbers."""
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *(map(str, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def compare_table(report: Report, words: Words = EN) -> str:
    """Give all systems, the quickest first, and how many times faster this project is than each."""
    systems = sorted(report["systems"].items(), key=lambda item: item[1]["real_time_factor"])
    labels = {key: words.labels.get(key, system["label"]) for key, system in systems}
    ours = [name for name in ("awct2-full", "awct2-fit") if name in report["systems"]]
    head = [*words.compare_head, *(words.times_as_fast.format(name=labels[name]) for name in ours)]
    rows = [
        [
            labels[key],
            f"{system['times_real_time']:.1f}",
            f"{system['real_time_factor']:.4f}",
            f"{system['ms_per_clip']:.0f}",
            f"{system['cpu_s_per_audio_hour']:,.0f}",
            f"{system['peak_mib']:,.0f}",
            f"{system['load_s']:.1f}",
            *(_times(report["ratios"][name].get(key)) for name in ours),
        ]
        for key, system in systems
    ]
    wrong = sum(system["wrong_texts"] for _, system in systems)
    options, n = report["options"], report["options"]["rounds"]
    rounds = words.one_round if n == 1 else words.rounds.format(n=n)
    said = (
        words.compare.format(clips=options["clips"], size=options["size"], rounds=rounds),
        words.wrong.format(wrong=wrong) if wrong else words.right,
        words.others.format(share=100 * max(system["others_share"] for _, system in systems)),
    )
    return f"{words.between.join(said)}\n\n{table(head, rows)}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def frontend_table(report: Report) -> str:
    """Give the stages of one clip for each format, and the workers' throughput."""
    head = ["ms / clip", "read", "log-mel", "whole", "whole / stages"]
    head += ["faster-whisper: decode", "VAD", "features", "times as fast"]
    keys = ("read", "log_mel", "extract", "extract_over_bare", "their_decode", "their_vad", "their_features")
    rows = [
        [name, *(f"{row[key]:.2f}" for key in keys), f"{row['times_faster']:.1f}"]
        for name, row in report["formats"].items()
    ]
    pool = ", ".join(f"{n} worker{'s' * (n != '1')} {rate:.0f}" for n, rate in report["pool_clips_per_s"].items())
    return f"{table(head, rows)}\n\nClips per second through the pool: {pool}; {report['pool_scaling']:.2f} times."


def engine_table(report: Report) -> str:
    """Give the milliseconds per window, and what a short one saves."""
    rows = [
        [row["frames"], f"{row['frames'] / 100:.2f}", row["batch"]]
        + [f"{row[key]:.2f}" for key in ("encode_ms", "decode_ms", "window_ms")]
        for row in report["rows"]
    ]
    head = ["frames", "seconds", "batch", "encode ms / window", "decode ms / window", "whole ms / window"]
    options = report["options"]
    text = f"Stand-in `{options['size']}`, {options['compute_type']} on {options['device']}.\n\n{table(head, rows)}"
    if times := report.get("full_over_short"):
        text += "\n\nA 30 s window costs as much as: "
        text += "; ".join(f"{times:.1f} windows of {what}" for what, times in times.items()) + "."
    return text


def overhead_table(report: Report) -> str:
    """Give run and bare engine."""
    head = ["window", "run s", "engine alone s", "run longer by", "run CPU s", "engine alone CPU s", "batches"]
    rows = [
        [
            name,
            f"{row['run_s']:.2f}",
            f"{row['bare_s']:.2f}",
            f"{100 * row['overhead']:.1f} %",
            f"{row['run_cpu_s']:.1f}",
            f"{row['bare_cpu_s']:.1f}",
            row["batches"],
        ]
        for name in ("full", "fit")
        if (row := report.get(name))
    ]
    options = report["options"]
    what = f"{options['clips']} clips, stand-in `{options['size']}`, {_rounds(options)}."
    others = EN.others.format(
        share=100 * max(report[name]["others_share"] for name in ("full", "fit") if name in report)
    )
    return f"{what} {others}\n\n{table(head, rows)}"


def soak_table(report: Report) -> str:
    """Give memory, open files and processes of each part."""
    options, parts = report["options"], report["parts"]
    names = {
        "soak": f"{options['clips']:,} clips",
        "many": f"{options['many']:,} clips",
        "few": f"{options['few']:,} clips",
        "long": f"one recording of {options['hours']:g} h",
        "one": "one clip",
    }
    head = ["", "peak MiB", "wall s", "open files, first / last / after", "processes, most / after"]
    rows = []
    for name, label in names.items():
        part, curve = parts[name], parts[name]["curve"]
        files = f"{curve[len(curve) // 10][2]} / {curve[-1][2]} / {part['open_files_after']}"
        processes = f"{max(point[3] for point in curve)} / {part['processes_after']}"
        rows.append([label, f"{part['peak_mib']:,.0f}", f"{part['wall_s']:.0f}", files, processes])
    ratio, beyond = report["many_over_few"], report["long_beyond_one_mib"]
    return (
        f"{table(head, rows)}\n\nPeak over {options['many']:,} clips: {ratio:.3f} times that over {options['few']:,}. "
        f"The long recording takes {beyond:.0f} MiB more than one clip."
    )


def convert_table(report: Report, words: Words = EN) -> str:
    """Give wall time and peak memory of both converters."""
    rows = [
        [
            row["quantization"],
            row["converter"],
            f"{row['wall_s']:.1f}",
            f"{row['peak_mib']:,.0f}",
            words.same[row["identical"]],
        ]
        for row in report["measurements"]
    ]
    return f"{words.convert.format(size=report['options']['size'])}\n\n{table(words.convert_head, rows)}"


def compare_chart(report: Report, path: Path) -> None:
    """Draw the comparison."""
    options, cores = report["options"], report["about"]["machine"]["cores"]
    bars(
        report["systems"],
        f"{options['clips']} clips, 5.1 s on average, stand-in {options['size']}, {cores} cores",
        path,
    )


def soak_chart(report: Report, path: Path) -> None:
    """Draw the soak."""
    options, parts = report["options"], report["parts"]
    shown = {
        f"{options['clips']:,} clips": parts["soak"],
        f"{options['many']:,} clips": parts["many"],
        f"{options['few']:,} clips": parts["few"],
        f"one of {options['hours']:g} h": parts["long"],
    }
    curves(shown, "A run with a fake engine, over time", path)


def mixed_table(report: Report) -> str:
    """Give how long clips and a recording take apart and together."""
    options, rounds = report["options"], report["rounds"]
    rows = [
        [
            what,
            f"{median(each[key]['wall_s'] for each in rounds):.1f}",
            f"{median(each[key]['clips_s'] for each in rounds):.1f}",
        ]
        for key, what in (
            ("clips_alone", f"{options['clips']} clips"),
            ("recording_alone", f"a recording of {options['minutes']:g} min"),
            ("together", "both, the recording listed first"),
        )
    ]
    rows[1][2] = ""
    return (
        f"Stand-in `{options['size']}`, {options['window']} windows, medians of {options['rounds']} rounds.\n\n"
        + table(["corpus", "all done, s", "last clip home, s"], rows)
        + f"\n\nTogether they take {report['together_over_apart']:.2f} times as long as apart; the last clip is home "
        f"after {100 * report['clips_home_share']:.0f} % of the time."
    )


def vad_table(report: Report) -> str:
    """Give both VADs beside each other, and the long recording."""
    options = report["options"]
    rows = [
        [
            what,
            *(f"{report[key]:.3f}" for key in (f"{name}_s", f"their_{name}_s")),
            f"{report[f'{name}_times_faster']:.2f}",
        ]
        for name, what in (("network", "probabilities"), ("spans", "spans"))
    ]
    beside_theirs = table([f"{options['minutes']:g} minutes", "s", "faster-whisper s", "times as fast"], rows)
    names = (("short", f"{options['minutes']:g} min"), ("long", f"{options['hours']:g} h"))
    head = ["file to features", "wall s", "× real time", "segments", "longest s", "peak beyond start MiB"]
    figures = (
        ("wall_s", ".1f"),
        ("times_real_time", ".0f"),
        ("segments", ",d"),
        ("longest_s", ".1f"),
        ("peak_mib", ".0f"),
    )
    streams = table(
        head, [[label, *(format(report[key][name], form) for name, form in figures)] for key, label in names]
    )
    return (
        f"{beside_theirs}\n\n{options['rounds']} rounds, one thread; {report['times_real_time']:.0f} times real time. "
        f"The spans of 10 hours take {report['spans_s_per_10_h']:.2f} s of it.\n\n{streams}\n\n"
        f"The long recording takes {report['long_beyond_short_mib']:.0f} MiB more than the short one."
    )


def _rounds(options: Mapping[str, Any]) -> str:
    return f"{options['rounds']} round" + ("s" if options["rounds"] > 1 else "")


def retries_table(report: Report) -> str:
    """Give what planted loops cost, for full and fitted windows."""
    options = report["options"]
    slower = {"slower": "slower"}
    if "slower_audited" in report.get("fit", {}):
        slower |= {"slower_audited": "with the audit", "slower_before": "at 30 s at once, 1 % audited"}
    rows = [
        [
            window,
            f"{report[window]['plain_s']:.1f}",
            f"{report[window]['looped_s']:.1f}",
            f"{report[window]['retried']:.0f}",
            *(f"{100 * report[window][key]:.1f} %" if key in report[window] else "–" for key in slower),
        ]
        for window in ("full", "fit")
        if window in report
    ]
    head = ["windows", "no loops, s", f"{100 * options['share']:g} % loops, s", "decoded again", *slower.values()]
    return f"{options['clips']} clips, stand-in `{options['size']}`, {_rounds(options)}.\n\n{table(head, rows)}"
