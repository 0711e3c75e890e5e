"""What the results of runs on a Ray cluster look like, as Markdown tables."""

from __future__ import annotations

from benchmarks.report.tables import Report, table


def ray_overhead_table(report: Report) -> str:
    """Give both ways beside each other, and what Ray takes longer."""
    options = report["options"]
    rows = [
        [name, *(f"{report[way][key]:.1f}" for key in ("wall_s", "load_s", "command_s", "cpu_s"))]
        for way, name in (("local", "`awct2 run`"), ("ray", "`awct2 run --ray`"))
    ]
    head = ["", "first recording to last result, s", "until then, s", "whole command, s", "CPU s"]
    rounds = options["rounds"]
    return (
        f"{options['clips']:,} clips, stand-in `{options['size']}`, {options['window']} windows, "
        f"{rounds} round{'s' * (rounds != 1)}. All else on the machine took at most "
        f"{100 * report['others_share']:.1f} % of its processor time meanwhile.\n\n{table(head, rows)}\n\n"
        f"With Ray, the work takes {_longer(report['overhead'])}, the whole command "
        f"{_longer(report['command_overhead'])}."
    )


def _longer(share: float) -> str:
    return f"{100 * abs(share):.1f} % {'longer' if share >= 0 else 'less'}"


def million_table(report: Report) -> str:
    """Give the driver's speed and memory, on a cluster and without, and the bits of its work."""
    options, parts = report["options"], report["parts"]
    on = f"on {options['nodes']} node{'s' * (options['nodes'] != 1)}"
    rows = []
    for name, what in (("cluster_few", on), ("cluster", on), ("local", "without Ray")):
        if part := parts.get(name):
            memory = part["driver_peak_mib"]
            rows.append(
                [
                    f"{part['recordings']:,}, {what}",
                    f"{part['per_s']:,.0f}",
                    f"{part['first_line_s']:.1f}",
                    f"{part['command_s']:.1f}",
                    f"{part['driver_cpu_s']:.1f}",
                    *(f"{memory[key]:,.0f}" for key in ("private", "files", "shared")),
                ]
            )
    head = ["recordings", "a second", "first line after s", "command s", "driver's CPU s"]
    head += ["driver's peak MiB: private", "pages of files", "shared with Ray"]
    text = table(head, rows)
    if alone := parts.get("alone"):
        names = {
            "listing": "listing loose files",
            "tar_listing": "listing tars",
            "shards": "sizes and shards",
            "ledger": "parts into the ledger",
        }
        rates = [(what, alone[f"{name}_per_cpu_s"]) for name, what in names.items()]
        each = [f"{what} {1e6 / rate:.1f}" for what, rate in rates]
        text += f"\n\nMicroseconds of the driver's CPU for a recording, bit by bit: {', '.join(each)}"
        if part := parts.get("cluster"):
            text += f"; all of it together {1e6 * part['driver_cpu_s'] / part['recordings']:.1f}"
        text += "."
    return text
